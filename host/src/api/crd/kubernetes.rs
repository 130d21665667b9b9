//! Corrections that make the derived schema behave like Kubernetes' own: pure, on the schema as JSON.
//!
//! - Derives mark every optional field `nullable`; then `runtime: null` is stored, and `{livenessProbe: null}` counts
//!   as a property. Without the mark the API server drops nulls, as it does for built-in kinds.
//! - Quantities and ports lose their rules on the way through a Rust type: both are "integer or string".
//! - Descriptions keep the line breaks of the source, which `kubectl explain` would print.
//! - Lists and selectors need a merge strategy for server-side apply; Kubernetes declares its own in Go comments.

use serde_json::{Map, Value, json};

type Schema = Map<String, Value>;

/// A quantity's grammar, from the type's documentation in `k8s.io/apimachinery/pkg/api/resource`.
const QUANTITY: &str = r"^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$";

/// Applies all corrections to the schema of one object, in place.
pub(super) fn correct(schema: &mut Value) {
    each(schema, "", &mut |name, schema| {
        schema.remove("nullable");
        paragraphs(schema);
        int_or_string(name, schema);
        merge_strategy(name, schema);
    });
}

/// Calls `visit` with the name of the property that holds a schema, and the schema, for it and all below.
pub(super) fn each(schema: &mut Value, name: &str, visit: &mut impl FnMut(&str, &mut Schema)) {
    let Some(schema) = schema.as_object_mut() else { return };
    visit(name, schema);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (name, property) in properties {
            each(property, name, visit);
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(below) = schema.get_mut(keyword) {
            each(below, name, visit);
        }
    }
}

/// Joins the lines of each paragraph: `kubectl explain` breaks lines itself.
fn paragraphs(schema: &mut Schema) {
    if let Some(Value::String(description)) = schema.get_mut("description") {
        let paragraphs = description.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
        *description = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}

/// The only "integer or string" in this API that is not a quantity is a port, by number or by name.
fn int_or_string(name: &str, schema: &mut Schema) {
    if schema.get("x-kubernetes-int-or-string") != Some(&Value::Bool(true)) {
        return;
    }
    schema.insert("anyOf".to_owned(), json!([{"type": "integer"}, {"type": "string"}]));
    if name == "port" {
        schema.insert("minimum".to_owned(), json!(1));
        schema.insert("maximum".to_owned(), json!(65535));
        return;
    }
    schema.insert("pattern".to_owned(), json!(QUANTITY));
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    if description.is_empty() || description.starts_with("Quantity is") {
        schema.insert("description".to_owned(), json!("An amount, such as 500m, 2, 64Mi or 1.5Gi."));
    }
}

fn merge_strategy(name: &str, schema: &mut Schema) {
    if schema.get("type").and_then(Value::as_str) == Some("array") {
        if name == "claims" {
            schema.insert("x-kubernetes-list-map-keys".to_owned(), json!(["name"]));
        }
        let strategy = if name == "claims" { "map" } else { "atomic" };
        schema.entry("x-kubernetes-list-type").or_insert_with(|| json!(strategy));
    }
    if matches!(name, "podSelector" | "namespaceSelector") {
        schema.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::api::crd::open_api_schema;

    /// Names of the properties in the whole schema for which `is` holds, each once.
    fn names(is: impl Fn(&Schema) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        each(&mut open_api_schema(), "", &mut |name, schema| {
            if is(schema) && !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        });
        found.sort();
        found
    }

    #[test]
    fn nothing_is_nullable() {
        assert_eq!(names(|schema| schema.contains_key("nullable")), Vec::<String>::new());
    }

    #[test]
    fn every_integer_or_string_is_a_port_or_a_quantity() {
        let known = ["divisor", "limits", "port", "requests", "sizeLimit"];
        assert_eq!(names(|schema| schema.contains_key("x-kubernetes-int-or-string")), known);
    }

    #[test]
    fn every_list_says_how_it_merges() {
        let lists = names(|schema| schema.get("type") == Some(&json!("array")));
        assert_eq!(names(|schema| schema.contains_key("x-kubernetes-list-type")), lists);
        let maps = ["claims", "conditions", "imagePullSecrets", "storage"];
        assert_eq!(names(|schema| schema.get("x-kubernetes-list-type") == Some(&json!("map"))), maps);
    }

    #[test]
    fn every_object_names_its_fields_so_that_nothing_unknown_is_stored() {
        let open = names(|schema| {
            schema.get("type") == Some(&json!("object"))
                && !schema.contains_key("properties")
                && !schema.contains_key("additionalProperties")
        });
        assert_eq!(open, Vec::<String>::new());
        assert_eq!(names(|schema| schema.contains_key("x-kubernetes-preserve-unknown-fields")), Vec::<String>::new());
    }

    #[test]
    fn every_field_is_documented() {
        let mut bare = Vec::new();
        each(&mut open_api_schema(), "", &mut |name, schema| {
            let Some(Value::Object(properties)) = schema.get("properties") else { return };
            bare.extend(
                properties.iter().filter(|(_, p)| p.get("description").is_none()).map(|(p, _)| format!("{name}.{p}")),
            );
        });
        assert_eq!(bare, Vec::<String>::new());
    }
}
