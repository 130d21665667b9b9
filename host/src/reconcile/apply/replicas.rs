//! A server that no longer says how many pods it wants keeps as many as it has, for an autoscaler to take over.
//!
//! Taking the field out of what we apply would make the API server fall back to one pod. So the live number is first
//! applied once more in the name of another field manager, who then keeps it.

use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::core::DynamicObject;
use serde_json::json;

use super::VettedObject;
use crate::api;
use crate::cache::children::{Child, ChildKey};
use crate::reconcile::error::Unreachable;
use crate::reconcile::{Context, Error};

/// Whether applying `object` gives up a number that we own.
pub(super) fn are_dropped(object: &VettedObject, child: &Child) -> bool {
    object.kind().is_workload() && child.owns_replicas && object.manifest()["spec"]["replicas"].is_null()
}

/// Leaves the live number to another field manager. Gives way when somebody changes it meanwhile.
pub(super) async fn hand_over(key: &ChildKey, child: &Child, ctx: &Context) -> Result<(), Error> {
    let Some(workload) = &child.workload else { return Ok(()) };
    let patch = Patch::Apply(json!({
        "apiVersion": key.kind.api_version(),
        "kind": key.kind.as_str(),
        "metadata": { "name": key.name, "uid": child.uid },
        "spec": { "replicas": workload.desired },
    }));
    let api: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), &key.namespace, &key.kind.resource());
    let params = PatchParams::apply(api::HANDOVER_FIELD_MANAGER);
    tracing::info!(namespace = key.namespace, name = key.name, replicas = workload.desired, "Handing over replicas");
    let handed = ctx.write("hand over", key.kind.as_str(), api.patch(&key.name, &params, &patch)).await?;
    handed.map_err(|refusal| Unreachable::refused(&format!("hand over replicas of {}", key.kind), &refusal))?;
    Ok(())
}
