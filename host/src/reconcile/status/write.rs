//! Writes a status by server-side apply, if it says anything new.

use kube::{Api, ResourceExt};

use crate::api::{MCPServer, MCPServerStatus};
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
    if ctx.apply_status(&api, server, &next, &ctx.cache.statuses).await? {
        ctx.events.publish(server, events::about_server(&previous, &next)).await;
    }
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
