//! Objects as the API server sends them, read with nothing but what we look at: of `managedFields`, half of most objects, only
//! what our own kind of writer is recorded for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference, Time};
use kube::Resource;
use kube::api::ApiResource;
use kube::core::DynamicResourceScope;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::api;

/// An object of any kind, with the parts of its spec and its status that are read. Where it is not `WHOLE`, the API server is
/// asked for its metadata alone.
#[derive(Clone, Debug, Deserialize)]
pub struct View<Spec, Status, const WHOLE: bool = true> {
    /// Its metadata, as [`Metadata`] reads it.
    #[serde(with = "Metadata")]
    pub metadata: ObjectMeta,
    /// What is read of its spec.
    #[serde(default)]
    pub spec: Spec,
    /// What is read of its status.
    pub status: Option<Status>,
}

/// The metadata of an object.
pub type MetadataView = View<IgnoredAny, IgnoredAny, false>;

/// The status of an object.
pub type StatusView<Status> = View<IgnoredAny, Status>;

impl<Spec, Status, const WHOLE: bool> Resource for View<Spec, Status, WHOLE> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn metadata_api() -> bool {
        !WHOLE
    }

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&resource.kind)
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&resource.group)
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&resource.version)
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&resource.plural)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// How an [`ObjectMeta`] is read: all of it, but of `managedFields` only the entries of our writers and of the previous operator.
#[derive(Deserialize)]
#[serde(remote = "ObjectMeta", rename_all = "camelCase")]
pub struct Metadata {
    annotations: Option<BTreeMap<String, String>>,
    creation_timestamp: Option<Time>,
    deletion_grace_period_seconds: Option<i64>,
    deletion_timestamp: Option<Time>,
    finalizers: Option<Vec<String>>,
    generate_name: Option<String>,
    generation: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "entries")]
    managed_fields: Option<Vec<ManagedFieldsEntry>>,
    name: Option<String>,
    namespace: Option<String>,
    owner_references: Option<Vec<OwnerReference>>,
    resource_version: Option<String>,
    self_link: Option<String>,
    uid: Option<String>,
}

/// The writers whose entries are read.
const READ: [&str; 3] = [api::FIELD_MANAGER, api::PREVIOUS_FIELD_MANAGER, api::PREVIOUS_STATUS_FIELD_MANAGER];

/// An entry of `managedFields` with its fields unread: as JSON trees they are hundreds of maps, most of them of writers that do
/// not concern us, and the writer's name comes after them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    manager: Option<String>,
    operation: Option<String>,
    subresource: Option<String>,
    fields_v1: Option<Box<RawValue>>,
}

fn entries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<ManagedFieldsEntry>>, D::Error> {
    let entries = Option::<Vec<Entry>>::deserialize(deserializer)?.unwrap_or_default();
    let is_read = |entry: &Entry| entry.manager.as_deref().is_some_and(|manager| READ.contains(&manager));
    let read: Result<Vec<_>, _> = entries.into_iter().filter(is_read).map(Entry::read).collect();
    read.map(Some).map_err(D::Error::custom)
}

impl Entry {
    fn read(self) -> serde_json::Result<ManagedFieldsEntry> {
        let Self { manager, operation, subresource, fields_v1 } = self;
        let fields_v1 = fields_v1.map(|fields| serde_json::from_str(fields.get())).transpose()?;
        Ok(ManagedFieldsEntry { manager, operation, subresource, fields_v1, ..ManagedFieldsEntry::default() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;

    fn object(metadata: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"type": "ClusterIP"}, "status": {}})
    }

    #[test]
    fn of_managed_fields_only_entries_of_our_writers_are_read() {
        let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:team": {}}}});
        let entry = |manager: &str| json!({"manager": manager, "operation": "Apply", "fieldsV1": fields});
        let managers =
            ["kubectl", "mcp-operator", "kube-controller-manager", "manager", "mcp-operator-status"].map(entry);
        let text = object(&json!({"name": "a", "managedFields": managers})).to_string();
        let metadata = serde_json::from_str::<MetadataView>(&text).unwrap().metadata;
        let read: Vec<_> = metadata.managed_fields.iter().flatten().map(|entry| entry.manager.as_deref()).collect();
        assert_eq!(read, [Some("mcp-operator"), Some("manager")]);
        assert_eq!(metadata.managed_fields.unwrap()[0].fields_v1.as_ref().unwrap().0, fields);
    }

    #[test]
    fn the_rest_of_the_metadata_is_read_as_kube_reads_it() {
        let owner = json!({"apiVersion": "v1", "kind": "X", "name": "x", "uid": "o", "controller": true});
        let metadata = json!({
            "annotations": {"a": "1"}, "creationTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 3,
            "deletionTimestamp": "2026-01-02T00:00:00Z", "finalizers": ["f"], "generateName": "a-", "generation": 7,
            "labels": {"l": "2"}, "managedFields": [], "name": "a-b", "namespace": "maps", "ownerReferences": [owner],
            "resourceVersion": "12", "selfLink": "/a", "uid": "u",
        });
        let all: ObjectMeta = serde_json::from_value(metadata.clone()).unwrap();
        assert_eq!(serde_json::from_value::<MetadataView>(object(&metadata)).unwrap().metadata, all);
        assert_eq!(serde_json::to_value(&all).unwrap(), metadata, "no field is left out above");
    }

    #[test]
    fn what_is_wrong_in_an_entry_is_an_error() {
        let text = object(&json!({"managedFields": [{"manager": 1}]})).to_string();
        assert!(serde_json::from_str::<MetadataView>(&text).is_err());
        assert!(serde_json::from_str::<MetadataView>(r#"{"metadata": []}"#).is_err());
    }
}
