//! Fields that the schema does not know, and fields that are null. Pure.

use serde_json::Value;

use super::{Violation, below};

/// Names at least this similar (Jaro-Winkler, 0 to 1) are worth proposing.
const SIMILAR: f64 = 0.8;

/// Every field of `value` that `schema` does not have, with the nearest name that it has.
///
/// The API server drops such fields silently unless the client asks it not to, and a dropped field is a mistake that
/// nobody notices; so they are refused here, as `kubectl` does.
pub(super) fn unknown(schema: &Value, value: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    collect_unknown(schema, value, "", &mut found);
    found
}

fn collect_unknown(schema: &Value, value: &Value, path: &str, found: &mut Vec<Violation>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = below(path, name);
                match (below_schema(schema, name), schema.get("properties").and_then(Value::as_object)) {
                    (Some(schema), _) => collect_unknown(schema, field, &path, found),
                    (None, Some(known)) => found.push(Violation::new(path, unknown_message(name, known.keys()))),
                    (None, None) => {}
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (index, item) in items.iter().enumerate() {
                collect_unknown(schema, item, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

fn unknown_message<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> String {
    let similarity = |known: &String| strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase());
    let nearest = known.map(|known| (similarity(known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((similarity, nearest)) if similarity >= SIMILAR => format!("unknown field; did you mean `{nearest}`?"),
        _ => "unknown field".to_owned(),
    }
}

/// Removes fields and map entries that are null, as the API server does before it fills in defaults.
///
/// Nulls in lists stay, and are refused later for their type.
pub(super) fn drop_nulls(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, field| !(field.is_null() && below_schema(schema, name).is_some()));
            for (name, field) in fields {
                if let Some(schema) = below_schema(schema, name) {
                    drop_nulls(schema, field);
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for item in items {
                drop_nulls(schema, item);
            }
        }
        _ => {}
    }
}

/// The schema of a property, or of a map's entry.
pub(super) fn below_schema<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let property = schema.get("properties").and_then(|properties| properties.get(name));
    property.or_else(|| schema.get("additionalProperties").filter(|entry| entry.is_object()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"properties": {
            "replicas": {"type": "integer"},
            "labels": {"additionalProperties": {"type": "string"}},
            "ports": {"items": {"properties": {"name": {}}}},
        }})
    }

    #[test]
    fn unknown_fields_are_found_at_every_depth_but_map_keys_are_free() {
        let value = json!({"replica": 1, "labels": {"anything": "x"}, "ports": [{}, {"nmae": "a"}], "zzz": 1});
        let found: Vec<String> = unknown(&schema(), &value).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "ports[1].nmae: unknown field; did you mean `name`?",
                "replica: unknown field; did you mean `replicas`?",
                "zzz: unknown field",
            ]
        );
    }

    #[test]
    fn nulls_go_from_fields_and_maps_but_not_from_lists() {
        let mut value = json!({"replicas": null, "labels": {"a": null, "b": "c"}, "ports": [null, {"name": null}]});
        drop_nulls(&schema(), &mut value);
        assert_eq!(value, json!({"labels": {"b": "c"}, "ports": [null, {}]}));
    }
}
