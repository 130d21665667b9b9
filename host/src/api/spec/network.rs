//! `spec.network`: who may connect to the server, and where the server may connect to.

use k8s_openapi::api::networking::v1::{NetworkPolicyPeer, NetworkPolicyPort};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Who may connect to the server, and where the server may connect to. It becomes the server's NetworkPolicy, which
/// takes effect where the cluster's network enforces NetworkPolicies.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// Who may connect to the server's port. Left out: anyone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = Rule::new(PEERS_RULE).message(PEER_MESSAGE))]
    pub ingress_from: Vec<NetworkPolicyPeer>,

    /// Where the server may connect to. Left out together with `egressPorts`: anywhere. When one of the two is given,
    /// DNS stays allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = Rule::new(PEERS_RULE).message(PEER_MESSAGE))]
    pub egress_to: Vec<NetworkPolicyPeer>,

    /// The ports to which the server may connect, at the peers of `egressTo` or anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub egress_ports: Vec<NetworkPolicyPort>,

    /// Narrows the automatic DNS rule to this peer. Left out: DNS at any address. Without `egressTo` and
    /// `egressPorts` everything is allowed anyway, and this has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(PEER_RULE).message(PEER_MESSAGE))]
    pub dns_egress_peer: Option<NetworkPolicyPeer>,
}

impl Network {
    /// Whether not anyone may connect.
    pub fn lets_in_only_some(&self) -> bool {
        !self.ingress_from.is_empty()
    }
}

const PEER_RULE: &str = "!has(self.ipBlock) || !(has(self.podSelector) || has(self.namespaceSelector))";
const PEERS_RULE: &str =
    "self.all(peer, !has(peer.ipBlock) || !(has(peer.podSelector) || has(peer.namespaceSelector)))";
const PEER_MESSAGE: &str = "ipBlock cannot be combined with podSelector or namespaceSelector";
