//! Values of single fields that Kubernetes has rules for.

use serde_json::{Value, json};

use super::Generator;

/// By the end of the path: texts that the field takes.
const TEXTS: [(&str, &[&str]); 36] = [
    (
        ".containerImage.ref",
        &[
            "ghcr.io/example/weather-mcp:1.4.2",
            "localhost/mcp-stateless:1",
            "registry.example.com:5000/team_a/sub.path/x__y/z---1:latest",
            "10.0.0.1:5000/a:_x",
            "ghcr.io/a@sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
            "ghcr.io/a:1.0@sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
        ],
    ),
    (".imagePullSecrets[].name", &["pull", "pull.example.com", "0"]),
    (".config.path", &["/", "/mcp", "/a/b-c_d.e~f", "/%20/ü", "//", "/$(A)"]),
    (".env[].name", &["A", "B_2", "_x", "lower", "with.dot", "with-dash", "two words", "1st", "$(A)"]),
    (".envFrom[].prefix", &["", "P_", "p.", "1-"]),
    (".fieldRef.apiVersion", &["v1"]),
    (
        ".fieldRef.fieldPath",
        &[
            "metadata.name",
            "metadata.namespace",
            "metadata.uid",
            "metadata.labels['app']",
            "metadata.annotations['example.com/a']",
            "spec.nodeName",
            "spec.serviceAccountName",
            "status.hostIP",
            "status.hostIPs",
            "status.podIP",
            "status.podIPs",
        ],
    ),
    (".storage[].path", &["/a", "/a/b", "/a b", "/ü", "/a/../b", "/data/", "/var/lib/x", "/tmp"]),
    (".items[].key", &["key", "other.key", "UPPER_1"]),
    (".items[].path", &["a", "a/b", "a/..c", ".a", "ü", "a b"]),
    ("[].key", &["key", "other.key", "UPPER_1"]),
    ("KeyRef.key", &["key", "other.key", "UPPER_1"]),
    (".emptyDir.medium", &["", "Memory"]),
    (".emptyDir.sizeLimit", &["1Gi", "100M", "0", "1e6", "1.5Gi"]),
    (".httpGet.path", &["/", "/healthz?deep=true", "relative", "/ü"]),
    (".httpGet.host", &["", "example.com", "10.0.0.1"]),
    (".httpGet.scheme", &["HTTP", "HTTPS"]),
    (".tcpSocket.host", &["", "example.com"]),
    (".httpHeaders[].name", &["Accept", "X-Custom-1", "host"]),
    (".localhostProfile", &["profiles/a.json"]),
    (".seccompProfile.type", &["RuntimeDefault", "Unconfined", "Localhost"]),
    (".appArmorProfile.type", &["RuntimeDefault", "Unconfined", "Localhost"]),
    (".procMount", &["Default"]),
    (".capabilities.add[]", &["NET_ADMIN", "CHOWN", "NET_BIND_SERVICE"]),
    (".capabilities.drop[]", &["ALL", "KILL"]),
    (".gmsaCredentialSpec", &["{}"]),
    (".gmsaCredentialSpecName", &["spec", "spec.example.com"]),
    (".runAsUserName", &["ContainerUser", "DOMAIN\\user"]),
    (".fsGroupChangePolicy", &["OnRootMismatch", "Always"]),
    // MountOption needs a feature that clusters may lack.
    (".seLinuxChangePolicy", &["Recursive"]),
    (".supplementalGroupsPolicy", &["Merge", "Strict"]),
    (".serviceAccountName", &["default", "server.example.com", "0"]),
    (".protocol", &["TCP", "UDP", "SCTP"]),
    (".extraLabels[*]", &["", "a", "Front-end_1.2", "0"]),
    (".matchLabels[*]", &["", "a", "Front-end_1.2", "0"]),
    (".seLinuxOptions.level", &["s0:c123,c456"]),
];

/// By the end of the path: the lowest and the highest number that the field takes.
const NUMBERS: [(&str, i64, i64); 14] = [
    // Pods cost the cluster time; what a number does is tested elsewhere.
    (".runtime.replicas", 0, 1),
    (".defaultMode", 0, 0o777),
    (".mode", 0, 0o777),
    (".initialDelaySeconds", 0, 60),
    (".timeoutSeconds", 0, 60),
    (".periodSeconds", 0, 60),
    (".failureThreshold", 0, 10),
    (".livenessProbe.successThreshold", 0, 1),
    (".readinessProbe.successThreshold", 0, 10),
    (".terminationGracePeriodSeconds", 1, 60),
    (".grpc.port", 1, 65_535),
    (".runAsUser", 0, 2_147_483_647),
    (".runAsGroup", 0, 2_147_483_647),
    (".fsGroup", 0, 2_147_483_647),
];

const NAMED_PORTS: [&str; 3] = ["mcp", "http", "a-1"];

impl Generator {
    /// A value of a field that Kubernetes has rules for.
    pub(super) fn known(&mut self, path: &str) -> Option<Value> {
        if let Some((_, texts)) = TEXTS.iter().find(|(end, _)| path.ends_with(end)) {
            return Some(json!(self.one(texts)));
        }
        if let Some(&(_, least, most)) = NUMBERS.iter().find(|(end, _, _)| path.ends_with(end)) {
            return Some(self.integer(&json!({ "minimum": least, "maximum": most })));
        }
        match path.rsplit('.').next()? {
            "hostProcess" => Some(json!(false)),
            _ if path == "spec.config.port" => None,
            "port" if self.coin() => Some(json!(self.one(&NAMED_PORTS))),
            "port" => Some(self.integer(&json!({ "minimum": 1, "maximum": 65_535 }))),
            _ => None,
        }
    }

    /// A key of a label or an annotation.
    pub(super) fn label_key(&mut self) -> String {
        let keys = [
            "team",
            "example.com/tier",
            "a.b_c-d",
            "A",
            "0",
            "x-y.example.com/Z_9",
            "app",
            "mcp-server",
            "mcp.x-k8s.io/a",
        ];
        (*self.one(&keys)).to_owned()
    }
}
