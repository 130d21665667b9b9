//! How often a busy server is looked at. While its pods are replaced, its children and pods change a dozen times within a second;
//! each change alone would be a reconcile, and often a status that holds for milliseconds. A server that was quiet is looked
//! at as soon as something changes, and again an interval later if more did. What its author changes never waits.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tokio_util::time::DelayQueue;

use crate::cache::sources::ServerName;

/// At least this long lies between the beginnings of two reconciles that follow from changes of children and pods.
const INTERVAL: Duration = Duration::from_millis(250);

/// Which servers were reconciled a moment ago.
#[derive(Default)]
pub(super) struct Pace(Mutex<Recent>);

#[derive(Default)]
struct Recent {
    began: HashMap<ServerName, Instant>,
    in_order: VecDeque<(ServerName, Instant)>,
}

impl Pace {
    /// A reconcile of the server begins, for whatever reason.
    pub(super) fn begun(&self, server: &ServerName) {
        let (mut recent, now) = (self.recent(), Instant::now());
        while let Some((server, began)) = recent.in_order.pop_front_if(|(_, began)| *began + INTERVAL <= now) {
            if recent.began.get(&server) == Some(&began) {
                recent.began.remove(&server);
            }
        }
        recent.began.insert(server.clone(), now);
        recent.in_order.push_back((server.clone(), now));
    }

    /// Hands on each server that comes in: at once, or when its last reconcile is long enough ago, and then once.
    pub(super) async fn keep(&self, mut observed: UnboundedReceiver<ServerName>, send: impl Fn(ServerName)) {
        let (mut waiting, mut due) = (HashSet::new(), DelayQueue::new());
        loop {
            tokio::select! {
                server = observed.recv() => {
                    let Some(server) = server else { return };
                    if waiting.contains(&server) {
                        continue;
                    }
                    match self.next(&server) {
                        None => send(server),
                        Some(time) => {
                            due.insert_at(server.clone(), time);
                            waiting.insert(server);
                        }
                    }
                }
                Some(server) = due.next() => {
                    let server = server.into_inner();
                    waiting.remove(&server);
                    send(server);
                }
            }
        }
    }

    /// When the server may be looked at again; none if it may now.
    fn next(&self, server: &ServerName) -> Option<Instant> {
        let next = *self.recent().began.get(server)? + INTERVAL;
        (next > Instant::now()).then_some(next)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

    use super::*;

    fn server(name: &str) -> ServerName {
        ("maps".to_owned(), name.to_owned())
    }

    /// A pace that is kept, where changes go in, and where servers come out.
    fn kept() -> (Arc<Pace>, UnboundedSender<ServerName>, UnboundedReceiver<ServerName>) {
        let (pace, (observe, observed), (out, due)) =
            (Arc::new(Pace::default()), unbounded_channel(), unbounded_channel());
        let keeper = Arc::clone(&pace);
        tokio::spawn(async move { keeper.keep(observed, |server| out.send(server).unwrap()).await });
        (pace, observe, due)
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_server_is_looked_at_at_once_and_a_busy_one_an_interval_after_its_last_reconcile() {
        let (pace, observe, mut due) = kept();
        let start = Instant::now();
        observe.send(server("a")).unwrap();
        assert_eq!(due.recv().await.unwrap(), server("a"));
        assert_eq!(start.elapsed(), Duration::ZERO);
        pace.begun(&server("a"));
        for _ in 0..3 {
            observe.send(server("a")).unwrap();
        }
        observe.send(server("b")).unwrap();
        assert_eq!(due.recv().await.unwrap(), server("b"), "others need not wait");
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(due.recv().await.unwrap(), server("a"));
        assert_eq!(start.elapsed(), INTERVAL);
        tokio::time::sleep(INTERVAL * 2).await;
        assert!(due.try_recv().is_err(), "three changes are one reconcile");
    }

    #[tokio::test(start_paused = true)]
    async fn only_servers_of_the_last_interval_are_remembered() {
        let pace = Pace::default();
        pace.begun(&server("a"));
        tokio::time::sleep(INTERVAL / 2).await;
        pace.begun(&server("b"));
        pace.begun(&server("a"));
        tokio::time::sleep(INTERVAL / 2).await;
        pace.begun(&server("c"));
        assert_eq!(pace.recent().began.len(), 3, "a was reconciled once more");
        assert_eq!(pace.next(&server("a")), Some(Instant::now() + INTERVAL / 2));
        tokio::time::sleep(INTERVAL).await;
        assert_eq!(pace.next(&server("a")), None);
        pace.begun(&server("d"));
        let recent = pace.recent();
        assert_eq!((recent.began.len(), recent.in_order.len()), (1, 1));
    }
}
