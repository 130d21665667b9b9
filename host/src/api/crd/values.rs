//! Values that Kubernetes refuses in pods and NetworkPolicies, and that the schemas of its types allow: pure, on the
//! schema as JSON.
//!
//! Without them a server is stored and then has no Deployment, and the refusal names a field of that instead of the
//! server's. Only what no version of Kubernetes accepts is here. Source: `pkg/apis/core/validation` and
//! `pkg/apis/networking/validation` in k8s.io/kubernetes.

use serde_json::{Value, json};

/// Keys of ConfigMaps and Secrets: no `..` in front, and more than dots.
const KEY: &str = "^[.]?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$";
/// Printable ASCII without `=`.
const VARIABLE: &str = "^[ -<>-~]*$";
/// No `..` on the way.
const RELATIVE_PATH: &str = "^([^/.][^/]*|[.]|[.][^./][^/]*)(/([^/.][^/]*|[.]|[.][^./][^/]*|[.][.][^/]+)?)*$";
const FIELD_PATH: &str = r"^(metadata[.](name|namespace|uid)|metadata[.](labels|annotations)\['([-.a-zA-Z0-9]+/)?[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?'\]|spec[.](nodeName|serviceAccountName)|status[.](hostIP|hostIPs|podIP|podIPs))$";
const RESOURCE_FIELD: &str = "^(limits|requests)[.](cpu|memory|ephemeral-storage|hugepages-.+)$";
const AMOUNT: &str = r"^[+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$";

/// By the end of the path: what its schema has to say as well.
fn rules() -> Vec<(&'static str, Value)> {
    let id = json!({"minimum": 0, "maximum": i32::MAX});
    let mode = json!({"minimum": 0, "maximum": 0o777});
    let natural = json!({"minimum": 0});
    let profile = json!({"enum": ["RuntimeDefault", "Unconfined", "Localhost"]});
    let amount = json!({"minimum": 0, "pattern": AMOUNT});
    vec![
        (".env[].name", json!({"minLength": 1, "pattern": VARIABLE})),
        (".envFrom[].prefix", json!({"pattern": VARIABLE})),
        (".valueFrom", json!({"minProperties": 1, "maxProperties": 1})),
        (".configMapKeyRef.key", json!({"minLength": 1, "pattern": KEY})),
        (".secretKeyRef.key", json!({"minLength": 1, "pattern": KEY})),
        (".fieldRef.fieldPath", json!({"pattern": FIELD_PATH})),
        (".resourceFieldRef.resource", json!({"pattern": RESOURCE_FIELD})),
        (".items[].key", json!({"minLength": 1})),
        (".items[].path", json!({"pattern": RELATIVE_PATH})),
        (".items[].mode", mode.clone()),
        (".defaultMode", mode),
        (".emptyDir.medium", json!({"pattern": "^(|Memory|HugePages|HugePages-.+)$"})),
        (".emptyDir.sizeLimit", amount.clone()),
        (".limits[*]", amount.clone()),
        (".requests[*]", amount),
        ("Probe", one_handler()),
        (".exec", json!({"required": ["command"]})),
        (".exec.command", json!({"minItems": 1})),
        (".httpGet.scheme", json!({"enum": ["HTTP", "HTTPS"]})),
        (".httpHeaders[].name", json!({"pattern": "^[-A-Za-z0-9]+$"})),
        (".grpc.port", json!({"minimum": 1, "maximum": 65535})),
        (".initialDelaySeconds", natural.clone()),
        (".timeoutSeconds", natural.clone()),
        (".periodSeconds", natural.clone()),
        (".failureThreshold", natural.clone()),
        (".livenessProbe.successThreshold", json!({"minimum": 0, "maximum": 1})),
        (".readinessProbe.successThreshold", natural),
        (".livenessProbe.terminationGracePeriodSeconds", json!({"minimum": 1})),
        (".runAsUser", id.clone()),
        (".runAsGroup", id.clone()),
        (".fsGroup", id.clone()),
        (".supplementalGroups[]", id),
        (".seccompProfile", profile_file()),
        (".appArmorProfile", profile_file()),
        (".seccompProfile.type", profile.clone()),
        (".appArmorProfile.type", profile),
        (".securityContext", escalation()),
        (".gmsaCredentialSpec", json!({"minLength": 1})),
        (".gmsaCredentialSpecName", json!({"minLength": 1})),
        (".runAsUserName", json!({"minLength": 1})),
        (".procMount", json!({"enum": ["Default", "Unmasked"]})),
        (".fsGroupChangePolicy", json!({"enum": ["OnRootMismatch", "Always"]})),
        (".seLinuxChangePolicy", json!({"enum": ["MountOption", "Recursive"]})),
        (".supplementalGroupsPolicy", json!({"enum": ["Merge", "Strict"]})),
        (".matchExpressions[].operator", json!({"enum": ["In", "NotIn", "Exists", "DoesNotExist"]})),
        (".egressPorts[].protocol", json!({"enum": ["TCP", "UDP", "SCTP"]})),
    ]
}

fn one_handler() -> Value {
    let rule = "[has(self.exec), has(self.grpc), has(self.httpGet), has(self.tcpSocket)].exists_one(given, given)";
    json!({"x-kubernetes-validations": [{"rule": rule, "message": "must have exactly one of exec, grpc, httpGet and tcpSocket"}]})
}

fn profile_file() -> Value {
    let rule = "has(self.localhostProfile) == (self.type == 'Localhost')";
    let message = "localhostProfile must be set when type is Localhost, and only then";
    json!({"x-kubernetes-validations": [{"rule": rule, "message": message, "fieldPath": ".localhostProfile"}]})
}

fn escalation() -> Value {
    let rule = "!(has(self.privileged) && self.privileged && has(self.allowPrivilegeEscalation) && !self.allowPrivilegeEscalation)";
    let message = "allowPrivilegeEscalation cannot be false when privileged is true";
    json!({"x-kubernetes-validations": [{"rule": rule, "message": message, "fieldPath": ".allowPrivilegeEscalation"}]})
}

/// Adds the rules to the schema of one object's spec.
pub(super) fn restrict(schema: &mut Value) {
    let rules = rules();
    if let Some(spec) = schema.pointer_mut("/properties/spec") {
        walk(spec, "spec", &rules);
    }
}

fn walk(schema: &mut Value, path: &str, rules: &[(&str, Value)]) {
    let Some(fields) = schema.as_object_mut() else { return };
    for (_, more) in rules.iter().filter(|(end, _)| path.ends_with(end)) {
        fields.extend(more.as_object().cloned().unwrap_or_default());
    }
    for (name, below) in fields.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        walk(below, &format!("{path}.{name}"), rules);
    }
    for (keyword, step) in [("items", "[]"), ("additionalProperties", "[*]")] {
        if let Some(below) = fields.get_mut(keyword) {
            walk(below, &format!("{path}{step}"), rules);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::crd::open_api_schema;

    #[test]
    fn every_rule_is_about_a_field_that_exists() {
        for (end, more) in rules() {
            let mut found = false;
            visit(&open_api_schema()["properties"]["spec"], "spec", &mut |path, schema| {
                let has = more.as_object().into_iter().flatten().all(|(keyword, value)| schema[keyword] == *value);
                found |= path.ends_with(end) && has;
            });
            assert!(found, "{end}");
        }
    }

    fn visit(schema: &Value, path: &str, look: &mut impl FnMut(&str, &Value)) {
        look(path, schema);
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            visit(below, &format!("{path}.{name}"), look);
        }
        for (keyword, step) in [("items", "[]"), ("additionalProperties", "[*]")] {
            if schema[keyword].is_object() {
                visit(&schema[keyword], &format!("{path}{step}"), look);
            }
        }
    }
}
