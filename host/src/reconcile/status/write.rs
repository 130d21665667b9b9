//! Writes a status by server-side apply, if it says anything new.

use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use crate::api::{self, MCPServer, MCPServerStatus};
use crate::cache::previous;
use crate::events;
use crate::reconcile::Context;
use crate::reconcile::error::Unreachable;

/// Writes `next` and publishes what changed as events, unless it says the same as before.
pub(super) async fn if_different(server: &MCPServer, next: MCPServerStatus, ctx: &Context) -> Result<(), Unreachable> {
    let previous = server.status.clone().unwrap_or_default();
    let namespace = server.namespace().unwrap_or_default();
    let api: Api<MCPServer> = Api::namespaced(ctx.client.clone(), &namespace);
    if !says_the_same(&previous, &next) {
        if !ctx.apply_status(&api, server, &next, &ctx.cache.statuses).await? {
            return Ok(()); // nobody is left to read it
        }
        count(server, &previous, &next, ctx);
        ctx.events.publish(server, events::about_server(&previous, &next)).await;
    }
    ctx.metrics.conditions(server, &next.conditions); // also those that another process wrote
    if previous::wrote_status(&server.metadata) {
        release(&api, server, ctx).await?;
    }
    Ok(())
}

/// Ends the previous operator's part in the status: what it alone said goes, and what we say too is ours alone, so that it
/// goes when we do not say it any more.
async fn release(api: &Api<MCPServer>, server: &MCPServer, ctx: &Context) -> Result<(), Unreachable> {
    let name = server.name_any();
    let nothing = Patch::Apply(json!({
        "apiVersion": MCPServer::api_version(&()),
        "kind": api::KIND,
        "metadata": { "name": name, "uid": server.uid() },
    }));
    let params = PatchParams::apply(api::PREVIOUS_STATUS_FIELD_MANAGER).force();
    match ctx.write("release", "MCPServer/status", api.patch_status(&name, &params, &nothing)).await? {
        Err(refusal) if !matches!(refusal.code, 404 | 409) => {
            Err(Unreachable::refused("release MCPServer/status", &refusal))
        }
        _ => Ok(()),
    }
}

fn count(server: &MCPServer, previous: &MCPServerStatus, next: &MCPServerStatus, ctx: &Context) {
    let is_skipped = |status: &MCPServerStatus| status.conditions.iter().any(|c| c.reason == "VerificationDisabled");
    if is_skipped(next) && !is_skipped(previous) {
        ctx.metrics.handshake_skipped(server);
    }
    if events::capabilities_changed(previous, next) {
        ctx.metrics.capabilities_changed(server);
    }
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
