//! The NetworkPolicy: in by the MCP port alone; out to anyone, until the server narrows it.

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::metadata;
use crate::server::{Network, Server};

/// The NetworkPolicy of `server`.
pub fn render(server: &Server) -> NetworkPolicy {
    let network = &server.spec.network;
    NetworkPolicy {
        metadata: metadata::child(server),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(metadata::selector(server)),
            policy_types: Some(vec!["Ingress".into(), "Egress".into()]),
            ingress: Some(vec![NetworkPolicyIngressRule {
                from: peers(&network.ingress_from),
                ports: Some(vec![port(server.spec.config.port, "TCP")]),
            }]),
            egress: Some(egress(network)),
        }),
    }
}

/// One rule that allows everything, or DNS and what the server asks for.
fn egress(network: &Network) -> Vec<NetworkPolicyEgressRule> {
    if network.egress_to.is_empty() && network.egress_ports.is_empty() {
        return vec![NetworkPolicyEgressRule::default()];
    }
    let dns = NetworkPolicyEgressRule {
        ports: Some(vec![port(53, "UDP"), port(53, "TCP")]),
        to: network.dns_egress_peer.clone().map(|peer| vec![peer]),
    };
    let asked = NetworkPolicyEgressRule {
        ports: Some(network.egress_ports.clone()).filter(|ports| !ports.is_empty()),
        to: peers(&network.egress_to),
    };
    vec![dns, asked]
}

/// No list at all means anyone; an empty list would mean so as well, but less visibly.
fn peers(peers: &[NetworkPolicyPeer]) -> Option<Vec<NetworkPolicyPeer>> {
    Some(peers.to_vec()).filter(|peers| !peers.is_empty())
}

fn port(number: i32, protocol: &str) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(number)),
        protocol: Some(protocol.into()),
        ..NetworkPolicyPort::default()
    }
}
