//! What the previous operator wrote for a server becomes ours, so that a field that the server gives up later really goes.
//!
//! The API server keeps a field as long as anybody is recorded for it. The previous operator wrote by Update, and stays
//! recorded beside us when we apply the same fields. So what it wrote for the server moves from its entry in the object's
//! `managedFields` to ours, before the first apply, which then sets what differs and removes what is not wanted. What it
//! wrote beyond that stays in its entry: its own annotations, the number of pods that nobody gives, and what another
//! controller of the same common name may have written.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta};
use serde_json::{Map, Value, json};

use super::VettedObject;
use super::ownership::replace;
use crate::api;
use crate::cache::children::ChildKey;
use crate::cache::fields;
use crate::cache::previous::{Previous, is_of_previous};
use crate::reconcile::{Context, Error};

/// Where nobody but the previous operator writes, and it what the server's spec says. What is there and is not wanted any
/// more has to go. Paths as `managedFields` spells them, or their beginnings.
const OF_THE_SPEC: [&str; 5] = [
    r#"f:spec/f:template/f:spec/f:containers/k:{"name":"mcp-server"}/"#,
    r#"f:spec/f:template/f:spec/f:volumes/k:{"name":"vol-"#,
    "f:spec/f:template/f:spec/f:imagePullSecrets",
    "f:spec/f:template/f:spec/f:securityContext",
    "f:spec/f:template/f:spec/f:serviceAccount", // and serviceAccountName
];

/// Whether anything of the previous operator's has to become ours.
pub(super) fn is_due(previous: &Previous, object: &VettedObject) -> bool {
    !Split::of(previous, object.manifest()).moving.is_empty()
}

/// Makes the previous operator's fields ours, if the object is still the one we looked at. Tells whether there were any.
pub(super) async fn take_over(
    object: &VettedObject,
    key: &ChildKey,
    metadata: &ObjectMeta,
    ctx: &Context,
) -> Result<bool, Error> {
    let Some(entries) = entries(metadata, object.manifest()) else { return Ok(false) };
    tracing::info!(namespace = key.namespace, kind = %key.kind, name = key.name, "Taking over from the previous operator");
    replace("take over", key, metadata, ("/metadata/managedFields", json!(entries)), ctx).await?;
    Ok(true)
}

/// The object's `managedFields` after the move; `None` when nothing moves.
fn entries(metadata: &ObjectMeta, manifest: &Value) -> Option<Vec<ManagedFieldsEntry>> {
    let Split { moving, staying } = Split::of(&Previous::of(metadata)?, manifest);
    if moving.is_empty() {
        return None;
    }
    let mut entries = metadata.managed_fields.clone()?;
    let previous = entries.iter_mut().find(|entry| is_of_previous(entry))?;
    let mut ours = ManagedFieldsEntry {
        manager: Some(api::FIELD_MANAGER.into()),
        operation: Some("Apply".into()),
        ..previous.clone()
    };
    previous.fields_v1 = Some(FieldsV1(Value::Object(staying)));
    entries.retain(|entry| entry.fields_v1 != Some(FieldsV1(json!({}))));
    let mut fields = Value::Object(moving);
    if let Some(position) = entries.iter().position(fields::is_ours) {
        ours = entries.swap_remove(position);
        if let Some(FieldsV1(had)) = &ours.fields_v1 {
            json_patch::merge(&mut fields, had);
        }
    }
    ours.fields_v1 = Some(FieldsV1(fields));
    entries.push(ours);
    Some(entries)
}

/// The fields of an entry in two parts, each shaped as the whole.
#[derive(Debug, Default, PartialEq)]
struct Split {
    moving: Map<String, Value>,
    staying: Map<String, Value>,
}

impl Split {
    fn of(previous: &Previous, manifest: &Value) -> Self {
        let FieldsV1(fields) = &previous.fields;
        Walk { previous }.split(fields, Some(manifest), "")
    }

    fn put(&mut self, key: &str, field: &Value, moves: bool) {
        let part = if moves { &mut self.moving } else { &mut self.staying };
        part.insert(key.to_owned(), field.clone());
    }
}

struct Walk<'a> {
    previous: &'a Previous,
}

impl Walk<'_> {
    /// Splits what is below `path`, where the object wanted has `wanted`.
    fn split(&self, fields: &Value, wanted: Option<&Value>, path: &str) -> Split {
        let mut split = Split::default();
        for (key, field) in fields.as_object().into_iter().flatten() {
            let path = format!("{path}{key}");
            let wanted = wanted.and_then(|wanted| child(wanted, key));
            if field.as_object().is_none_or(Map::is_empty) {
                split.put(key, field, wanted.is_some() || self.is_of_the_server(&path, key));
                continue;
            }
            let Split { moving, staying } = self.split(field, wanted, &format!("{path}/"));
            for (part, moves) in [(moving, true), (staying, false)] {
                if !part.is_empty() {
                    split.put(key, &Value::Object(part), moves);
                }
            }
        }
        split
    }

    /// Whether a field that is not wanted any more was there for the server.
    fn is_of_the_server(&self, path: &str, key: &str) -> bool {
        let is_metadata = path.contains("f:metadata/f:labels/") || path.contains("f:metadata/f:annotations/");
        let name = key.strip_prefix("f:").unwrap_or_default();
        if is_metadata {
            return self.previous.extra.contains(name) || name == api::CONFIG_HASH_ANNOTATION;
        }
        OF_THE_SPEC.iter().any(|place| path.starts_with(place))
    }
}

/// What the part of an object that `managedFields` calls `key` is in `parent`: a field, or an item of a list by its keys or
/// its value; `.` is the parent itself.
fn child<'a>(parent: &'a Value, key: &str) -> Option<&'a Value> {
    let (kind, name) = key.split_once(':').unwrap_or((key, ""));
    match kind {
        "." => Some(parent),
        "f" => parent.get(name),
        "k" => {
            let keys: Map<String, Value> = serde_json::from_str(name).ok()?;
            // A key that the manifest leaves to the API server's default is no difference.
            let fits = |item: &&Value| keys.iter().all(|(key, value)| item.get(key).is_none_or(|given| given == value));
            parent.as_array()?.iter().find(fits)
        }
        "v" => {
            let value: Value = serde_json::from_str(name).ok()?;
            parent.as_array()?.iter().find(|item| **item == value)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const SERVERS: &str = r#"k:{"name":"mcp-server"}"#;

    /// The entry of a Deployment, in whose pods another container is of somebody of the same name.
    fn previous() -> Previous {
        let fields = json!({
            "f:metadata": {
                "f:labels": {".": {}, "f:team": {}, "f:gone": {}, "f:foreign": {}},
                "f:annotations": {".": {}, "f:mcp.x-k8s.io/managed-extra-labels": {}},
            },
            "f:spec": {
                "f:replicas": {}, "f:strategy": {"f:type": {}},
                "f:template": {"f:spec": {
                    "f:containers": {
                        SERVERS: {".": {}, "f:image": {}, "f:args": {}},
                        r#"k:{"name":"mesh"}"#: {".": {}, "f:image": {}},
                    },
                    "f:serviceAccountName": {},
                }},
            },
        });
        Previous { fields: FieldsV1(fields), extra: ["team", "gone"].map(String::from).into() }
    }

    fn wanted(spec: &Value) -> Value {
        let mut wanted = json!({
            "metadata": {"labels": {"team": "a"}},
            "spec": {"template": {"spec": {"containers": [{"name": "mcp-server", "image": "a"}]}}},
        });
        json_patch::merge(&mut wanted["spec"], spec);
        wanted
    }

    #[test]
    fn what_was_there_for_the_server_moves_and_the_rest_stays() {
        let Split { moving, staying } = Split::of(&previous(), &wanted(&json!({})));
        let moved = json!({
            "f:metadata": {"f:labels": {".": {}, "f:team": {}, "f:gone": {}}},
            "f:spec": {"f:template": {"f:spec": {
                "f:containers": {SERVERS: {".": {}, "f:image": {}, "f:args": {}}},
                "f:serviceAccountName": {},
            }}},
        });
        assert_eq!(Value::Object(moving), moved);
        let stayed = json!({
            "f:metadata": {
                "f:labels": {"f:foreign": {}},
                "f:annotations": {".": {}, "f:mcp.x-k8s.io/managed-extra-labels": {}},
            },
            "f:spec": {
                "f:replicas": {}, "f:strategy": {"f:type": {}},
                "f:template": {"f:spec": {"f:containers": {r#"k:{"name":"mesh"}"#: {".": {}, "f:image": {}}}}},
            },
        });
        assert_eq!(Value::Object(staying), stayed);
    }

    #[test]
    fn the_number_of_pods_moves_when_the_server_gives_one() {
        let split = Split::of(&previous(), &wanted(&json!({"replicas": 2})));
        assert_eq!(split.moving["f:spec"]["f:replicas"], json!({}));
        assert_eq!(split.staying["f:spec"].get("f:replicas"), None);
    }

    #[test]
    fn what_moves_joins_what_we_had_and_an_empty_entry_goes() {
        let entry = |manager: &str, operation: &str, fields: &Value| json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields});
        let metadata = json!({
            "ownerReferences": [{
                "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer", "name": "a", "uid": "u", "controller": true,
            }],
            "managedFields": [
                entry("manager", "Update", &json!({"f:spec": {"f:type": {}}})),
                entry("mcp-operator", "Apply", &json!({"f:spec": {"f:ports": {}}})),
            ],
        });
        let metadata: ObjectMeta = serde_json::from_value(metadata).unwrap();
        let entries = entries(&metadata, &json!({"spec": {"type": "ClusterIP"}})).unwrap();
        let expected = entry("mcp-operator", "Apply", &json!({"f:spec": {"f:ports": {}, "f:type": {}}}));
        assert_eq!(json!(entries), json!([expected]));
        let metadata = ObjectMeta { managed_fields: Some(entries), ..metadata };
        assert!(super::entries(&metadata, &json!({"spec": {"type": "ClusterIP"}})).is_none(), "once");
    }
}
