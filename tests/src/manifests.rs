//! Manifests that many tests start from.

use serde_json::{Value, json};

/// A server on the smallest MCP image there is, changed by a JSON merge patch (RFC 7386) on its spec. It becomes ready
/// as soon as it listens, instead of after the 10 seconds between two default probes.
pub fn server(name: &str, spec: &Value) -> Value {
    let mut manifest = json!({
        "apiVersion": "mcp.x-k8s.io/v1beta1",
        "kind": "MCPServer",
        "metadata": { "name": name },
        "spec": {
            "source": { "type": "ContainerImage", "containerImage": { "ref": "localhost/mcp-stateless:1" } },
            "config": { "port": 8080 },
            "runtime": { "health": { "readinessProbe": { "tcpSocket": { "port": 8080 }, "periodSeconds": 1 } } },
        },
    });
    json_patch::merge(&mut manifest["spec"], spec);
    manifest
}

/// The part of a server's spec that chooses its image.
pub fn image(reference: &str) -> Value {
    json!({ "type": "ContainerImage", "containerImage": { "ref": reference } })
}

/// A ConfigMap with one key.
pub fn config_map(name: &str, key: &str, value: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { key: value } })
}

/// A Secret with one key.
pub fn secret(name: &str, key: &str, value: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": { key: value } })
}
