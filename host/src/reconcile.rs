//! What happens when one MCPServer is reconciled: five steps, each in the file of its name.
//!
//! ```text
//! gather ─▶ render ─▶ vet ─▶ apply ─▶ status
//! Inputs    Rendered  Vetted  Applied  conditions
//! ```
//!
//! Only `gather`, `apply` and `status::write` touch the cluster. The outcome of the first four is data: `status` turns
//! an [`Applied`] or an [`Error`] into conditions with one pure function, and it is written in both cases.

pub mod apply;
mod context;
mod error;
pub mod gather;
mod last_good;
pub mod render;
#[cfg(test)]
pub(crate) mod scripted;
pub mod status;
#[cfg(test)]
mod tests;
pub mod vet;

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

pub use self::apply::Applied;
pub use self::context::{Backoff, Context, Refusal, Settings, call};
pub use self::error::{Error, Retry, Unreachable};
pub use self::vet::Kind;
use crate::api::{self, MCPServer};

/// Which server. Offline there is no uid, and then objects get no owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: Option<String>,
}

impl Identity {
    /// The identity of `server`.
    pub fn of(server: &MCPServer) -> Self {
        Self { namespace: server.namespace().unwrap_or_default(), name: server.name_any(), uid: server.uid() }
    }

    /// What makes an object a child of this server; none offline.
    pub fn owner_reference(&self) -> Option<OwnerReference> {
        Some(OwnerReference {
            api_version: MCPServer::api_version(&()).into(),
            kind: api::KIND.into(),
            name: self.name.clone(),
            uid: self.uid.clone()?,
            controller: Some(true),
            block_owner_deletion: Some(true),
        })
    }
}

/// Makes one attempt to bring the cluster in line with `server`, and reports how that went in its status. Tells when to look
/// again, and in a word how it went.
pub async fn reconcile(server: MCPServer, ctx: Arc<Context>) -> (Action, &'static str) {
    if is_ending(&server, &ctx) {
        return (Action::await_change(), "Deleted"); // owner references collect the children
    }
    let outcome = converge(&server, &ctx).await;
    if outcome.is_err() && is_ending(&server, &ctx) {
        return (Action::await_change(), "Deleted");
    }
    let result = outcome.as_ref().map_or_else(Error::reason, |_| "Applied");
    if matches!(outcome, Err(Error::Waiting)) {
        return (Action::await_change(), result); // whoever prepares the plugin says when it is done
    }
    if let Err(error) = &outcome {
        error.log(&server);
        ctx.metrics.failed(&server, error);
    }
    if matches!(outcome, Err(Error::Unreachable(_))) {
        return (ctx.backoff.after_failure(&server), result); // says nothing about the server, so its status stays
    }
    match ctx.timed("status", status::report(&server, &outcome, &ctx)).await {
        Ok(next) => (ctx.backoff.after_success(&server, next), result),
        Err(error) => {
            error.log(&server);
            (ctx.backoff.after_failure(&server), "Unreachable")
        }
    }
}

/// Whether the server is on its way out, alone or with its namespace.
fn is_ending(server: &MCPServer, ctx: &Context) -> bool {
    server.metadata.deletion_timestamp.is_some()
        || server.metadata.namespace.as_deref().is_some_and(|namespace| ctx.cache.namespaces.is_ending(namespace))
}

/// The four steps up to the cluster. Each takes what the one before it returned, and there is no other way to get that.
/// Rendering and vetting are in `last_good`, because either may be done again with a plugin's last good version.
async fn converge(server: &MCPServer, ctx: &Context) -> Result<Applied, Error> {
    let inputs = ctx.timed("gather", gather::from_cluster(server, ctx)).await?;
    if !is_paused(server)
        && let Some(applied) = apply::unchanged(server, &inputs, ctx)
    {
        return Ok(applied);
    }
    let (inputs, vetted, setbacks) = last_good::render(inputs, ctx).await?;
    if is_paused(server) {
        return Ok(Applied::paused(server, &inputs, &vetted));
    }
    let applied = ctx.timed("apply", apply::apply(server, &inputs, &vetted, ctx)).await?.in_spite_of(setbacks);
    apply::remember(&inputs, &applied, ctx);
    Ok(applied)
}

/// Whether its author asked us to keep our hands off.
pub fn is_paused(server: &MCPServer) -> bool {
    server.annotations().get(api::PAUSED_ANNOTATION).is_some_and(|value| value == "true")
}
