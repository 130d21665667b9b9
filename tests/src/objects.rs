//! Objects of the cluster as JSON, by kind and name, in a test's namespace.

use anyhow::{Context as _, Result};
use k8s_openapi::api::autoscaling::v1::Scale;
use kube::Api;
use kube::api::{
    ApiResource, DeleteParams, GroupVersionKind, ListParams, Patch, PatchParams, PostParams, PropagationPolicy,
};
use kube::core::DynamicObject;
use serde_json::Value;

use crate::Lab;

/// The kinds that tests look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `apps/v1`
    Deployment,
    /// `apps/v1`
    ReplicaSet,
    /// `apps/v1`
    StatefulSet,
    /// `policy/v1`
    PodDisruptionBudget,
    /// `v1`
    PersistentVolumeClaim,
    /// `v1`
    Service,
    /// `networking.k8s.io/v1`
    NetworkPolicy,
    /// `v1`
    Pod,
    /// `v1`
    ConfigMap,
    /// `v1`
    Secret,
    /// `events.k8s.io/v1`
    Event,
    /// `mcp.x-k8s.io/v1beta1`
    Server,
}

impl Kind {
    /// What the default plugin renders for a server, all with the server's name.
    pub const CHILDREN: [Self; 3] = [Self::Deployment, Self::Service, Self::NetworkPolicy];

    fn resource(self) -> ApiResource {
        let (group, version, kind) = match self {
            Self::Deployment => ("apps", "v1", "Deployment"),
            Self::ReplicaSet => ("apps", "v1", "ReplicaSet"),
            Self::StatefulSet => ("apps", "v1", "StatefulSet"),
            Self::PodDisruptionBudget => ("policy", "v1", "PodDisruptionBudget"),
            Self::PersistentVolumeClaim => ("", "v1", "PersistentVolumeClaim"),
            Self::Service => ("", "v1", "Service"),
            Self::NetworkPolicy => ("networking.k8s.io", "v1", "NetworkPolicy"),
            Self::Pod => ("", "v1", "Pod"),
            Self::ConfigMap => ("", "v1", "ConfigMap"),
            Self::Secret => ("", "v1", "Secret"),
            Self::Event => ("events.k8s.io", "v1", "Event"),
            Self::Server => ("mcp.x-k8s.io", "v1beta1", "MCPServer"),
        };
        ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
    }

    fn of(manifest: &Value) -> Result<Self> {
        let kind = manifest["kind"].as_str().context("a manifest without kind")?;
        let all = [
            Self::Deployment,
            Self::Service,
            Self::NetworkPolicy,
            Self::Pod,
            Self::ConfigMap,
            Self::Secret,
            Self::PodDisruptionBudget,
            Self::Server,
        ];
        all.into_iter()
            .find(|known| known.resource().kind == kind)
            .with_context(|| format!("kind {kind} is unknown here"))
    }
}

impl Lab {
    /// Makes an object what the manifest says, as its author: fields that the author's last manifest had and this one has
    /// not are removed.
    pub async fn apply(&self, manifest: &Value) -> Result<Value> {
        self.apply_as("author", manifest).await
    }

    /// The same by another field manager, which takes over what it says.
    pub async fn apply_as(&self, manager: &str, manifest: &Value) -> Result<Value> {
        let name = manifest["metadata"]["name"].as_str().context("a manifest without name")?;
        let params = PatchParams::apply(manager).force();
        json(&self.api(Kind::of(manifest)?).patch(name, &params, &Patch::Apply(manifest)).await?)
    }

    /// Creates an object.
    pub async fn create(&self, manifest: &Value) -> Result<Value> {
        let object: DynamicObject = serde_json::from_value(manifest.clone())?;
        json(&self.api(Kind::of(manifest)?).create(&PostParams::default(), &object).await?)
    }

    /// Changes some fields, as `kubectl patch --type merge` does.
    pub async fn patch(&self, kind: Kind, name: &str, patch: &Value) -> Result<Value> {
        json(&self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?)
    }

    /// The same in an object's status, as whoever runs it tells how it does.
    pub async fn patch_status(&self, kind: Kind, name: &str, patch: &Value) -> Result<Value> {
        json(&self.api(kind).patch_status(name, &PatchParams::default(), &Patch::Merge(patch)).await?)
    }

    /// Changes fields by RFC 6902, as somebody who edits the object.
    pub async fn patch_json(&self, kind: Kind, name: &str, patch: &Value) -> Result<Value> {
        let patch: json_patch::Patch = serde_json::from_value(patch.clone())?;
        json(&self.api(kind).patch(name, &PatchParams::default(), &Patch::<()>::Json(patch)).await?)
    }

    /// The object as it is.
    pub async fn get(&self, kind: Kind, name: &str) -> Result<Value> {
        json(&self.api(kind).get(name).await?)
    }

    /// The object, if it exists.
    pub async fn find(&self, kind: Kind, name: &str) -> Result<Option<Value>> {
        self.api(kind).get_opt(name).await?.as_ref().map(json).transpose()
    }

    /// All objects of a kind with these labels; no labels are all.
    pub async fn list(&self, kind: Kind, labels: &str) -> Result<Vec<Value>> {
        let found = self.api(kind).list(&ListParams::default().labels(labels)).await?;
        found.items.iter().map(json).collect()
    }

    /// Deletes the object, and what it owns as usual.
    pub async fn delete(&self, kind: Kind, name: &str) -> Result<()> {
        self.api(kind).delete(name, &DeleteParams::background()).await?;
        Ok(())
    }

    /// Deletes the object and leaves what it owns.
    pub async fn orphan(&self, kind: Kind, name: &str) -> Result<()> {
        let params = DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
        self.api(kind).delete(name, &params).await?;
        Ok(())
    }

    /// The scale subresource of the object.
    pub async fn scale(&self, kind: Kind, name: &str) -> Result<Scale> {
        Ok(self.api(kind).get_scale(name).await?)
    }

    /// Replaces the scale subresource, as an autoscaler does.
    pub async fn replace_scale(&self, kind: Kind, name: &str, scale: &Scale) -> Result<()> {
        let params = PostParams { field_manager: Some("autoscaler".to_owned()), ..PostParams::default() };
        self.api(kind).replace_scale(name, &params, scale).await.map(drop).map_err(Into::into)
    }

    /// All events about the server, oldest first: type, reason and note.
    pub async fn events(&self, server: &str) -> Result<Vec<(String, String, String)>> {
        let mut events = self.list(Kind::Event, "").await?;
        events.retain(|event| event["regarding"]["name"] == server && event["regarding"]["kind"] == "MCPServer");
        events.sort_by_key(|event| event["eventTime"].to_string());
        let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
        Ok(events.iter().map(|event| (text(event, "type"), text(event, "reason"), text(event, "note"))).collect())
    }

    pub(crate) fn api(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client(), self.namespace(), &kind.resource())
    }
}

fn json(object: &DynamicObject) -> Result<Value> {
    Ok(serde_json::to_value(object)?)
}
