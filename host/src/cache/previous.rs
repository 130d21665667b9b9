//! What the previous operator of MCPServers wrote into a child, from the child's metadata alone. Pure.
//!
//! It wrote by Update, under a name that many controllers have; so only children of MCPServers are looked at.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta, OwnerReference};
use serde_json::Value;

use crate::api;

/// The fields that the previous operator is recorded for.
#[derive(Clone, Debug, PartialEq)]
pub struct Previous {
    /// As `managedFields` has them.
    pub fields: FieldsV1,
    /// Labels and annotations that it set for the server's `extraLabels` and `extraAnnotations`.
    pub extra: BTreeSet<String>,
}

impl Previous {
    /// What it wrote; `None` when it wrote nothing, or the object is no server's.
    pub fn of(metadata: &ObjectMeta) -> Option<Self> {
        metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true) && is_server(owner))?;
        let entry = metadata.managed_fields.iter().flatten().find(|entry| is_of_previous(entry))?;
        Some(Self { fields: entry.fields_v1.clone()?, extra: extra(metadata) })
    }
}

/// Whether the previous operator is the writer of this entry.
pub fn is_of_previous(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(api::PREVIOUS_FIELD_MANAGER)
        && entry.operation.as_deref() == Some("Update")
        && entry.subresource.as_deref().is_none_or(str::is_empty)
}

/// Whether this is an MCPServer, of whatever version.
pub fn is_server(owner: &OwnerReference) -> bool {
    owner.kind == api::KIND && owner.api_version.split('/').next() == Some(api::GROUP)
}

/// Drops all `managedFields` of a server, which is kept as long as it exists, but the fact that the previous operator is
/// recorded for its status.
pub fn keep_only_status_writer(server: &mut ObjectMeta) {
    let recorded = wrote_status(server).then(|| ManagedFieldsEntry {
        manager: Some(api::PREVIOUS_STATUS_FIELD_MANAGER.to_owned()),
        ..ManagedFieldsEntry::default()
    });
    server.managed_fields = recorded.map(|entry| vec![entry]);
}

/// Whether the previous operator is recorded for the server's status.
pub fn wrote_status(server: &ObjectMeta) -> bool {
    let mut entries = server.managed_fields.iter().flatten();
    entries.any(|entry| entry.manager.as_deref() == Some(api::PREVIOUS_STATUS_FIELD_MANAGER))
}

/// The keys of its two tracking annotations, which hold JSON maps.
fn extra(metadata: &ObjectMeta) -> BTreeSet<String> {
    let tracked = [api::MANAGED_EXTRA_LABELS_ANNOTATION, api::MANAGED_EXTRA_ANNOTATIONS_ANNOTATION];
    let texts = tracked.iter().filter_map(|annotation| metadata.annotations.as_ref()?.get(*annotation));
    texts.filter_map(|text| serde_json::from_str::<serde_json::Map<String, Value>>(text).ok()).flat_map(keys).collect()
}

fn keys(map: serde_json::Map<String, Value>) -> impl Iterator<Item = String> {
    map.into_iter().map(|(key, _)| key)
}
