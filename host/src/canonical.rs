//! Canonical JSON: sorted keys, no nulls, no white space. Pure.
//!
//! Two texts are equal exactly when the documents are, so digests of them can stand for the documents. Keys are sorted
//! because `serde_json::Map` is a B-tree here; a test holds that no dependency switches it to insertion order.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The document as a tree without nulls.
///
/// # Panics
/// When `document` is not JSON, for example a map with keys that are not text. Our types and Kubernetes' are.
pub fn value(document: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(document).expect("API types serialise to JSON");
    drop_nulls(&mut value);
    value
}

/// The document as text.
pub fn text(document: &impl Serialize) -> String {
    value(document).to_string()
}

/// SHA-256 of the document's canonical text, in lower-case hex.
pub fn digest(document: &impl Serialize) -> String {
    hex::encode(Sha256::digest(text(document)))
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

    use super::text;

    #[test]
    fn keys_are_sorted_and_nulls_are_gone() {
        let document = json!({"b": 1, "a": {"z": null, "y": [{"d": null, "c": 2}]}});
        assert_eq!(text(&document), r#"{"a":{"y":[{"c":2}]},"b":1}"#);
    }
}
