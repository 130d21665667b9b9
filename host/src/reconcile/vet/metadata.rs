//! What a plugin may say in `metadata`: a name, labels and annotations.

use serde_json::Value;

use super::Rejection;
use crate::api;
use crate::reconcile::Identity;

/// Longest name that a Service, and a label with it, may have.
const MAX_NAME: usize = 63;

/// Checks the metadata and returns the name.
pub(super) fn check(identity: &Identity, object: &Value) -> Result<String, Rejection> {
    let Some(metadata) = object["metadata"].as_object() else {
        return Err(Rejection::field("metadata", "is missing"));
    };
    for (key, value) in metadata.iter().filter(|(_, value)| !value.is_null()) {
        match key.as_str() {
            "name" | "labels" | "annotations" => {}
            "namespace" if value == identity.namespace.as_str() => {}
            "namespace" => {
                let problem = format!("must be the server's own namespace {}, or left out", identity.namespace);
                return Err(Rejection::field("metadata.namespace", problem));
            }
            _ => return Err(Rejection::field(format!("metadata.{key}"), "is set by the host or the API server alone")),
        }
    }
    if !object["status"].is_null() {
        return Err(Rejection::field("status", "is set by the API server alone"));
    }
    reserved_labels(identity, &object["metadata"]["labels"])?;
    name(identity, &object["metadata"]["name"])
}

/// Nothing but these keys in the metadata of a template, at `path`: what else stands there would end up in what is made of it,
/// finalizers for example.
pub(super) fn template(path: &str, metadata: &Value, keys: &[&str]) -> Result<(), Rejection> {
    let other = |key: &&String| !keys.contains(&key.as_str());
    match metadata.as_object().and_then(|metadata| metadata.keys().find(other)) {
        Some(key) => Err(Rejection::field(format!("{path}.{key}"), "is not for templates")),
        None => Ok(()),
    }
}

/// The two labels that the host stamps may be given, but not with another value.
fn reserved_labels(identity: &Identity, labels: &Value) -> Result<(), Rejection> {
    for (key, expected) in [(api::APP_LABEL, api::APP_LABEL_VALUE), (api::SERVER_LABEL, identity.name.as_str())] {
        let given = &labels[key];
        if !given.is_null() && given != expected {
            return Err(Rejection::field(
                format!("metadata.labels[{key}]"),
                format!("must be {expected}, or left out"),
            ));
        }
    }
    Ok(())
}

fn name(identity: &Identity, name: &Value) -> Result<String, Rejection> {
    let name = name.as_str().ok_or_else(|| Rejection::field("metadata.name", "is missing or not text"))?;
    let server = identity.name.as_str();
    let suffix = name.strip_prefix(server);
    let own = suffix.is_some_and(|suffix| suffix.is_empty() || suffix.starts_with('-'));
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if own && plain && !name.ends_with('-') && name.len() <= MAX_NAME {
        return Ok(name.to_owned());
    }
    let problem = format!(
        "must be {server} or begin with {server}-, with lower-case letters, digits and dashes, at most {MAX_NAME} \
         characters"
    );
    Err(Rejection::field("metadata.name", problem))
}
