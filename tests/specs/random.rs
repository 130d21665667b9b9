//! Random MCPServers, valid and broken ones, made from the CRD's own schema. Pure: the same seed gives the same servers.
//!
//! Included by path wherever they are run, so it depends on `rand` and `serde_json` alone. What the schema does not know,
//! because Kubernetes checks it in the objects that a server becomes, is in `values.rs` and `whole.rs`.

mod broken;
pub mod places;
mod values;
pub mod whole;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};

pub use self::broken::Broken;

/// Fields that no valid server can have, and why.
pub const IMPOSSIBLE: [(&str, &str); 2] = [
    ("spec.runtime.resources.claims", "the pods have no resource claims that it could name"),
    ("spec.runtime.health.readinessProbe.terminationGracePeriodSeconds", "nobody is ended by a readiness probe"),
];

/// Of these fields a valid object has exactly one.
const ALTERNATIVES: [(&str, &[&str]); 7] = [
    (".env[]", &["value", "valueFrom"]),
    (".valueFrom", &["configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef"]),
    (".envFrom[]", &["configMapRef", "secretRef"]),
    (".storage[].source", &["configMap", "secret", "emptyDir"]),
    ("spec.source", &["containerImage"]),
    ("Probe", &["exec", "httpGet", "tcpSocket", "grpc"]),
    (".tls", &["caBundleSecret", "insecureSkipVerify"]),
];

/// Makes servers.
pub struct Generator {
    spec: Value,
    rng: StdRng,
}

impl Generator {
    /// From the CRD's schema and a seed.
    pub fn new(schema: &Value, seed: u64) -> Self {
        Self { spec: schema["properties"]["spec"].clone(), rng: StdRng::seed_from_u64(seed) }
    }

    /// The next server, which every rule accepts.
    pub fn server(&mut self, name: &str) -> Value {
        let schema = self.spec.clone();
        let spec = self.value("spec", &schema);
        json!({ "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer", "metadata": { "name": name }, "spec": spec })
    }

    fn value(&mut self, path: &str, schema: &Value) -> Value {
        if let Some(value) = self.whole(path).or_else(|| self.known(path)) {
            return value;
        }
        if let Some(options) = schema["enum"].as_array() {
            return self.one(options).clone();
        }
        match schema["type"].as_str() {
            Some("object") if schema["properties"].is_object() => self.object(path, schema),
            Some("object") => self.map(path, schema),
            Some("array") => self.list(path, schema),
            Some("boolean") => json!(self.coin()),
            Some("integer") => self.integer(schema),
            Some("string") => self.text(schema),
            _ => json!(self.one(&["1", "500m", "64Mi", "1.5Gi", "1e3", "0"])),
        }
    }

    /// Half of the fields that may be left out are.
    fn object(&mut self, path: &str, schema: &Value) -> Value {
        let alternatives = ALTERNATIVES.iter().find(|(end, _)| path.ends_with(end)).map_or(&[][..], |(_, names)| names);
        let chosen = alternatives.choose(&mut self.rng);
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut fields = Map::new();
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            let wanted = match chosen {
                Some(chosen) if alternatives.contains(&name.as_str()) => chosen == name,
                _ => required.contains(&json!(name)) || self.coin(),
            };
            // A variable from a file is added when there is a volume for it.
            let skipped = IMPOSSIBLE.iter().any(|(impossible, _)| *impossible == path) || name == "fileKeyRef";
            if wanted && !skipped {
                fields.insert(name.clone(), self.value(&path, below));
            }
        }
        self.reconcile(path, &mut fields);
        if fields.is_empty() && schema["minProperties"].is_number() {
            return self.object(path, schema);
        }
        Value::Object(fields)
    }

    fn map(&mut self, path: &str, schema: &Value) -> Value {
        let mut fields = Map::new();
        for _ in 0..self.rng.random_range(0..=3) {
            let key = self.label_key();
            fields.insert(key, self.value(&format!("{path}[*]"), &schema["additionalProperties"]));
        }
        Value::Object(fields)
    }

    fn list(&mut self, path: &str, schema: &Value) -> Value {
        let least = usize::from(schema["minItems"].is_number() || path.ends_with(".exec.command"));
        let keys = schema["x-kubernetes-list-map-keys"].as_array().cloned().unwrap_or_default();
        let mut items: Vec<Value> = Vec::new();
        for _ in 0..self.rng.random_range(least..=3) {
            let item = self.value(&format!("{path}[]"), &schema["items"]);
            let same = |other: &Value| keys.iter().filter_map(Value::as_str).all(|key| other[key] == item[key]);
            if keys.is_empty() || !items.iter().any(same) {
                items.push(item);
            }
        }
        Value::Array(items)
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let least = schema["minimum"].as_i64().unwrap_or(0);
        let most = schema["maximum"].as_i64().unwrap_or(i64::from(i32::MAX));
        let between = self.rng.random_range(least..=most);
        json!(self.one(&[least, least + 1, between, most]))
    }

    /// Texts that nobody expects, as long as the schema allows.
    fn text(&mut self, schema: &Value) -> Value {
        let texts = [
            "plain",
            "two words",
            "$(A) and $$(B)",
            "\"quoted\" 'twice'",
            "line\nbreak",
            "Grüße 世界 🌍",
            "{\"a\": [1]}",
            "~",
            "null",
            "- x: 1",
        ];
        let longest = usize::try_from(schema["maxLength"].as_u64().unwrap_or(2000)).unwrap_or(usize::MAX);
        let text = *self.one(&texts);
        match self.rng.random_range(0..8) {
            0 => json!("x".repeat(longest)),
            1 if schema["minLength"].is_null() => json!(""),
            _ => json!(text.chars().take(longest).collect::<String>()),
        }
    }

    fn coin(&mut self) -> bool {
        self.rng.random()
    }

    fn one<'a, T>(&mut self, options: &'a [T]) -> &'a T {
        options.choose(&mut self.rng).expect("there are options")
    }
}
