//! A lane of their own for servers that nobody edited. A ConfigMap that a thousand servers use, or a plugin that renders all of
//! them, makes each of them wait for a reconcile, and for more while its pods are replaced. Only some are let into the queue
//! at a time, and some of the reconciles are kept free of them, so that a server that its author changed comes at once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::cache::sources::ServerName;

/// Who is to be reconciled without an author's change.
pub(super) struct Lane {
    outside: Mutex<Outside>,
    news: Notify,
    room: Arc<Semaphore>,
    inside: Mutex<HashMap<ServerName, OwnedSemaphorePermit>>,
    turns: Arc<Semaphore>,
}

/// Who waits to be let in. In the order may be some who wait no more.
#[derive(Default)]
struct Outside {
    waiting: HashSet<ServerName>,
    order: VecDeque<ServerName>,
}

impl Lane {
    /// Room for so many servers, and turns for so many at a time.
    pub(super) fn new(room: usize, turns: usize) -> Self {
        let [room, turns] = [room, turns].map(|count| Arc::new(Semaphore::new(count)));
        Self { outside: Mutex::default(), news: Notify::new(), room, inside: Mutex::default(), turns }
    }

    /// The server is to be reconciled: once, however often that is said before it is.
    pub(super) fn enter(&self, server: ServerName) {
        let mut outside = self.outside();
        if outside.waiting.insert(server.clone()) {
            outside.order.push_back(server);
            self.news.notify_one();
        }
    }

    /// Lets one after the other in, whenever there is room. `send` tells whether the queue took the server.
    pub(super) async fn feed(&self, send: impl Fn(ServerName) -> bool) {
        loop {
            let place = Arc::clone(&self.room).acquire_owned().await.expect("the semaphore is never closed");
            let server = self.first().await;
            self.inside().insert(server.clone(), place);
            if !send(server.clone()) {
                self.leave(&server);
            }
        }
    }

    /// Who has waited longest.
    async fn first(&self) -> ServerName {
        loop {
            let first = {
                let Outside { waiting, order } = &mut *self.outside();
                std::iter::from_fn(|| order.pop_front()).find(|server| waiting.remove(server))
            };
            match first {
                Some(server) => return server,
                None => self.news.notified().await,
            }
        }
    }

    /// Waits for the server's turn to be reconciled, which ends with what is returned; a server that is not inside need not wait.
    pub(super) async fn turn(&self, server: &ServerName) -> Option<OwnedSemaphorePermit> {
        if !self.inside().contains_key(server) {
            return None;
        }
        let turn = Arc::clone(&self.turns).acquire_owned().await.expect("the semaphore is never closed");
        self.leave(server);
        Some(turn)
    }

    /// The server's reconcile begins, which looks at all that happened until now.
    pub(super) fn begun(&self, server: &ServerName) {
        self.outside().waiting.remove(server);
    }

    /// Gives the server's place free: its reconcile begins, or there will be none.
    pub(super) fn leave(&self, server: &ServerName) {
        self.inside().remove(server);
    }

    fn outside(&self) -> MutexGuard<'_, Outside> {
        self.outside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inside(&self) -> MutexGuard<'_, HashMap<ServerName, OwnedSemaphorePermit>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use futures::FutureExt;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    fn server(name: &str) -> ServerName {
        ("maps".to_owned(), name.to_owned())
    }

    /// A lane that is fed, and the queue that it feeds.
    fn fed(room: usize, turns: usize) -> (Arc<Lane>, UnboundedReceiver<ServerName>) {
        let (lane, (send, queue)) = (Arc::new(Lane::new(room, turns)), unbounded_channel());
        let feeder = Arc::clone(&lane);
        tokio::spawn(async move { feeder.feed(|server| send.send(server).is_ok()).await });
        (lane, queue)
    }

    /// Who was let in since.
    async fn let_in(queue: &mut UnboundedReceiver<ServerName>) -> Vec<String> {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await; // until nothing moves
        std::iter::from_fn(|| queue.try_recv().ok()).map(|(_, name)| name).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_waits_until_another_one_is_reconciled() {
        let (lane, mut queue) = fed(2, 1);
        for name in ["a", "b", "c", "d"] {
            lane.enter(server(name));
        }
        assert_eq!(let_in(&mut queue).await, ["a", "b"]);
        lane.leave(&server("a"));
        assert_eq!(let_in(&mut queue).await, ["c"]);
        lane.leave(&server("b"));
        lane.leave(&server("b"));
        assert_eq!(let_in(&mut queue).await, ["d"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_by_a_reconcile_that_began_since_needs_none() {
        let (lane, mut queue) = fed(1, 1);
        for name in ["a", "b", "b", "c"] {
            lane.enter(server(name));
        }
        assert_eq!(let_in(&mut queue).await, ["a"]);
        lane.begun(&server("b"));
        lane.leave(&server("a"));
        assert_eq!(let_in(&mut queue).await, ["c"]);
        lane.enter(server("b"));
        lane.leave(&server("c"));
        assert_eq!(let_in(&mut queue).await, ["b"]);
        lane.leave(&server("b"));
        assert!(let_in(&mut queue).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_is_inside_waits_for_a_turn() {
        let (lane, mut queue) = fed(2, 1);
        for name in ["a", "b"] {
            lane.enter(server(name));
        }
        assert_eq!(let_in(&mut queue).await, ["a", "b"]);
        let turn = |name| lane.turn(&server(name)).now_or_never();
        let first = turn("a").unwrap();
        assert!(first.is_some());
        assert!(turn("b").is_none(), "the turn of a has not ended");
        assert!(turn("c").unwrap().is_none(), "c was changed by its author");
        drop(first);
        assert!(turn("b").unwrap().is_some());
        assert!(lane.inside().is_empty());
    }
}
