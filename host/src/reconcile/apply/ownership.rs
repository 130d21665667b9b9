//! Whose is an object that exists and that we have no record of? Looks at it before the first apply, and takes over what a deleted
//! server of the same name left behind.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::{Manner, VettedObject, live, takeover};
use crate::api;
use crate::cache::children::ChildKey;
use crate::cache::fields;
use crate::cache::previous::is_server;
use crate::reconcile::error::Unreachable;
use crate::reconcile::{Context, Error, Identity, Kind};

/// How the object may be applied, after taking it over if it is an orphan of a namesake or the previous operator's: by force
/// when we made it, giving way to others when it does not exist, or is this server's and was never applied by us.
pub(super) async fn claim(
    identity: &Identity,
    object: &VettedObject,
    key: &ChildKey,
    ctx: &Context,
) -> Result<Manner, Error> {
    let Some(metadata) = live(key, ctx).await? else { return Ok(Manner::Try) };
    let (manner, metadata) = match decide(identity, &key.kind, &metadata) {
        Decision::Own => (Manner::Force, metadata),
        Decision::Try => (Manner::Try, metadata),
        Decision::Adopt => (Manner::Force, adopt(identity, key, &metadata, ctx).await?),
        Decision::Refuse(owner) => return Err(refusal(key, &owner)),
    };
    let taken = takeover::take_over(object, key, &metadata, ctx).await?;
    Ok(if taken { Manner::Force } else { manner })
}

fn refusal(key: &ChildKey, owner: &str) -> Error {
    Error::Child {
        kind: key.kind.clone(),
        message: format!(
            "{} {} exists and {owner}; it was left alone. Delete or rename one of the two",
            key.kind, key.name
        ),
        refused: true,
        objects: Vec::new(),
        warnings: Vec::new(),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Own,
    Try,
    Adopt,
    Refuse(String),
}

fn decide(identity: &Identity, kind: &Kind, metadata: &ObjectMeta) -> Decision {
    let applied = fields::hash(metadata.managed_fields.as_deref()).is_some();
    let controller = metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
    let Some(controller) = controller else {
        // What has to outlive its server has no owner; we know it by having applied it for a server of this name.
        let labels = metadata.labels.as_ref();
        let server = labels.and_then(|labels| labels.get(api::SERVER_LABEL));
        let outlived = kind.outlives() && applied && server == Some(&identity.name);
        return if outlived { Decision::Own } else { Decision::Refuse("has no controller".into()) };
    };
    if Some(&controller.uid) == identity.uid.as_ref() {
        return if applied { Decision::Own } else { Decision::Try };
    }
    if is_namesake(identity, controller) {
        return Decision::Adopt;
    }
    Decision::Refuse(format!("belongs to {} {}", controller.kind, controller.name))
}

/// Names are unique, so a controller of our name and another uid is a server that was deleted.
fn is_namesake(identity: &Identity, controller: &OwnerReference) -> bool {
    is_server(controller) && controller.name == identity.name
}

/// Replaces the owner references.
async fn adopt(
    identity: &Identity,
    key: &ChildKey,
    metadata: &ObjectMeta,
    ctx: &Context,
) -> Result<ObjectMeta, Unreachable> {
    tracing::info!(namespace = key.namespace, kind = %key.kind, name = key.name, "Adopting object of a deleted namesake");
    let owners = json!([identity.owner_reference()]);
    replace("adopt", key, metadata, ("/metadata/ownerReferences", owners), ctx).await
}

/// Replaces one part of the metadata, if the object is still the one we looked at. These are the only writes that are no
/// server-side apply.
pub(super) async fn replace(
    verb: &'static str,
    key: &ChildKey,
    metadata: &ObjectMeta,
    (path, value): (&str, Value),
    ctx: &Context,
) -> Result<ObjectMeta, Unreachable> {
    let operations = json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": metadata.resource_version},
        {"op": "replace", "path": path, "value": value},
    ]);
    let operations: json_patch::Patch = serde_json::from_value(operations).expect("a JSON patch as RFC 6902 has it");
    let api: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), &key.namespace, &key.kind.resource());
    let params = PatchParams { field_manager: Some(api::FIELD_MANAGER.into()), ..PatchParams::default() };
    let patched =
        ctx.write(verb, key.kind.as_str(), api.patch(&key.name, &params, &Patch::<()>::Json(operations))).await?;
    let patched = patched.map_err(|refusal| Unreachable::refused(&format!("{verb} {}", key.kind), &refusal))?;
    Ok(patched.metadata)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn identity() -> Identity {
        Identity { namespace: "default".into(), name: "a".into(), uid: Some("now".into()) }
    }

    fn owned(kind: &str, name: &str, uid: &str) -> ObjectMeta {
        serde_json::from_value(json!({"ownerReferences": [{
            "apiVersion": "mcp.x-k8s.io/v1alpha1", "kind": kind, "name": name, "uid": uid, "controller": true,
        }]}))
        .unwrap()
    }

    #[test]
    fn an_object_without_controller_is_refused() {
        assert!(matches!(decide(&identity(), &Kind::Service, &ObjectMeta::default()), Decision::Refuse(_)));
    }

    #[test]
    fn an_object_of_another_controller_is_refused_by_name() {
        let Decision::Refuse(owner) = decide(&identity(), &Kind::Service, &owned("MCPServer", "b", "x")) else {
            panic!()
        };
        assert_eq!(owner, "belongs to MCPServer b");
    }

    #[test]
    fn the_child_of_a_deleted_namesake_is_adopted() {
        assert_eq!(decide(&identity(), &Kind::Service, &owned("MCPServer", "a", "before")), Decision::Adopt);
    }

    #[test]
    fn our_own_child_that_we_never_applied_is_tried_without_force() {
        assert_eq!(decide(&identity(), &Kind::Service, &owned("MCPServer", "a", "now")), Decision::Try);
    }
}
