//! What a server's objects must be together: one workload, at most one Service with the port `mcp`, a NetworkPolicy unless a
//! grant lets it be absent.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::kinds::Kind;
use super::permit::Permit;
use super::{Rejection, VettedObject};
use crate::api;
use crate::reconcile::Identity;
use crate::reconcile::gather::Inputs;

/// The slot whose readiness is the server's.
pub const WORKLOAD: &str = "workload";
/// The slot whose port `mcp` gives the URL.
pub const SERVICE: &str = "service";
/// The slot of what protects the pods.
pub const NETWORK_POLICY: &str = "network-policy";

/// Checks the set of objects of one stage.
pub(super) fn check(permit: &Permit<'_>, objects: &[VettedObject]) -> Result<(), Rejection> {
    let (mut seen, mut slots) = (HashSet::new(), HashSet::new());
    for object in objects {
        if !seen.insert((&object.kind, object.name.as_str())) {
            return Err(Rejection::whole(format!("{} {} appears twice", object.kind, object.name)));
        }
        if !slots.insert(object.slot.as_str()) {
            return Err(Rejection::whole(format!("slot {} appears twice", object.slot)));
        }
    }
    required(objects, WORKLOAD, "Deployment")?;
    if !permit.any_network_policy() && !permit.came_without(NETWORK_POLICY) {
        required(objects, NETWORK_POLICY, "NetworkPolicy")?;
    }
    objects.iter().try_for_each(belongs)
}

/// Whether the object is of the kind that its slot is for.
fn belongs(object: &VettedObject) -> Result<(), Rejection> {
    let VettedObject { kind, name, slot, .. } = object;
    let (fits, expected) = match slot.as_str() {
        WORKLOAD => (kind.is_workload(), "Deployment or StatefulSet"),
        SERVICE => (*kind == Kind::Service, "Service"),
        NETWORK_POLICY => (*kind == Kind::NetworkPolicy, "NetworkPolicy"),
        _ if kind.is_workload() => {
            let problem = format!("{kind} {name} is a second workload; a server has one, in slot {WORKLOAD}");
            return Err(Rejection::whole(problem));
        }
        _ => return Ok(()),
    };
    if fits { Ok(()) } else { Err(Rejection::whole(format!("slot {slot} holds a {kind}; it must hold a {expected}"))) }
}

fn required(objects: &[VettedObject], slot: &str, kind: &str) -> Result<(), Rejection> {
    if objects.iter().any(|object| object.slot == slot) {
        return Ok(());
    }
    Err(Rejection::whole(format!(
        "slot {slot} is missing: every server has a {kind}; hand on what `base` has, or render it"
    )))
}

/// A Service reaches this server's pods, from inside the cluster; the one in slot `service` on the server's port.
pub(super) fn check_service(inputs: &Inputs, slot: &str, service: &Value) -> Result<(), Rejection> {
    let (spec, selector) = (&service["spec"], selector(inputs.identity()));
    if spec["selector"] != selector {
        let problem = format!("must be {selector}, so that it finds this server's pods and no other");
        return Err(Rejection::field("spec.selector", problem));
    }
    if !matches!(spec["type"].as_str(), None | Some("ClusterIP")) {
        return Err(Rejection::field(
            "spec.type",
            "must be ClusterIP: what exposes a server outside, such as a route, has to be granted",
        ));
    }
    if let Some(list) = spec["externalIPs"].as_array().filter(|list| !list.is_empty()) {
        let problem = format!("must be empty, not {} addresses: a Service stays inside of the cluster", list.len());
        return Err(Rejection::field("spec.externalIPs", problem));
    }
    if slot == SERVICE { check_port(inputs.spec().config.port, &spec["ports"]) } else { Ok(()) }
}

/// The server's URL has the port of its spec.
fn check_port(expected: i32, ports: &Value) -> Result<(), Rejection> {
    let mut ports = (0..).zip(ports.as_array().into_iter().flatten());
    match ports.find(|(_, port)| port["name"] == "mcp") {
        None => Err(Rejection::field("spec.ports", "needs a port named mcp: it is the one in the server's URL")),
        Some((index, port)) if port["port"] != expected => {
            let problem = format!("must be {expected}, the server's spec.config.port: it is the one in the URL");
            Err(Rejection::field(format!("spec.ports[{index}].port"), problem))
        }
        Some(_) => Ok(()),
    }
}

/// The one label by which a server's pods are found.
pub(super) fn selector(identity: &Identity) -> Value {
    json!({ api::SERVER_LABEL: identity.name })
}
