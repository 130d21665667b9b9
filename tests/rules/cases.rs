//! Loads the table of accepted and refused manifests in this folder; its format is in `README.md`.
//!
//! Included by path wherever the table is run, so it depends on `serde_json` and `yaml_serde` alone.

use std::{fs, path::Path};

use serde::Deserialize;
use serde_json::Value;

/// One case: a manifest and what must become of it.
pub struct Case {
    /// File and sentence, to tell which case failed.
    pub name: String,
    /// The whole manifest.
    pub manifest: Value,
    /// What must become of it.
    pub verdict: Verdict,
}

/// What must become of a manifest.
pub enum Verdict {
    /// It is stored, and the stored object contains `stored`.
    Accepted { stored: Value },
    /// It is refused with a message that names `path` and, offline, contains `message`.
    Refused { by: By, path: String, message: String },
}

/// Who refuses a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The CRD: the API server does not store it.
    Definition,
    /// The operator: it is stored, and gets `Accepted=False`.
    Operator,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    accepted: Option<String>,
    refused: Option<String>,
    server: Value,
    #[serde(default)]
    stored: Value,
    by: Option<By>,
    path: Option<String>,
    #[serde(default)]
    message: String,
}

/// All cases, by file name and then in the order of the file.
///
/// # Panics
///
/// When a file cannot be read or is not in the format.
pub fn load() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/rules");
    let base = parse::<Value>(&fs::read_to_string(folder.join("base.yaml")).expect("base.yaml is there"), "base.yaml");
    let files = fs::read_dir(&folder).expect("the folder is there").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    files.retain(|path| !path.ends_with("base.yaml"));
    files.sort();
    files.iter().flat_map(|path| load_file(path, &base)).collect()
}

fn load_file(path: &Path, base: &Value) -> Vec<Case> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let text = fs::read_to_string(path).expect("the file can be read");
    yaml_serde::Deserializer::from_str(&text)
        .map(|document| Document::deserialize(document).unwrap_or_else(|error| panic!("{file}: {error}")))
        .map(|document| case(&file, document, base.clone()))
        .collect()
}

fn parse<T: for<'de> Deserialize<'de>>(text: &str, file: &str) -> T {
    yaml_serde::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn case(file: &str, document: Document, mut manifest: Value) -> Case {
    let Document { accepted, refused, server, stored, by, path, message } = document;
    merge(&mut manifest, server);
    let (sentence, verdict) = match (accepted, refused, by, path) {
        (Some(sentence), None, None, None) => (sentence, Verdict::Accepted { stored }),
        (None, Some(sentence), Some(by), Some(path)) => (sentence, Verdict::Refused { by, path, message }),
        (accepted, refused, ..) => {
            panic!("{file}: {accepted:?} {refused:?}: `accepted`, or `refused` with `by` and `path`")
        }
    };
    Case { name: format!("{file}: {sentence}"), manifest, verdict }
}

/// JSON merge patch, RFC 7386.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else { return *target = patch };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().map(|fields| fields.remove(&key));
        } else {
            merge(&mut target[&key], value);
        }
    }
}

/// Whether `object` has every field of `part`, with lists compared entry by entry.
pub fn contains(object: &Value, part: &Value) -> bool {
    match (object, part) {
        (_, Value::Null) => true,
        (Value::Object(object), Value::Object(part)) => {
            part.iter().all(|(key, part)| object.get(key).is_some_and(|field| contains(field, part)))
        }
        (Value::Array(items), Value::Array(parts)) => {
            items.len() == parts.len() && items.iter().zip(parts).all(|(item, part)| contains(item, part))
        }
        _ => object == part,
    }
}
