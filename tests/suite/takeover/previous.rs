//! A server as the previous operator leaves it: three objects and a status.

use serde_json::{Value, json};

/// SHA-256 of the bytes `configmap/settings/mode=quiet` and a NUL.
const CONFIG_HASH: &str = "d292166abe473241865b87bc10e6218718b37c5ace4242d04b73b533a2fee747";

/// The annotations by which it knows what it set.
pub const TRACKING: [&str; 2] = ["mcp.x-k8s.io/managed-extra-labels", "mcp.x-k8s.io/managed-extra-annotations"];

/// What the previous operator makes of the server of these tests, with the empty parts that its types write.
pub fn children(uid: &Value) -> [Value; 3] {
    let labels = json!({ "app": "mcp-server", "mcp-server": "demo", "team": "maps" });
    let metadata = json!({
        "name": "demo", "labels": labels, "creationTimestamp": null,
        "annotations": {
            "note": "x", TRACKING[0]: r#"{"team":"maps"}"#, TRACKING[1]: r#"{"note":"x"}"#,
        },
        "ownerReferences": [{
            "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer", "name": "demo", "uid": uid,
            "controller": true, "blockOwnerDeletion": true,
        }],
    });
    let selector = json!({ "mcp-server": "demo" });
    let template = json!({
        "metadata": {
            "creationTimestamp": null, "labels": labels,
            "annotations": { "note": "x", "mcp.x-k8s.io/config-hash": CONFIG_HASH },
        },
        "spec": {
            "serviceAccountName": "default",
            "securityContext": { "runAsUser": 4711 },
            "containers": [container()],
            "volumes": [{ "name": "vol-0", "configMap": { "name": "settings" } }],
        },
    });
    let ports = json!([{ "name": "mcp", "port": 8080, "targetPort": "mcp", "protocol": "TCP" }]);
    [
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "status": {},
            "spec": { "selector": { "matchLabels": selector }, "strategy": {}, "template": template },
        }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata, "status": { "loadBalancer": {} },
            "spec": { "type": "ClusterIP", "selector": selector, "ports": ports, "sessionAffinity": "ClientIP" },
        }),
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata,
            "spec": {
                "podSelector": { "matchLabels": selector }, "policyTypes": ["Ingress", "Egress"],
                "ingress": [{ "ports": [{ "port": 8080, "protocol": "TCP" }] }], "egress": [{}],
            },
        }),
    ]
}

fn container() -> Value {
    json!({
        "name": "mcp-server",
        "image": "localhost/mcp-stateless:1",
        "args": ["--verbose"],
        "env": [{ "name": "FIRST", "value": "1" }, { "name": "SECOND", "value": "2" }],
        "ports": [{ "name": "mcp", "containerPort": 8080, "protocol": "TCP" }],
        "volumeMounts": [{ "name": "vol-0", "mountPath": "/etc/demo", "readOnly": true }],
        "readinessProbe": { "tcpSocket": { "port": 8080 }, "periodSeconds": 1 },
        "resources": {
            "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "cpu": "500m", "memory": "256Mi" },
        },
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
            "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" },
        },
    })
}

/// What it says of a server that runs; one of its conditions is unknown to us.
pub fn status(namespace: &str) -> Value {
    let condition = |kind: &str, reason: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": "", "observedGeneration": 1,
            "lastTransitionTime": "2026-08-01T12:00:00Z",
        })
    };
    json!({
        "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer", "metadata": { "name": "demo" },
        "status": {
            "phase": "Running", "observedGeneration": 1, "deploymentName": "demo", "serviceName": "demo",
            "address": { "url": format!("http://demo.{}.svc.cluster.local:8080/mcp", namespace) },
            "conditions": [
                condition("Accepted", "Valid"), condition("Available", "Available"),
                condition("Ready", "DeploymentReady"), condition("Programmed", "Programmed"),
            ],
        },
    })
}
