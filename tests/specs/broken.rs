//! Breaks one rule of a valid server: one that the schema states, or one that it does not.

use serde_json::{Value, json};

use super::Generator;
use super::places::{Place, places};

/// A server that breaks a rule.
pub struct Broken {
    /// The whole manifest.
    pub manifest: Value,
    /// The field that is around the broken one: some rules are about all that is in it.
    around: String,
    /// How.
    pub how: String,
}

impl Broken {
    /// Whether a refusal says where: it names the field, or what is right around it.
    pub fn is_named_in(&self, refusal: &str) -> bool {
        refusal.contains(&self.around)
    }
}

/// By the end of the path: values that the schema's types allow and a rule forbids.
const FORBIDDEN: [(&str, &[&str]); 27] = [
    (
        ".containerImage.ref",
        &["nginx:1", "ghcr.io/a", "ghcr.io/A:1", "ghcr.io/a:1 ", "https://ghcr.io/a:1", "ghcr.io/a@sha256:0"],
    ),
    (".config.path", &["mcp", "/a b", "/a?b", "/a#b", "/a\tb", "/a\nb"]),
    (".storage[].path", &["a", "./a", "/a:b"]),
    (".serviceAccountName", &["", "Upper", "a_b", "-a", "a..b"]),
    (".ipBlock.cidr", &["", "10.0.0.1", "10.0.0.0/33", "300.0.0.0/8", "2001:db8::/129", "010.0.0.0/8", "10.0.0.0/08"]),
    (".extraLabels[*]", &["a b", "-a", "a-", "é", LONG_LABEL]),
    (".env[].name", &["", "A=B", "é", "A\n"]),
    (".envFrom[].prefix", &["A=", "é"]),
    (".configMapKeyRef.name", &[""]),
    (".secretKeyRef.name", &[""]),
    (".configMapKeyRef.key", &["", "a b", "..", "a/b"]),
    (".secretKeyRef.key", &["", "a b", "..", "a/b"]),
    (".fieldRef.fieldPath", &["", "spec.containers", "metadata.labels['a b']", "status.phase"]),
    (".resourceFieldRef.resource", &["", "limits.gpu", "cpu"]),
    (".items[].path", &["", "/a", "../a", "a/../b", "..a", "a/.."]),
    (".items[].key", &[""]),
    (".httpGet.scheme", &["FTP", "http"]),
    (".httpHeaders[].name", &["", "a b", "é"]),
    (".emptyDir.medium", &["Disk"]),
    (".emptyDir.sizeLimit", &["-1"]),
    (".matchExpressions[].operator", &["Is", "in", ""]),
    (".egressPorts[].protocol", &["ICMP", "tcp"]),
    (".seccompProfile.type", &["None", ""]),
    (".appArmorProfile.type", &["None", ""]),
    (".procMount", &["Masked"]),
    (".fsGroupChangePolicy", &["Never"]),
    (".supplementalGroupsPolicy", &["Replace"]),
];

/// The operator's own, whatever the server says.
const IGNORED: [&str; 2] = ["spec.extraLabels.app", "spec.extraLabels.mcp-server"];

const LONG_LABEL: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// By the end of the path: a field that may not stand beside it, and its value.
const EXCLUDED: [(&str, &str, &str); 9] = [
    (".ipBlock", "podSelector", "{}"),
    (".env[].valueFrom", "value", r#""1""#),
    (".valueFrom.fieldRef", "resourceFieldRef", r#"{"resource": "limits.cpu"}"#),
    (".configMapRef", "secretRef", r#"{"name": "pool-0"}"#),
    (".source.emptyDir", "secret", r#"{"secretName": "pool-0"}"#),
    (".livenessProbe.httpGet", "tcpSocket", r#"{"port": 1}"#),
    (".readinessProbe.tcpSocket", "exec", r#"{"command": ["true"]}"#),
    (".seccompProfile.localhostProfile", "type", r#""Unconfined""#),
    (".tls.caBundleSecret", "insecureSkipVerify", "true"),
];

/// By the end of the path: numbers that the schema's types allow and a rule forbids.
const OUT_OF_RANGE: [(&str, &[i64]); 12] = [
    (".defaultMode", &[-1, 512]),
    (".items[].mode", &[-1, 512]),
    (".initialDelaySeconds", &[-1]),
    (".timeoutSeconds", &[-1]),
    (".periodSeconds", &[-1]),
    (".failureThreshold", &[-1]),
    (".livenessProbe.successThreshold", &[-1, 2]),
    (".livenessProbe.terminationGracePeriodSeconds", &[-1, 0]),
    (".grpc.port", &[0, 65_536]),
    (".runAsUser", &[-1, 2_147_483_648]),
    (".runAsGroup", &[-1, 2_147_483_648]),
    (".fsGroup", &[-1, 2_147_483_648]),
];

impl Generator {
    /// The next server that breaks a rule.
    pub fn broken(&mut self, name: &str) -> Broken {
        loop {
            let manifest = self.server(name);
            let schema = self.spec.clone();
            let all = places(&schema, &manifest["spec"]);
            let kind = *self.one(&[0, 1, 2, 3]);
            let change = match kind {
                0 | 1 => self.against_schema(&all, &manifest),
                2 => self.forbidden(&all),
                _ => self.excluded(&all),
            };
            let Some(Change { around, path, pointer, value }) = change else { continue };
            let how = format!("{path} = {value}");
            if let Some(manifest) = with(&manifest, &pointer, value) {
                return Broken { manifest, around, how };
            }
        }
    }

    fn against_schema(&mut self, all: &[Place<'_>], manifest: &Value) -> Option<Change> {
        let place = self.one(all);
        let options = wrong(place.schema, manifest.pointer(&place.pointer)?);
        let (field, value) = self.one(&options).clone();
        if field.is_empty() {
            return Some(Change::at(place, value));
        }
        Some(Change::below(&place.path, &place.pointer, &field, value))
    }

    fn forbidden(&mut self, all: &[Place<'_>]) -> Option<Change> {
        let place = self.one(all);
        if IGNORED.contains(&place.path.as_str()) {
            return None;
        }
        let texts = FORBIDDEN.iter().find(|(end, _)| place.field.ends_with(end));
        let numbers = OUT_OF_RANGE.iter().find(|(end, _)| place.field.ends_with(end));
        match (texts, numbers) {
            (Some((_, texts)), _) => Some(Change::at(place, json!(self.one(texts)))),
            (_, Some((_, numbers))) => Some(Change::at(place, json!(self.one(numbers)))),
            _ => None,
        }
    }

    fn excluded(&mut self, all: &[Place<'_>]) -> Option<Change> {
        let place = self.one(all);
        let (_, name, value) = EXCLUDED.iter().find(|(end, _, _)| place.field.ends_with(end))?;
        let value = serde_json::from_str(value).ok()?;
        let (pointer, _) = place.pointer.rsplit_once('/')?;
        Some(Change::below(&place.around, pointer, name, value))
    }
}

/// What becomes of one field.
struct Change {
    around: String,
    path: String,
    pointer: String,
    value: Value,
}

impl Change {
    fn at(place: &Place<'_>, value: Value) -> Self {
        Self { around: place.around.clone(), path: place.path.clone(), pointer: place.pointer.clone(), value }
    }

    /// Of a field that the object need not have. A rule about it may be told of the list that the object is in.
    fn below(path: &str, pointer: &str, field: &str, value: Value) -> Self {
        let around = path.rfind('[').filter(|_| path.ends_with(']')).map_or(path, |end| &path[..end]).to_owned();
        Self { around, path: format!("{path}.{field}"), pointer: format!("{pointer}/{field}"), value }
    }
}

/// Every way to break what the schema says of a value: the field below it, or none for itself, and what it becomes.
/// A field that becomes null is removed.
fn wrong(schema: &Value, value: &Value) -> Vec<(String, Value)> {
    let mut options = vec![(String::new(), of_another_type(schema))];
    let mut itself = |value: Value| options.push((String::new(), value));
    if schema["enum"].is_array() {
        itself(json!("Nonsense"));
    }
    if let Some(least) = schema["minimum"].as_i64() {
        itself(json!(least - 1));
    }
    if let Some(most) = schema["maximum"].as_i64() {
        itself(json!(most + 1));
    }
    if schema["format"] == "int32" {
        itself(json!(i64::from(i32::MAX) + 1));
    }
    if let Some(most) = schema["maxLength"].as_u64() {
        itself(json!("x".repeat(usize::try_from(most).unwrap_or_default() + 1)));
    }
    if schema["minLength"].is_number() {
        itself(json!(""));
    }
    if schema["minProperties"].is_number() {
        itself(json!({}));
    }
    if schema["x-kubernetes-int-or-string"] == true && schema["pattern"].is_string() {
        itself(json!("1Q"));
    }
    if schema["properties"].is_object() {
        options.push(("nonsense".to_owned(), json!(1)));
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    // What has a default comes back.
    let required = required.filter(|name| value.get(name).is_some() && schema["properties"][name]["default"].is_null());
    options.extend(required.map(|name| (name.to_owned(), Value::Null)));
    options
}

fn of_another_type(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("array") => json!({ "0": "text" }),
        Some("object" | "integer" | "boolean") => json!("text"),
        Some("string") => json!(7),
        _ => json!(true),
    }
}

/// The manifest with this value at this place; none when that changes nothing.
fn with(manifest: &Value, pointer: &str, value: Value) -> Option<Value> {
    let mut broken = manifest.clone();
    let (above, step) = pointer.rsplit_once('/')?;
    let step = step.replace("~1", "/").replace("~0", "~");
    match broken.pointer_mut(above)? {
        Value::Object(fields) if value.is_null() => drop(fields.remove(&step)),
        Value::Object(fields) => drop(fields.insert(step, value)),
        Value::Array(items) => *items.get_mut(step.parse::<usize>().ok()?)? = value,
        _ => return None,
    }
    (broken != *manifest).then_some(broken)
}
