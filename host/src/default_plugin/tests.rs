//! What the default plugin renders in cases that no example shows; the examples have their golden files.

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use crate::api::MCPServer;
use crate::reconcile::gather::{Inputs, Resolved, Surroundings};
use crate::reconcile::{render, scripted};

/// Deployment, Service and NetworkPolicy of a server with this spec besides what it must have.
fn rendered(spec: &Value) -> [Value; 3] {
    rendered_with(&json!({}), spec)
}

fn rendered_with(metadata: &Value, spec: &Value) -> [Value; 3] {
    let mut server: Value = serde_json::to_value(scripted::server()).unwrap();
    json_patch::merge(&mut server["metadata"], metadata);
    json_patch::merge(&mut server["spec"], spec);
    let server: MCPServer = serde_json::from_value(server).unwrap();
    let surroundings = Surroundings {
        cluster_domain: "cluster.local".into(),
        kubernetes_version: None,
        verify_from: None,
        chain: vec![scripted::stage()],
    };
    let inputs = Inputs::new(&server, Resolved::default(), &surroundings);
    let stage = render::chain(&inputs).unwrap().into_stages().pop().unwrap();
    ["Deployment", "Service", "NetworkPolicy"]
        .map(|kind| stage.objects.iter().find(|found| found.object["kind"] == kind).unwrap().object.clone())
}

#[test]
fn names_that_are_the_operators_cannot_be_taken() {
    let labels = json!({"app": "mine", "mcp-server": "another", "team": "maps"});
    let annotations = json!({"mcp.x-k8s.io/config-hash": "0", "mcp.x-k8s.io/any": "x", "note": "x"});
    let objects = rendered(&json!({"extraLabels": labels, "extraAnnotations": annotations}));
    let template = objects[0]["spec"]["template"]["metadata"].clone();
    for metadata in objects.iter().map(|object| &object["metadata"]).chain([&template]) {
        assert_eq!(metadata["labels"], json!({"app": "mcp-server", "mcp-server": "a", "team": "maps"}));
        assert_eq!(metadata["annotations"], json!({"note": "x"}));
    }
}

#[test]
fn metadata_of_the_server_itself_stays_with_it() {
    let of_server = json!({"labels": {"tier": "gold"}, "annotations": {"owner": "maps"}});
    assert_eq!(rendered_with(&of_server, &json!({})), rendered(&json!({})));
}

#[test]
fn resources_that_are_given_are_taken_as_they_are() {
    for resources in [json!({}), json!({"limits": {"memory": "1Gi"}})] {
        let [deployment, ..] = rendered(&json!({"runtime": {"resources": resources}}));
        assert_eq!(deployment["spec"]["template"]["spec"]["containers"][0]["resources"], resources);
    }
}

#[test]
fn whatever_narrows_the_egress_leaves_dns_open() {
    let (database, resolver) =
        (json!({"podSelector": {"matchLabels": {"app": "database"}}}), json!({"podSelector": {}}));
    let port = json!({"port": 5432, "protocol": "TCP"});
    let dns = json!([{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]);
    let table = [
        (json!({"egressTo": [database]}), json!([{"ports": dns}, {"to": [database]}])),
        (json!({"egressPorts": [port]}), json!([{"ports": dns}, {"ports": [port]}])),
        (
            json!({"egressPorts": [port], "dnsEgressPeer": resolver}),
            json!([{"ports": dns, "to": [resolver]}, {"ports": [port]}]),
        ),
        (json!({"dnsEgressPeer": resolver}), json!([{}])),
    ];
    for (network, expected) in table {
        let [.., policy] = rendered(&json!({"network": network}));
        assert_eq!(policy["spec"]["egress"], expected, "{network}");
    }
}
