//! The watches of kinds that plugins were granted: each begins when a plugin first needs it, and goes on for as long as the
//! operator runs, so that what a plugin left behind is seen and removed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::{Scope, Signals, Start, Synced};
use crate::reconcile::{Context, Kind};

/// How long a first list may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where plugins ask for a kind to be watched.
#[derive(Clone)]
pub struct GrantedKinds(mpsc::UnboundedSender<Request>);

/// The other end.
pub struct GrantedKindRequests(mpsc::UnboundedReceiver<Request>);

struct Request {
    kind: Kind,
    listed: watch::Sender<bool>,
}

impl GrantedKinds {
    /// Both ends.
    pub fn new() -> (Self, GrantedKindRequests) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), GrantedKindRequests(receiver))
    }

    /// Sees that objects of this kind are watched. Tells whether all of them are known by now; if not, they may be later.
    pub async fn watch(&self, kind: Kind) -> bool {
        let (listed, mut is_listed) = watch::channel(false);
        let asked = self.0.send(Request { kind, listed });
        let known = tokio::time::timeout(PATIENCE, is_listed.wait_for(|listed| *listed)).await;
        asked.is_ok() && matches!(known, Ok(Ok(_)))
    }
}

/// Serves the requests, for ever.
pub(in crate::controller) async fn serve(
    ctx: Arc<Context>,
    scope: Scope,
    signals: Arc<Signals>,
    mut requests: GrantedKindRequests,
) {
    let mut watches = JoinSet::new();
    let mut kinds: HashMap<Kind, watch::Receiver<bool>> = HashMap::new();
    loop {
        tokio::select! {
            Some(Request { kind, listed }) = requests.0.recv() => {
                let known = kinds.entry(kind).or_insert_with_key(|kind| begin(&ctx, &scope, &signals, kind, &mut watches));
                let mut known = known.clone();
                watches.spawn(async move {
                    tokio::select! {
                        _ = known.wait_for(|listed| *listed) => { listed.send_replace(true); }
                        () = listed.closed() => {} // nobody waits any more
                    }
                });
            }
            Some(Err(panic)) = watches.join_next() => std::panic::resume_unwind(panic.into_panic()),
            else => return, // the operator is stopping
        }
    }
}

fn begin(
    ctx: &Arc<Context>,
    scope: &Scope,
    signals: &Arc<Signals>,
    kind: &Kind,
    watches: &mut JoinSet<()>,
) -> watch::Receiver<bool> {
    tracing::info!(kind = kind.full_name(), "Watching a kind that plugins were granted");
    let mut start = Start { ctx, signals, tasks: watches, synced: Vec::new() };
    start.children(scope, kind);
    let synced = start.synced;
    let (listed, is_listed) = watch::channel(false);
    watches.spawn(async move {
        Synced::all(synced).await;
        listed.send_replace(true);
    });
    is_listed
}
