//! What the API server does with an `MCPServer` manifest, offline and from the CRD's own schema.
//!
//! Unknown fields are refused (as `kubectl` does by default), nulls dropped, defaults filled in, then types, bounds and
//! patterns are checked, keys of list-maps compared, and at last the CEL rules evaluated. Rules that are not in the CRD
//! are in [`validate`](super::validate). Pure; the schema is generated and compiled once per process.

mod fields;
mod lists;
pub(crate) mod structure;

use std::sync::LazyLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::cel::{CompiledSchema, ErrorKind, Validator, apply_defaults, compile_schema};
use serde_json::{Map, Value, json};

use super::{DEPRECATED_VERSION, GROUP, KIND, VERSION, Violation, crd, violation::below};

/// The metadata that an `MCPServer` means something with; the rest belongs to the API server.
const KEPT_METADATA: [&str; 6] = ["name", "namespace", "labels", "annotations", "uid", "generation"];

/// Checks one manifest and returns the object as the API server would store it, without status.
///
/// Both served versions are taken, and the result is in the stored one. What `kubectl get -o yaml` prints is a
/// manifest, too: of its metadata, name, namespace, labels, annotations, uid and generation are kept.
///
/// # Errors
///
/// Every violation that was found, in the order of the document. CEL rules are only evaluated on an object whose types
/// are right, as in the API server, so mending one mistake may uncover another.
pub fn admit(manifest: &Value) -> Result<Value, Vec<Violation>> {
    let mut object = identify(manifest)?;
    let checks = &*CHECKS;
    let mut violations = fields::unknown(&checks.schema, &object);
    fields::drop_nulls(&checks.schema, &mut object);
    let mut object = apply_defaults(&checks.schema, &object);
    violations.extend(checks.structure.violations(&object));
    if violations.is_empty() {
        violations.extend(lists::duplicates(&checks.schema, &object));
        violations.extend(broken_rules(&checks.rules, &object));
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.retain(|key, _| KEPT_METADATA.contains(&key.as_str()));
    }
    Ok(object)
}

struct Checks {
    schema: Value,
    structure: structure::Structure,
    rules: CompiledSchema,
}

static CHECKS: LazyLock<Checks> = LazyLock::new(|| {
    let schema = whole_schema();
    Checks { structure: structure::Structure::compile(&schema), rules: compile_schema(&schema), schema }
});

/// The CRD's schema, completed by what the API server checks of every object.
fn whole_schema() -> Value {
    let mut schema = crd::open_api_schema();
    let settings = schemars::generate::SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
    let metadata = settings.into_generator().into_root_schema_for::<ObjectMeta>();
    schema["properties"]["apiVersion"] = json!({"type": "string"});
    schema["properties"]["kind"] = json!({"type": "string"});
    schema["properties"]["metadata"] = metadata.to_value();
    schema["properties"]["metadata"]["required"] = json!(["name"]);
    schema["properties"]["metadata"]["properties"]["name"]["minLength"] = json!(1);
    schema["required"] = json!(["apiVersion", "kind", "metadata", "spec"]);
    schema
}

/// Refuses what is not an `MCPServer`; of an `MCPServer`, leaves out status and the bookkeeping of server-side apply.
fn identify(manifest: &Value) -> Result<Value, Vec<Violation>> {
    let refused = |path: &str, message: String| Err(vec![Violation::new(path, message)]);
    let Some(fields) = manifest.as_object() else {
        return refused(
            "",
            format!(
                "must be an object: a manifest with apiVersion, kind, metadata and spec; is {}",
                structure::kind_of(manifest)
            ),
        );
    };
    let given = |field: &str| fields.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (stored, deprecated) = (format!("{GROUP}/{VERSION}"), format!("{GROUP}/{DEPRECATED_VERSION}"));
    let version = given("apiVersion");
    if version != stored && version != deprecated {
        return refused("apiVersion", format!("must be {stored} (or the deprecated {deprecated}); is \"{version}\""));
    }
    let kind = given("kind");
    if kind != KIND {
        return refused("kind", format!("must be {KIND}; is \"{kind}\""));
    }
    let mut object: Map<String, Value> = fields.clone();
    object.remove("status");
    object.insert("apiVersion".to_owned(), stored.into());
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.remove("managedFields");
    }
    Ok(Value::Object(object))
}

thread_local! {
    /// Knows Kubernetes' functions, which take long to collect, and cannot be shared between threads.
    static VALIDATOR: Validator = Validator::new();
}

fn broken_rules(rules: &CompiledSchema, object: &Value) -> Vec<Violation> {
    let broken = VALIDATOR.with(|validator| validator.validate_compiled(rules, object, None)).err();
    let broken = broken.into_iter().flatten();
    broken
        .map(|error| match error.kind {
            ErrorKind::ValidationFailure => Violation::new(error.field_path, error.message),
            // A rule that cannot be evaluated must not count as kept.
            _ => Violation::new(error.field_path, format!("the rule `{}` failed: {}", error.rule, error.message)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::api::MCPServer;

    fn manifest(spec: &Value) -> Value {
        json!({"apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer", "metadata": {"name": "weather"}, "spec": spec})
    }

    fn minimal() -> Value {
        let image = json!({"ref": "ghcr.io/example/weather-mcp:1.4.2"});
        manifest(&json!({"source": {"type": "ContainerImage", "containerImage": image}, "config": {"port": 8080}}))
    }

    fn refusal(manifest: &Value) -> Vec<String> {
        admit(manifest).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn defaults_are_those_of_the_definition() {
        let mut server = minimal();
        server["spec"]["mcp"] = json!({});
        server["spec"]["config"]["storage"] = json!([{"path": "/tmp", "source": {"type": "EmptyDir", "emptyDir": {}}}]);
        let admitted = admit(&server).unwrap();
        assert_eq!(admitted["spec"]["config"]["path"], "/mcp");
        assert_eq!(admitted["spec"]["config"]["storage"][0]["permissions"], "ReadOnly");
        assert_eq!(admitted["spec"]["mcp"]["stateless"], false);
        assert_eq!(admitted["spec"].get("runtime"), None);
    }

    #[test]
    fn admitted_object_deserialises_and_comes_back_equal() {
        let admitted = admit(&minimal()).unwrap();
        let server: MCPServer = serde_json::from_value(admitted.clone()).unwrap();
        assert_eq!(serde_json::to_value(server).unwrap(), admitted);
    }

    #[test]
    fn what_the_cluster_prints_is_a_manifest() {
        let mut server = minimal();
        server["metadata"] = json!({
            "name": "weather", "namespace": "team-a", "uid": "b5b8c2d4-0000-4000-8000-000000000000", "generation": 3,
            "resourceVersion": "812", "creationTimestamp": "2026-01-02T03:04:05Z",
            "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
        });
        server["status"] = json!({"phase": "Running", "somethingElse": 1});
        let admitted = admit(&server).unwrap();
        assert_eq!(
            admitted["metadata"].as_object().unwrap().keys().collect::<Vec<_>>(),
            ["generation", "name", "namespace", "uid"]
        );
        assert_eq!(admitted.get("status"), None);
    }

    #[test]
    fn deprecated_version_is_taken_and_becomes_the_stored_one() {
        let mut server = minimal();
        server["apiVersion"] = json!("mcp.x-k8s.io/v1alpha1");
        assert_eq!(admit(&server).unwrap(), admit(&minimal()).unwrap());
    }

    #[test]
    fn other_kinds_are_refused_by_name() {
        let mut server = minimal();
        server["kind"] = json!("MCPServers");
        assert_eq!(refusal(&server), ["kind: must be MCPServer; is \"MCPServers\""]);
        server["apiVersion"] = json!("v1");
        assert!(refusal(&server)[0].starts_with("apiVersion: must be mcp.x-k8s.io/v1beta1"));
        assert!(refusal(&json!([]))[0].starts_with("must be an object"));
    }

    #[test]
    fn missing_name_is_refused() {
        let mut server = minimal();
        server["metadata"] = json!({"generateName": "weather-"});
        assert_eq!(refusal(&server), ["metadata.name: is required"]);
    }

    #[test]
    fn several_mistakes_are_told_at_once() {
        let mut server = minimal();
        server["spec"]["config"] = json!({"prot": 8080, "port": "8080", "arguments": [""]});
        assert_eq!(
            refusal(&server),
            [
                "spec.config.prot: unknown field; did you mean `port`?",
                "spec.config.arguments[0]: must not be empty",
                "spec.config.port: must be an integer; is a string",
            ]
        );
    }
}
