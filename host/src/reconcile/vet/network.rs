//! NetworkPolicies may be narrower than what the server's spec asks for, and wider only where that was granted. They are
//! about this server's pods in any case.
//!
//! Policies add up, so every one of them is judged, whatever its slot: each rule must lie within a rule that the spec
//! itself gives. The comparison is by equality of peers and ports, not by what addresses they cover: a narrower CIDR
//! than the spec's is refused as well, rather than understood.

use serde_json::{Value, json};

use super::Rejection;
use super::permit::Permit;
use super::shape::selector;
use crate::api::spec::Network;
use crate::canonical;
use crate::reconcile::render::Untrusted;

/// What a rule may at most allow; `None` means any.
struct Bound {
    peers: Option<Vec<Value>>,
    ports: Option<Vec<Value>>,
}

/// Checks one NetworkPolicy.
pub(super) fn check(permit: &Permit<'_>, untrusted: &Untrusted, policy: &Value) -> Result<(), Rejection> {
    let inputs = permit.inputs;
    let spec = &policy["spec"];
    let expected = json!({ "matchLabels": selector(inputs.identity()) });
    if spec["podSelector"] != expected {
        return Err(Rejection::field(
            "spec.podSelector",
            format!("must be {expected}, so that it protects this server"),
        ));
    }
    let rules = |object: &Value| canonical::value(&object["spec"]);
    let handed_on = permit.before(&untrusted.slot).is_some_and(|before| rules(before) == rules(&untrusted.object));
    if permit.any_network_policy() || handed_on {
        return Ok(());
    }
    let types = spec["policyTypes"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !["Ingress", "Egress"].iter().all(|direction| types.contains(&json!(direction))) {
        return Err(Rejection::field("spec.policyTypes", "must have both Ingress and Egress"));
    }
    let network = inputs.spec().network.clone().unwrap_or_default();
    within(&spec["ingress"], "from", "spec.ingress", &[ingress(inputs.spec().config.port, &network)])?;
    within(&spec["egress"], "to", "spec.egress", &egress(&network))
}

fn ingress(port: i32, network: &Network) -> Bound {
    Bound { peers: any_if_empty(&network.ingress_from), ports: Some(vec![self::port(port, "TCP")]) }
}

/// Everything, until the spec narrows it; then DNS and what the spec asks for.
fn egress(network: &Network) -> Vec<Bound> {
    if network.egress_to.is_empty() && network.egress_ports.is_empty() {
        return vec![Bound { peers: None, ports: None }];
    }
    let dns = Bound {
        peers: network.dns_egress_peer.as_ref().map(|peer| vec![canonical::value(peer)]),
        ports: Some(vec![port(53, "UDP"), port(53, "TCP")]),
    };
    let asked = Bound { peers: any_if_empty(&network.egress_to), ports: any_if_empty(&network.egress_ports) };
    vec![dns, asked]
}

fn any_if_empty<T: serde::Serialize>(items: &[T]) -> Option<Vec<Value>> {
    (!items.is_empty()).then(|| items.iter().map(|item| canonical::value(item)).collect())
}

fn port(number: i32, protocol: &str) -> Value {
    json!({ "port": number, "protocol": protocol })
}

fn within(rules: &Value, peers: &str, path: &str, bounds: &[Bound]) -> Result<(), Rejection> {
    let rules = rules.as_array().map(Vec::as_slice).unwrap_or_default();
    for (index, rule) in rules.iter().enumerate() {
        let allowed = |bound: &Bound| {
            subset(&rule[peers], bound.peers.as_deref()) && subset(&rule["ports"], bound.ports.as_deref())
        };
        if !bounds.iter().any(allowed) {
            let problem = "allows more than the server's spec.network does; widening the policy needs the grant networkPolicy: Any";
            return Err(Rejection::field(format!("{path}[{index}]"), problem));
        }
    }
    Ok(())
}

/// Whether a rule's list, where absent and empty mean any, lies within the bound.
fn subset(items: &Value, bound: Option<&[Value]>) -> bool {
    let Some(bound) = bound else { return true };
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    !items.is_empty() && items.iter().all(|item| bound.contains(item))
}
