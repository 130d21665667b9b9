//! Peers and ports of `spec.network`: what the API server would refuse in the NetworkPolicy. Pure.
//!
//! Rules: `k8s.io/kubernetes/pkg/apis/networking/validation`, as documented at the type `NetworkPolicyPeer`.

use std::net::IpAddr;

use ipnet::IpNet;
use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Violation;
use crate::api::spec::Network;

/// What is wrong with peers and ports.
pub(super) fn violations(network: &Network) -> Vec<Violation> {
    let Network { ingress_from, egress_to, egress_ports, dns_egress_peer } = network;
    let mut found = Vec::new();
    found.extend(indexed("ingressFrom", ingress_from).flat_map(|(path, one)| peer(&path, one)));
    found.extend(indexed("egressTo", egress_to).flat_map(|(path, one)| peer(&path, one)));
    found.extend(indexed("egressPorts", egress_ports).filter_map(|(path, one)| port(&path, one)));
    found.extend(dns_egress_peer.iter().flat_map(|one| peer("spec.network.dnsEgressPeer", one)));
    found
}

fn indexed<'a, T>(field: &'a str, items: &'a [T]) -> impl Iterator<Item = (String, &'a T)> {
    items.iter().enumerate().map(move |(index, item)| (format!("spec.network.{field}[{index}]"), item))
}

/// What is wrong with one peer, at `path`.
pub(crate) fn peer(path: &str, peer: &NetworkPolicyPeer) -> Vec<Violation> {
    let selects = peer.pod_selector.is_some() || peer.namespace_selector.is_some();
    match (&peer.ip_block, selects) {
        (None, false) => vec![Violation::new(path, "must have podSelector, namespaceSelector or ipBlock")],
        (None, true) => Vec::new(),
        (Some(_), true) => {
            vec![Violation::new(path, "ipBlock cannot be combined with podSelector or namespaceSelector")]
        }
        (Some(block), false) => ip_block(&format!("{path}.ipBlock"), block),
    }
}

fn ip_block(path: &str, block: &IPBlock) -> Vec<Violation> {
    let Some(cidr) = range(&block.cidr) else { return vec![not_a_cidr(&format!("{path}.cidr"), &block.cidr)] };
    let excepts = block.except.iter().flatten().enumerate();
    excepts.filter_map(|(index, text)| except(&format!("{path}.except[{index}]"), text, cidr)).collect()
}

fn except(path: &str, text: &str, cidr: IpNet) -> Option<Violation> {
    let Some(except) = range(text) else { return Some(not_a_cidr(path, text)) };
    let inside = cidr.contains(&except.network()) && except.prefix_len() > cidr.prefix_len();
    (!inside).then(|| Violation::new(path, format!("must lie inside {cidr} and be smaller; is \"{text}\"")))
}

/// A range without leading zeros, which some programs take for octal numbers.
fn range(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    address.parse::<IpAddr>().ok()?;
    (length == "0" || !length.starts_with('0')).then(|| text.parse().ok())?
}

fn not_a_cidr(path: &str, text: &str) -> Violation {
    Violation::new(path, format!("must be an address range such as 10.0.0.0/8 or 2001:db8::/32; is \"{text}\""))
}

fn port(path: &str, port: &NetworkPolicyPort) -> Option<Violation> {
    let end = port.end_port?;
    let message = match &port.port {
        Some(IntOrString::Int(first)) if (*first..=65535).contains(&end) => return None,
        Some(IntOrString::Int(first)) => format!("must be between port ({first}) and 65535; is {end}"),
        _ => "needs a port that is a number".to_owned(),
    };
    Some(Violation::new(format!("{path}.endPort"), message))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;

    fn paths(network: Value) -> Vec<String> {
        let network: Network = serde_json::from_value(network).unwrap();
        violations(&network).into_iter().map(|violation| violation.path).collect()
    }

    #[test]
    fn exceptions_must_lie_inside_their_block() {
        let block =
            json!({"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "11.0.0.0/16", "10.0.0.0/8", "x", "fd00::/8"]});
        assert_eq!(
            paths(json!({"ingressFrom": [{"podSelector": {}}, {"ipBlock": block}]})),
            [
                "spec.network.ingressFrom[1].ipBlock.except[1]",
                "spec.network.ingressFrom[1].ipBlock.except[2]",
                "spec.network.ingressFrom[1].ipBlock.except[3]",
                "spec.network.ingressFrom[1].ipBlock.except[4]",
            ]
        );
    }

    #[test]
    fn ranges_must_be_ranges() {
        let peer = |cidr: &str| json!({"ipBlock": {"cidr": cidr}});
        let good: Vec<Value> = ["0.0.0.0/0", "10.0.0.7/8", "::/0", "2001:db8::/64"].into_iter().map(peer).collect();
        assert_eq!(paths(json!({"egressTo": good})), Vec::<String>::new());
        for bad in ["", "10.0.0.1", "10.0.0.0/33", "300.0.0.0/8", "010.0.0.0/8", "10.0.0.0/08", "example.com/24"] {
            assert_eq!(paths(json!({"egressTo": [peer(bad)]})), ["spec.network.egressTo[0].ipBlock.cidr"], "{bad}");
        }
    }

    #[test]
    fn peer_is_either_selected_or_a_range() {
        let both = json!({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}});
        assert_eq!(paths(json!({"dnsEgressPeer": both})), ["spec.network.dnsEgressPeer"]);
        assert_eq!(paths(json!({"ingressFrom": [{}]})), ["spec.network.ingressFrom[0]"]);
    }

    #[test]
    fn port_ranges_need_a_numeric_start_before_their_end() {
        assert_eq!(
            paths(json!({"egressPorts": [{"port": 80, "endPort": 90}, {"port": 80, "endPort": 80}]})),
            Vec::<String>::new()
        );
        for bad in [json!({"port": 80, "endPort": 79}), json!({"port": "http", "endPort": 90}), json!({"endPort": 90})]
        {
            assert_eq!(paths(json!({"egressPorts": [bad]})), ["spec.network.egressPorts[0].endPort"]);
        }
    }
}
