//! What makes a server be looked at besides its author, and the way from there to its controller.

use tokio::sync::mpsc;

use super::Shared;
use crate::cache::sources::ServerName;
use crate::reconcile::Context;

/// Where watches and handshakes say that a server should be looked at.
pub struct Signals {
    /// A handshake with it was answered.
    pub answered: mpsc::UnboundedSender<ServerName>,
    /// One of its children or pods changed.
    pub observed: mpsc::UnboundedSender<ServerName>,
    /// Something that it shares with others changed.
    pub shared: mpsc::UnboundedSender<ServerName>,
}

/// The other ends of [`Signals`].
pub struct Triggers {
    answered: mpsc::UnboundedReceiver<ServerName>,
    observed: mpsc::UnboundedReceiver<ServerName>,
    shared: mpsc::UnboundedReceiver<ServerName>,
}

/// Both ends.
pub fn signals() -> (Signals, Triggers) {
    let (answered, answered_end) = mpsc::unbounded_channel();
    let (observed, observed_end) = mpsc::unbounded_channel();
    let (shared, shared_end) = mpsc::unbounded_channel();
    let triggers = Triggers { answered: answered_end, observed: observed_end, shared: shared_end };
    (Signals { answered, observed, shared }, triggers)
}

/// The controller of a namespace, or of all, gets its triggers here.
pub(super) type Route = (Option<String>, mpsc::UnboundedSender<ServerName>);

/// Brings each trigger to the controller of its namespace, as fast as pace and lane allow.
pub(super) async fn route(
    ctx: &Context,
    triggers: Triggers,
    controllers: &[Route],
    Shared { lane, pace, .. }: &Shared,
) {
    let enter = |server: ServerName| {
        ctx.metrics.queued(server.clone());
        lane.enter(server);
    };
    let all = async |mut servers: mpsc::UnboundedReceiver<ServerName>| {
        while let Some(server) = servers.recv().await {
            enter(server);
        }
    };
    let send = |server: ServerName| {
        let is_there = |(namespace, _): &&Route| namespace.as_ref().is_none_or(|namespace| *namespace == server.0);
        let controller = controllers.iter().find(is_there);
        controller.is_some_and(|(_, sender)| sender.send(server).is_ok()) // not when it is stopping
    };
    let Triggers { answered, observed, shared } = triggers;
    tokio::join!(all(answered), pace.keep(observed, enter), all(shared), lane.feed(send));
}
