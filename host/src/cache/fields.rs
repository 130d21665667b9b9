//! The drift detector: a hash of the fields that we own in an object, from its `managedFields` alone. Pure.
//!
//! It changes when another writer takes, changes or removes one of our fields, and returns to the same value when we
//! apply again. It stays the same when others write their own fields, or the same values.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};

use crate::{api, canonical};

/// The hash of our apply entry; `None` when we own nothing in the object.
pub fn hash(managed_fields: Option<&[ManagedFieldsEntry]>) -> Option<String> {
    let FieldsV1(fields) = ours(managed_fields)?;
    let digest = canonical::digest_of(&canonical::text_of(fields));
    Some(digest[..HASH_DIGITS].to_owned())
}

/// Whether we own `spec.replicas`: dropping it would make the API server fall back to one.
pub fn own_replicas(managed_fields: Option<&[ManagedFieldsEntry]>) -> bool {
    ours(managed_fields).is_some_and(|FieldsV1(fields)| !fields["f:spec"]["f:replicas"].is_null())
}

fn ours(managed_fields: Option<&[ManagedFieldsEntry]>) -> Option<&FieldsV1> {
    managed_fields?.iter().find(|entry| is_ours(entry))?.fields_v1.as_ref()
}

/// Whether this entry is of what we apply.
pub fn is_ours(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(api::FIELD_MANAGER)
        && entry.operation.as_deref() == Some("Apply")
        && entry.subresource.as_deref().is_none_or(str::is_empty)
}

/// 128 bits are plenty against accidents, and there is one hash per object in every status.
const HASH_DIGITS: usize = 32;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;

    fn entry(manager: &str, operation: &str, fields: &Value) -> ManagedFieldsEntry {
        let entry = json!({"manager": manager, "operation": operation, "fieldsV1": fields});
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn only_our_own_apply_entry_counts() {
        let ours = entry("mcp-operator", "Apply", &json!({"f:spec": {"f:replicas": {}}}));
        let alone = hash(Some(std::slice::from_ref(&ours)));
        let other = entry("kubectl", "Update", &json!({"f:metadata": {}}));
        assert!(alone.is_some());
        assert_eq!(hash(Some(&[other.clone(), ours])), alone);
        assert_eq!(hash(Some(&[other])), None);
    }

    #[test]
    fn a_field_taken_away_changes_the_hash() {
        let both = entry("mcp-operator", "Apply", &json!({"f:spec": {"f:replicas": {}, "f:paused": {}}}));
        let one = entry("mcp-operator", "Apply", &json!({"f:spec": {"f:paused": {}}}));
        assert_ne!(hash(Some(&[both])), hash(Some(&[one])));
    }
}
