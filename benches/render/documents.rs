//! The MCPServers that are rendered: a small one, a medium one, and one of 17 KB.

use anyhow::Result;
use mcp_operator::api::{MCPServer, schema};
use mcp_operator::reconcile::gather::{Inputs, Resolved, Surroundings};
use mcp_operator::reconcile::{render, vet};
use mcp_operator::sandbox::SlotObject;
use serde_json::{Value, json};

/// A hash as that of the configuration of a server that refers to some.
pub const CONFIG_HASH: &str = "5f2b6e6e0cdc1bc4ac1ac77d3f0a9a2c9e2e61c4f2a6de3fb5e1a4f8d1f0c7aa";

/// Repetitions in the larger documents, of two variables, one volume and one peer each.
const MEDIUM: usize = 6;
const LARGE: usize = 42;

/// One MCPServer.
pub struct Document {
    /// What the benchmarks call it.
    pub name: &'static str,
    /// As an API server has it.
    pub server: MCPServer,
    /// What its rendering depends on, with the default plugin alone.
    pub inputs: Inputs,
}

impl Document {
    /// What the default plugin makes of it.
    pub fn objects(&self) -> Result<Vec<SlotObject>> {
        let rendered = render::chain(&self.inputs)?;
        let objects = rendered.stages().iter().flat_map(|stage| &stage.objects);
        Ok(objects.map(|o| SlotObject { slot: o.slot.clone(), object: o.object.to_string() }).collect())
    }
}

/// All documents, with their sizes printed.
pub fn all(surroundings: &Surroundings) -> Vec<Document> {
    let minimal = include_str!("../../examples/minimal.yaml");
    let minimal: Value = yaml_serde::from_str(minimal).expect("examples are YAML");
    let documents = [("small", minimal), ("medium", server(MEDIUM)), ("17KB", server(LARGE))];
    documents.map(|(name, manifest)| document(name, &manifest, surroundings)).into()
}

fn document(name: &'static str, manifest: &Value, surroundings: &Surroundings) -> Document {
    let admitted = schema::admit(manifest).expect("the document keeps the API's rules");
    let server: MCPServer = serde_json::from_value(admitted).expect("what the schema admits has the type");
    let resolved = Resolved { inputs: Vec::new(), config_hash: Some(CONFIG_HASH.to_owned()) };
    let document = Document { name, inputs: Inputs::new(&server, resolved, surroundings), server };
    let rendered = render::chain(&document.inputs).expect("the default plugin renders it");
    let output: usize = rendered.stages().iter().map(|stage| stage.usage.output).sum();
    vet::vet(&document.inputs, rendered).expect("what the default plugin renders may be applied");
    println!("document {name}: {} bytes of MCPServer, {output} bytes of objects", document.inputs.server().len());
    document
}

/// A server as teams write them, with so many of everything that there can be many of.
fn server(repetitions: usize) -> Value {
    let many = |one: fn(usize) -> Value| (0..repetitions).map(one).collect::<Vec<_>>();
    let mut env = many(
        |i| json!({"name": format!("SERVICE_{i}_ENDPOINT"), "value": format!("https://service-{i}.example.com/api/v1")}),
    );
    env.extend(many(|i| {
        let key = json!({"name": format!("service-{i}-credentials"), "key": "token"});
        json!({"name": format!("SERVICE_{i}_TOKEN"), "valueFrom": {"secretKeyRef": key}})
    }));
    let mut storage = many(|i| {
        let source = json!({"type": "ConfigMap", "configMap": {"name": format!("service-{i}-settings")}});
        json!({"path": format!("/etc/services/service-{i}"), "source": source})
    });
    storage.push(json!({"path": "/tmp", "permissions": "ReadWrite", "source": {"type": "EmptyDir", "emptyDir": {}}}));
    let peers = many(|i| json!({"namespaceSelector": {"matchLabels": {"team": format!("team-{i}")}}}));
    let probe = json!({"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10});
    json!({
        "apiVersion": "mcp.x-k8s.io/v1beta1",
        "kind": "MCPServer",
        "metadata": {"name": "search", "namespace": "team-search", "labels": {"team": "search"}},
        "spec": {
            "extraLabels": {"team": "search", "stage": "production"},
            "extraAnnotations": {"example.com/on-call": "search@example.com"},
            "source": {"type": "ContainerImage", "containerImage": {"ref": "ghcr.io/example/search-mcp:3.2.0"}},
            "config": {"port": 8080, "arguments": ["serve", "--log=json"], "env": env, "storage": storage},
            "runtime": {
                "replicas": 3,
                "health": {"livenessProbe": probe, "readinessProbe": probe},
                "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
            },
            "network": {"ingressFrom": peers, "egressTo": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
        },
    })
}
