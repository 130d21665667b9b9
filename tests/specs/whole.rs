//! Objects whose fields depend on each other.

use serde_json::{Map, Value, json};

use super::Generator;

/// Names of the ConfigMaps and of the Secrets that exist.
pub const POOL: [&str; 3] = ["pool-0", "pool-1", "pool.2"];
/// The Secret with a CA bundle.
pub const CA: &str = "ca";
/// Nothing has this name.
pub const NOWHERE: &str = "nowhere";

/// Amounts of a resource: the lower one can be requested where the higher one is the limit.
const AMOUNTS: [(&str, &[(&str, &str)]); 5] = [
    ("cpu", &[("50m", "0.5"), ("1", "1"), ("0", "2"), ("100e-3", "1.5")]),
    ("memory", &[("64Mi", "256Mi"), ("1e6", "1Gi"), ("128974848", "129e6"), ("0", "1.5Gi")]),
    ("ephemeral-storage", &[("1Gi", "2Gi"), ("1k", "1M")]),
    ("example.com/gadget", &[("2", "2"), ("0", "0")]),
    ("hugepages-2Mi", &[("4Mi", "4Mi")]),
];

const RANGES: [(&str, &[&str]); 5] = [
    ("10.0.0.0/8", &["10.1.0.0/16", "10.2.3.4/32"]),
    ("0.0.0.0/0", &["192.168.0.0/16"]),
    ("192.0.2.1/32", &[]),
    ("2001:db8::/32", &["2001:db8:1::/48"]),
    ("::/0", &["fd00::/8"]),
];

impl Generator {
    /// An object whose fields depend on each other.
    pub(super) fn whole(&mut self, path: &str) -> Option<Value> {
        match path {
            "spec.runtime.resources" => Some(self.resources()),
            _ if path.ends_with(".sysctls") => Some(json!([{ "name": "net.ipv4.tcp_syncookies", "value": "1" }])),
            _ if path.ends_with(".ipBlock") => Some(self.ip_block()),
            _ if path.ends_with(".matchExpressions[]") => Some(self.expression()),
            _ if path.ends_with(".resourceFieldRef") => Some(self.resource_field()),
            _ if path.ends_with(".egressPorts[]") => Some(self.egress_port()),
            _ if path.ends_with("From[]") && path.contains(".network") => Some(self.peer(path)),
            _ if path.ends_with(".egressTo[]") || path.ends_with(".dnsEgressPeer") => Some(self.peer(path)),
            _ => None,
        }
    }

    fn resources(&mut self) -> Value {
        let (mut limits, mut requests) = (Map::new(), Map::new());
        for (name, amounts) in AMOUNTS {
            let (lower, higher) = *self.one(amounts);
            let (limit, request) = (self.coin(), self.coin());
            // What cannot be overcommitted is given as a limit; huge pages come with memory.
            let countable = matches!(name, "example.com/gadget" | "hugepages-2Mi");
            if limit && (name != "hugepages-2Mi" || limits.contains_key("memory")) {
                limits.insert(name.to_owned(), json!(higher));
            }
            if request && (!countable || limits.contains_key(name)) {
                requests.insert(name.to_owned(), json!(lower));
            }
        }
        match self.one(&[0, 1, 2]) {
            0 => json!({ "limits": limits }),
            1 => json!({ "limits": limits, "requests": requests }),
            _ => json!({}),
        }
    }

    fn ip_block(&mut self) -> Value {
        let (cidr, excepts) = *self.one(&RANGES);
        if self.coin() { json!({ "cidr": cidr, "except": excepts }) } else { json!({ "cidr": cidr }) }
    }

    fn peer(&mut self, path: &str) -> Value {
        if self.coin() {
            return json!({ "ipBlock": self.ip_block() });
        }
        let selector = |generator: &mut Self, field: &str| {
            let expressions = generator.expression();
            let labels = generator.map(&format!("{path}.{field}.matchLabels"), &json!({}));
            match generator.one(&[0, 1, 2, 3]) {
                0 => json!({}),
                1 => json!({ "matchLabels": labels }),
                2 => json!({ "matchExpressions": [expressions] }),
                _ => json!({ "matchLabels": labels, "matchExpressions": [expressions] }),
            }
        };
        let (pods, namespaces) = (selector(self, "podSelector"), selector(self, "namespaceSelector"));
        match self.one(&[0, 1, 2]) {
            0 => json!({ "podSelector": pods }),
            1 => json!({ "namespaceSelector": namespaces }),
            _ => json!({ "podSelector": pods, "namespaceSelector": namespaces }),
        }
    }

    fn expression(&mut self) -> Value {
        let (key, operator) = (self.label_key(), *self.one(&["In", "NotIn", "Exists", "DoesNotExist"]));
        if operator.ends_with("In") {
            return json!({ "key": key, "operator": operator, "values": ["", "a", "B_1"] });
        }
        json!({ "key": key, "operator": operator })
    }

    fn resource_field(&mut self) -> Value {
        let (resource, divisors): (&str, &[&str]) = *self.one(&[
            ("limits.cpu", &["0", "1", "1m"][..]),
            ("requests.cpu", &["1"]),
            ("limits.memory", &["0", "1", "1k", "1M", "1Ki", "1Mi", "1Gi"]),
            ("requests.memory", &["1Mi"]),
            ("limits.ephemeral-storage", &["1Mi"]),
            ("requests.ephemeral-storage", &["1"]),
        ]);
        match self.one(&[0, 1, 2]) {
            0 => json!({ "resource": resource }),
            1 => json!({ "resource": resource, "divisor": self.one(divisors) }),
            _ => json!({ "resource": resource, "containerName": "mcp-server" }),
        }
    }

    fn egress_port(&mut self) -> Value {
        let protocol = *self.one(&["TCP", "UDP", "SCTP"]);
        match self.one(&[0, 1, 2, 3, 4]) {
            0 => json!({}),
            1 => json!({ "protocol": protocol }),
            2 => json!({ "protocol": protocol, "port": "https" }),
            3 => json!({ "port": 443, "protocol": protocol }),
            _ => json!({ "port": 8000, "endPort": self.one(&[8000, 8010, 65_535]) }),
        }
    }

    /// Mends what single fields cannot know of each other.
    pub(super) fn reconcile(&mut self, path: &str, fields: &mut Map<String, Value>) {
        self.refer(path, fields);
        match path {
            "spec.config" => {
                self.file_key(fields);
                different_names(fields);
            }
            "spec.source" => union(fields, &[("containerImage", "ContainerImage")]),
            _ if path.ends_with(".storage[].source") => {
                union(fields, &[("configMap", "ConfigMap"), ("secret", "Secret"), ("emptyDir", "EmptyDir")]);
            }
            _ if path.ends_with("Profile") => {
                if fields["type"] == "Localhost" {
                    fields.insert("localhostProfile".to_owned(), json!("profiles/a.json"));
                } else {
                    fields.remove("localhostProfile");
                }
            }
            "spec.runtime.security.securityContext" if fields.get("privileged") == Some(&json!(true)) => {
                fields.remove("allowPrivilegeEscalation");
            }
            _ => {}
        }
    }

    /// Gives references names: of objects that exist or, where they are optional, of none.
    fn refer(&mut self, path: &str, fields: &mut Map<String, Value>) {
        let ends = ["Map", "Ref", ".secret", ".caBundleSecret"];
        let other = ["fieldRef", "resourceFieldRef", "fileKeyRef", ".gateway.configRef"];
        if !ends.iter().any(|end| path.ends_with(end)) || other.iter().any(|end| path.ends_with(end)) {
            return;
        }
        let optional = fields.get("optional") == Some(&json!(true));
        let name = match path {
            _ if path.ends_with(".caBundleSecret") => CA,
            _ if optional && self.coin() => NOWHERE,
            _ => self.one(&POOL),
        };
        let field = if path.ends_with(".secret") { "secretName" } else { "name" };
        fields.insert(field.to_owned(), json!(name));
    }

    /// A variable from a file needs a volume for files.
    fn file_key(&mut self, config: &mut Map<String, Value>) {
        let storage = config.get("storage").and_then(Value::as_array);
        let Some(index) = storage.and_then(|all| all.iter().position(|one| one["source"]["type"] == "EmptyDir")) else {
            return;
        };
        let mut file = json!({ "volumeName": format!("vol-{index}"), "path": "a/b.env", "key": "FROM_FILE" });
        if self.coin() {
            file["optional"] = json!(self.coin());
        }
        let variable = json!({ "name": "FROM_FILE", "valueFrom": { "fileKeyRef": file } });
        if let Some(env) = config.entry("env").or_insert_with(|| json!([])).as_array_mut() {
            env.push(variable);
        }
    }
}

/// No two variables have the same name.
fn different_names(config: &mut Map<String, Value>) {
    let Some(env) = config.get_mut("env").and_then(Value::as_array_mut) else { return };
    for (index, variable) in env.iter_mut().enumerate() {
        if let Some(name) = variable["name"].as_str() {
            variable["name"] = json!(format!("{name}{index}"));
        }
    }
}

/// `type` names the member that is there.
fn union(fields: &mut Map<String, Value>, members: &[(&str, &str)]) {
    for (member, name) in members {
        if fields.contains_key(*member) {
            fields.insert("type".to_owned(), json!(name));
        }
    }
}
