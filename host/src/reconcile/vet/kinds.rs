//! The kinds of object that a plugin may return: three that every plugin may, others where they are granted, and some that
//! nobody can be granted. And the order in which objects are applied.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::{ApiResource, GroupVersion, GroupVersionKind};
use serde_json::Value;

use super::Rejection;
use crate::api::render_plugin::Grants;

/// A kind of object, in the order in which objects are applied: what protects and what pods need comes before the pods.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `networking.k8s.io/v1`; every plugin may return it.
    NetworkPolicy,
    /// `v1`; has to be granted.
    ServiceAccount,
    /// `v1`; has to be granted.
    ConfigMap,
    /// `v1`; has to be granted.
    PersistentVolumeClaim,
    /// `v1`; every plugin may return it.
    Service,
    /// A kind that this program has no type of; has to be granted.
    Other(Arc<OtherKind>),
    /// `policy/v1`; has to be granted.
    PodDisruptionBudget,
    /// `apps/v1`; every plugin may return it.
    Deployment,
    /// `apps/v1`; has to be granted.
    StatefulSet,
    /// `autoscaling/v2`; has to be granted.
    HorizontalPodAutoscaler,
}

/// A kind that this program has no type of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OtherKind {
    api_version: String,
    kind: String,
}

/// Groups whose objects give rights, or decide over the whole cluster, and our own.
const FORBIDDEN_GROUPS: [&str; 11] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "certificates.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "mcp.x-k8s.io",
    "rbac.authorization.k8s.io",
    "render.mcp.x-k8s.io",
];

/// Kinds of Kubernetes' own groups that run pods which nobody looks at, hold secrets, or redirect traffic.
const FORBIDDEN_KINDS: [&str; 13] = [
    "CronJob",
    "DaemonSet",
    "EndpointSlice",
    "Endpoints",
    "Event",
    "Job",
    "LimitRange",
    "Pod",
    "PodTemplate",
    "ReplicaSet",
    "ReplicationController",
    "ResourceQuota",
    "Secret",
];

/// Kinds of the core group that belong to no namespace.
const CLUSTER_SCOPED: [&str; 3] = ["Namespace", "Node", "PersistentVolume"];

impl Kind {
    /// What every plugin may return.
    pub const UNGRANTED: [Self; 3] = [Self::NetworkPolicy, Self::Service, Self::Deployment];

    /// Those with a type of their own.
    const TYPED: [Self; 9] = [
        Self::NetworkPolicy,
        Self::ServiceAccount,
        Self::ConfigMap,
        Self::PersistentVolumeClaim,
        Self::Service,
        Self::PodDisruptionBudget,
        Self::Deployment,
        Self::StatefulSet,
        Self::HorizontalPodAutoscaler,
    ];

    /// The kind of an object that nobody has looked at yet, if it is one that may be returned.
    pub(super) fn of(object: &Value, grants: &Grants) -> Result<Self, Rejection> {
        let word = |key: &str| object[key].as_str().ok_or_else(|| Rejection::field(key, "is missing or not text"));
        let (api_version, kind) = (word("apiVersion")?, word("kind")?);
        let known = Self::named(api_version, kind);
        if let Some(why) = known.forbidden() {
            return Err(Rejection::field("kind", format!("{api_version} {kind} {why}")));
        }
        if Self::UNGRANTED.contains(&known) || grants.has_kind(api_version, kind) {
            return Ok(known);
        }
        let may: Vec<_> = Self::UNGRANTED.iter().map(Self::full_name).collect();
        let granted = grants.kinds.iter().map(|granted| format!("{} {}", granted.api_version, granted.kind));
        let may: Vec<_> = may.into_iter().chain(granted).collect();
        let problem = format!("{api_version} {kind} was not granted to this plugin; it may return {}", may.join(", "));
        Err(Rejection::field("kind", problem))
    }

    /// The kind of that name.
    pub fn named(api_version: &str, kind: &str) -> Self {
        let typed = Self::TYPED.into_iter().find(|known| known.api_version() == api_version && known.as_str() == kind);
        typed.unwrap_or_else(|| {
            Self::Other(Arc::new(OtherKind { api_version: api_version.to_owned(), kind: kind.to_owned() }))
        })
    }

    /// Why nobody can be granted this kind, if that is so.
    pub fn forbidden(&self) -> Option<&'static str> {
        let group = self.group();
        if FORBIDDEN_GROUPS.contains(&group) {
            return Some("is never a plugin's to write: it gives rights, or is about the whole cluster");
        }
        let same_but_version = |typed: &Self| typed.group() == group && typed.as_str() == self.as_str();
        if matches!(self, Self::Other(_)) && Self::TYPED.iter().any(same_but_version) {
            return Some("can be had in another version only, in which its fields are checked");
        }
        if !["", "apps", "batch", "discovery.k8s.io"].contains(&group) {
            return None;
        }
        if group.is_empty() && CLUSTER_SCOPED.contains(&self.as_str()) {
            return Some("is never a plugin's to write: it belongs to no namespace");
        }
        let refuse = FORBIDDEN_KINDS.contains(&self.as_str());
        refuse.then_some("is never a plugin's to write: it would run pods, hold secrets or redirect traffic unchecked")
    }

    /// `kind`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::NetworkPolicy => NetworkPolicy::KIND,
            Self::ServiceAccount => ServiceAccount::KIND,
            Self::ConfigMap => ConfigMap::KIND,
            Self::PersistentVolumeClaim => PersistentVolumeClaim::KIND,
            Self::Service => Service::KIND,
            Self::Other(other) => &other.kind,
            Self::PodDisruptionBudget => PodDisruptionBudget::KIND,
            Self::Deployment => Deployment::KIND,
            Self::StatefulSet => StatefulSet::KIND,
            Self::HorizontalPodAutoscaler => HorizontalPodAutoscaler::KIND,
        }
    }

    /// `apiVersion`.
    pub fn api_version(&self) -> &str {
        match self {
            Self::NetworkPolicy => NetworkPolicy::API_VERSION,
            Self::ServiceAccount => ServiceAccount::API_VERSION,
            Self::ConfigMap => ConfigMap::API_VERSION,
            Self::PersistentVolumeClaim => PersistentVolumeClaim::API_VERSION,
            Self::Service => Service::API_VERSION,
            Self::Other(other) => &other.api_version,
            Self::PodDisruptionBudget => PodDisruptionBudget::API_VERSION,
            Self::Deployment => Deployment::API_VERSION,
            Self::StatefulSet => StatefulSet::API_VERSION,
            Self::HorizontalPodAutoscaler => HorizontalPodAutoscaler::API_VERSION,
        }
    }

    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    /// `policy/v1 PodDisruptionBudget`.
    pub fn full_name(&self) -> String {
        format!("{} {self}", self.api_version())
    }

    /// Where the API server keeps it. Of a kind without a type, the plural is guessed; before such a kind is written for the
    /// first time, the API server is asked whether the guess is right.
    pub fn resource(&self) -> ApiResource {
        match self {
            Self::NetworkPolicy => ApiResource::erase::<NetworkPolicy>(&()),
            Self::ServiceAccount => ApiResource::erase::<ServiceAccount>(&()),
            Self::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
            Self::PersistentVolumeClaim => ApiResource::erase::<PersistentVolumeClaim>(&()),
            Self::Service => ApiResource::erase::<Service>(&()),
            Self::PodDisruptionBudget => ApiResource::erase::<PodDisruptionBudget>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
            Self::HorizontalPodAutoscaler => ApiResource::erase::<HorizontalPodAutoscaler>(&()),
            Self::Other(_) => ApiResource::from_gvk(&self.gvk()),
        }
    }

    /// Group, version and kind.
    pub fn gvk(&self) -> GroupVersionKind {
        let (group, version) = self.api_version().split_once('/').unwrap_or(("", self.api_version()));
        GroupVersion::gv(group, version).with_kind(self.as_str())
    }

    /// Whether objects of this kind run the server's pods.
    pub fn is_workload(&self) -> bool {
        matches!(self, Self::Deployment | Self::StatefulSet)
    }

    /// Whether objects of this kind outlive the server and what rendered them: they hold data.
    pub fn outlives(&self) -> bool {
        matches!(self, Self::PersistentVolumeClaim)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_kinds_cannot_be_granted() {
        for (api_version, kind) in [
            ("rbac.authorization.k8s.io/v1", "RoleBinding"),
            ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("mcp.x-k8s.io/v1beta1", "MCPServer"),
            ("render.mcp.x-k8s.io/v1alpha1", "RenderPlugin"),
            ("v1", "Secret"),
            ("v1", "Pod"),
            ("v1", "Namespace"),
            ("apps/v1", "DaemonSet"),
            ("batch/v1", "Job"),
            ("discovery.k8s.io/v1", "EndpointSlice"),
            ("apps/v1beta1", "Deployment"),
            ("autoscaling/v1", "HorizontalPodAutoscaler"),
        ] {
            assert!(Kind::named(api_version, kind).forbidden().is_some(), "{api_version} {kind}");
        }
        for kind in Kind::TYPED.into_iter().chain([Kind::named("gateway.networking.k8s.io/v1", "HTTPRoute")]) {
            assert_eq!(kind.forbidden(), None, "{kind}");
        }
    }

    #[test]
    fn the_plural_of_common_kinds_is_guessed_right() {
        for (api_version, kind, plural) in [
            ("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes"),
            ("networking.k8s.io/v1", "Ingress", "ingresses"),
            ("monitoring.coreos.com/v1", "ServiceMonitor", "servicemonitors"),
            ("external-secrets.io/v1", "ExternalSecret", "externalsecrets"),
            ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", "verticalpodautoscalers"),
        ] {
            assert_eq!(Kind::named(api_version, kind).resource().plural, plural);
        }
    }
}
