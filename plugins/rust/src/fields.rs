//! Fields of a Kubernetes object by dotted path.
//!
//! `value["a"]["b"]` reads well, but panics when it is written to and an earlier plugin left something odd there. These
//! fail with the path instead.

use serde_json::{Map, Value};

use crate::Failure;

/// Fields by path, such as `spec.template.spec`. What stands in lists, and keys with dots such as those of labels, is
/// reached through the list or object that holds it.
pub trait Fields {
    /// The field's value; null where there is none.
    fn at(&self, path: &str) -> &Value;

    /// The object at this path, which is made where there is none.
    fn object(&mut self, path: &str) -> Result<&mut Map<String, Value>, Failure>;

    /// The list at this path, which is made where there is none.
    fn list(&mut self, path: &str) -> Result<&mut Vec<Value>, Failure>;
}

impl Fields for Value {
    fn at(&self, path: &str) -> &Value {
        path.split('.').fold(self, |value, field| &value[field])
    }

    fn object(&mut self, path: &str) -> Result<&mut Map<String, Value>, Failure> {
        let value = make(self, path)?;
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
        let found = shape(value);
        value.as_object_mut().ok_or_else(|| unexpected(path, found, "an object"))
    }

    fn list(&mut self, path: &str) -> Result<&mut Vec<Value>, Failure> {
        let value = make(self, path)?;
        if value.is_null() {
            *value = Value::Array(Vec::new());
        }
        let found = shape(value);
        value.as_array_mut().ok_or_else(|| unexpected(path, found, "a list"))
    }
}

/// The value at this path; null, in objects made for it, where there is none.
fn make<'a>(root: &'a mut Value, path: &str) -> Result<&'a mut Value, Failure> {
    let mut value = root;
    for field in path.split('.') {
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
        let found = shape(value);
        let parent = value.as_object_mut().ok_or_else(|| unexpected(path, found, "inside an object"))?;
        value = parent.entry(field).or_insert(Value::Null);
    }
    Ok(value)
}

fn shape(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// An earlier plugin's doing, so not this one's fault.
fn unexpected(path: &str, found: &str, expected: &str) -> Failure {
    Failure::Unsupported(format!("{path} should be {expected}; an earlier plugin put {found} there"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> String {
        match outcome.unwrap_err() {
            Failure::Unsupported(message) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_missing_is_made() {
        let mut value = json!({"spec": {"template": null}});
        value.object("spec.template.metadata.annotations").unwrap().insert("example.com/a".to_owned(), json!("b"));
        value.list("spec.items").unwrap().push(json!(1));
        let expected = json!({
            "spec": {"template": {"metadata": {"annotations": {"example.com/a": "b"}}}, "items": [1]},
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn what_is_there_is_kept() {
        let mut value = json!({"spec": {"items": [1]}});
        value.list("spec.items").unwrap().push(json!(2));
        assert_eq!(value.at("spec.items"), &json!([1, 2]));
        assert_eq!(value.at("spec.no.such.field"), &Value::Null);
    }

    #[test]
    fn what_has_another_shape_is_named() {
        let mut value = json!({"spec": {"items": "one"}});
        assert_eq!(refused(value.list("spec.items")), "spec.items should be a list; an earlier plugin put text there");
        let message = refused(value.object("spec.items.first").cloned());
        assert_eq!(message, "spec.items.first should be inside an object; an earlier plugin put text there");
    }
}
