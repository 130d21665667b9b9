//! Canonical JSON: sorted keys, no nulls, no white space. Pure.
//!
//! Two texts are equal exactly when the documents are, so digests of them can stand for the documents. Keys are sorted
//! because `serde_json::Map` is a B-tree here; a test holds that no dependency switches it to insertion order.

use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The document as a tree without nulls.
///
/// # Panics
/// When `document` is not JSON, for example a map with keys that are not text. Our types and Kubernetes' are.
pub fn value(document: &impl Serialize) -> Value {
    let mut value = tree(document);
    drop_nulls(&mut value);
    value
}

/// The document as text.
pub fn text(document: &impl Serialize) -> String {
    text_of(&tree(document))
}

/// The same of a document that is a tree already, without a copy of it.
pub fn text_of(tree: &Value) -> String {
    WithoutNulls(tree).text()
}

/// SHA-256 of the document's canonical text, in lower-case hex.
pub fn digest(document: &impl Serialize) -> String {
    digest_of(&text(document))
}

/// The same of a text that is canonical already.
pub fn digest_of(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

fn tree(document: &impl Serialize) -> Value {
    serde_json::to_value(document).expect("API types serialise to JSON")
}

/// A tree that leaves out its nulls when it is written.
struct WithoutNulls<'a>(&'a Value);

impl WithoutNulls<'_> {
    fn text(&self) -> String {
        serde_json::to_string(self).expect("trees serialise to JSON")
    }
}

impl Serialize for WithoutNulls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(fields) => {
                let fields = fields.iter().filter(|(_, field)| !field.is_null());
                serializer.collect_map(fields.map(|(key, field)| (key, WithoutNulls(field))))
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(WithoutNulls)),
            scalar => scalar.serialize(serializer),
        }
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_nulls_are_gone() {
        let document = json!({"b": 1, "a": {"z": null, "y": [{"d": null, "c": 2}, null]}});
        assert_eq!(text(&document), r#"{"a":{"y":[{"c":2},null]},"b":1}"#);
        assert_eq!(text(&document), value(&document).to_string());
    }
}
