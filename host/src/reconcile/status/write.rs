//! Writes a status by server-side apply, if it says anything new.

use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use crate::api::{self, MCPServer, MCPServerStatus};
use crate::events;
use crate::reconcile::Context;
use crate::reconcile::error::Unreachable;

/// Writes `next` and publishes what changed as events, unless it says the same as before.
pub(super) async fn if_different(server: &MCPServer, next: MCPServerStatus, ctx: &Context) -> Result<(), Unreachable> {
    let previous = server.status.clone().unwrap_or_default();
    ctx.metrics.conditions(server, &next.conditions);
    if says_the_same(&previous, &next) {
        return Ok(());
    }
    let namespace = server.namespace().unwrap_or_default();
    let api: Api<MCPServer> = Api::namespaced(ctx.client.clone(), &namespace);
    let patch = json!({
        "apiVersion": MCPServer::api_version(&()),
        "kind": api::KIND,
        "metadata": { "name": server.name_any(), "uid": server.uid() },
        "status": next,
    });
    let params = PatchParams::apply(api::STATUS_FIELD_MANAGER).force();
    let (name, patch) = (server.name_any(), Patch::Apply(patch));
    match ctx.write("apply", "MCPServer/status", api.patch_status(&name, &params, &patch)).await? {
        Ok(written) => ctx.cache.statuses.wrote(&written),
        // Deleted, or a namesake by now: nobody is left to tell.
        Err(refusal) if matches!(refusal.code, 404 | 409) => return Ok(()),
        Err(refusal) => return Err(Unreachable::refused("apply MCPServer/status", &refusal)),
    }
    ctx.events.publish(server, events::about_server(&previous, &next)).await;
    Ok(())
}

/// Whether two statuses differ in nothing worth a write: a new resourceVersion of a ConfigMap with the same contents
/// rides on the next write.
fn says_the_same(previous: &MCPServerStatus, next: &MCPServerStatus) -> bool {
    let mut next = next.clone();
    if let (Some(before), Some(after)) = (&previous.render, &mut next.render)
        && before.config_hash == after.config_hash
    {
        after.inputs.clone_from(&before.inputs);
    }
    *previous == next
}
