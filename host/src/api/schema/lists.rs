//! Lists whose entries are told apart by keys (`x-kubernetes-list-type: map`): no two may have the same. Pure.

use serde_json::Value;

use super::{Violation, below, fields::below_schema};

/// Every entry of `value` whose keys an earlier entry of the same list has, too.
pub(super) fn duplicates(schema: &Value, value: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    collect(schema, value, "", &mut found);
    found
}

fn collect(schema: &Value, value: &Value, path: &str, found: &mut Vec<Violation>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if let Some(schema) = below_schema(schema, name) {
                    collect(schema, field, &below(path, name), found);
                }
            }
        }
        Value::Array(items) => {
            let keys =
                schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                let same = |earlier: &&Value| !keys.is_empty() && key(keys, earlier) == key(keys, item);
                if items.iter().take(index).any(|earlier| same(&earlier)) {
                    found.push(Violation::new(&path, format!("duplicate of an earlier entry: {}", shown(keys, item))));
                }
                collect(schema.get("items").unwrap_or(&Value::Null), item, &path, found);
            }
        }
        _ => {}
    }
}

fn key<'a>(keys: &[Value], item: &'a Value) -> Vec<Option<&'a Value>> {
    keys.iter().map(|key| item.get(key.as_str().unwrap_or_default())).collect()
}

fn shown(keys: &[Value], item: &Value) -> String {
    let pairs =
        keys.iter().filter_map(Value::as_str).map(|key| format!("{key} {}", item.get(key).unwrap_or(&Value::Null)));
    pairs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn second_entry_with_the_same_key_is_told() {
        let entry = json!({"properties": {"path": {"type": "string"}}});
        let schema = json!({"properties": {"storage": {"items": entry, "x-kubernetes-list-map-keys": ["path"]}}});
        let value = json!({"storage": [{"path": "/a"}, {"path": "/b"}, {"path": "/a"}]});
        let found = duplicates(&schema, &value);
        assert_eq!(found, [Violation::new("storage[2]", "duplicate of an earlier entry: path \"/a\"")]);
    }

    #[test]
    fn lists_without_keys_may_repeat() {
        let schema = json!({"properties": {"arguments": {"items": {"type": "string"}}}});
        assert_eq!(duplicates(&schema, &json!({"arguments": ["-v", "-v"]})), []);
    }
}
