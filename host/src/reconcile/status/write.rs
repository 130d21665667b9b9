//! Writes a status by server-side apply, if it says anything new.

use std::mem;

use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use crate::api::{self, MCPServer, MCPServerStatus};
use crate::cache::previous;
use crate::events;
use crate::reconcile::Context;
use crate::reconcile::error::Unreachable;

/// Writes `next` and publishes what changed as events, unless it says the same as before.
pub(super) async fn if_different(
    server: &MCPServer,
    mut next: MCPServerStatus,
    ctx: &Context,
) -> Result<(), Unreachable> {
    let none = MCPServerStatus::default();
    let previous = server.status.as_ref().unwrap_or(&none);
    if !says_the_same(previous, &mut next) {
        if !ctx.apply_status(server, &next, &ctx.cache.statuses).await? {
            return Ok(()); // nobody is left to read it
        }
        count(server, previous, &next, ctx);
        ctx.events.publish(server, events::about_server(previous, &next)).await;
    }
    ctx.metrics.conditions(server, &next.conditions); // also those that another process wrote
    if previous::wrote_status(&server.metadata) {
        release(server, ctx).await?;
    }
    Ok(())
}

/// Ends the previous operator's part in the status: what it alone said goes, and what we say too is ours alone, so that it
/// goes when we do not say it any more.
async fn release(server: &MCPServer, ctx: &Context) -> Result<(), Unreachable> {
    let namespace = server.namespace().unwrap_or_default();
    let api: Api<MCPServer> = Api::namespaced(ctx.client.clone(), &namespace);
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
/// rides on the next write. `next` is as it was afterwards.
fn says_the_same(previous: &MCPServerStatus, next: &mut MCPServerStatus) -> bool {
    let renders = previous.render.as_ref().zip(next.render.as_mut());
    let Some((before, after)) = renders.filter(|(before, after)| before.config_hash == after.config_hash) else {
        return previous == next;
    };
    let inputs = mem::replace(&mut after.inputs, before.inputs.clone());
    let same = previous == next;
    if let Some(after) = &mut next.render {
        after.inputs = inputs;
    }
    same
}
