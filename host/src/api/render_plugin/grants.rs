//! What a RenderPlugin grants: the types of `spec.grants`, and how grants are put together. Pure.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a plugin may return besides what every plugin may.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Grants {
    /// Further kinds, such as `policy/v1 PodDisruptionBudget`. The operator needs the right to write them: its ClusterRole
    /// `mcp-operator-grants` collects the rules of every ClusterRole with the label
    /// `render.mcp.x-k8s.io/aggregate-to-operator: "true"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["apiVersion".into(), "kind".into()]))]
    pub kinds: Vec<GrantedKind>,

    /// The level of the Pod Security Standards up to which the plugin may raise what pods can do. Left out: `Restricted`.
    /// What the server's own spec asks for needs no grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_security: Option<PodSecurity>,

    /// Whether the plugin may widen a server's NetworkPolicy or leave it out. Left out: `WithinSpec`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicyGrant>,
}

/// A namespaced kind of object.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantedKind {
    /// Group and version, such as `policy/v1`, or `v1`.
    #[schemars(length(min = 2, max = 317))]
    pub api_version: String,
    /// The kind, such as `PodDisruptionBudget`.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
}

/// A level of the Pod Security Standards.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum PodSecurity {
    /// Nothing that could raise rights.
    #[default]
    Restricted,
    /// What containers commonly have: root, and the capabilities that container engines give by default.
    Baseline,
    /// Everything: the node is the plugin's.
    Privileged,
}

/// What a plugin may do with NetworkPolicies.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum NetworkPolicyGrant {
    /// It may narrow what the server's spec allows.
    #[default]
    WithinSpec,
    /// It may allow more, or leave the policy out.
    Any,
}

impl Grants {
    /// Whether the kind is among the granted ones.
    pub fn has_kind(&self, api_version: &str, kind: &str) -> bool {
        self.kinds.iter().any(|granted| granted.api_version == api_version && granted.kind == kind)
    }

    /// What both grant.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            kinds: self.kinds.iter().filter(|kind| other.kinds.contains(kind)).cloned().collect(),
            pod_security: self.pod_security.min(other.pod_security),
            network_policy: self.network_policy.min(other.network_policy),
        }
    }

    /// What either grants.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut kinds = self.kinds.clone();
        kinds.extend(other.kinds.iter().filter(|kind| !self.kinds.contains(kind)).cloned());
        Self {
            kinds,
            pod_security: self.pod_security.max(other.pod_security),
            network_policy: self.network_policy.max(other.network_policy),
        }
    }
}
