//! The way of the triggers to the controllers, with a lane of its own for shared changes. A ConfigMap that a thousand servers use, or a plugin that renders all of them, makes each of
//! them wait for a reconcile; only some are let into the queue at a time, and some of the reconciles are kept free of them, so that
//! a server that was changed itself comes at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Triggers;
use crate::cache::sources::ServerName;

/// The controller of a namespace, or of all, gets its triggers here.
pub(super) type Route = (Option<String>, mpsc::UnboundedSender<ServerName>);

/// Who is in the queue because of a shared change.
pub(super) struct Lane {
    room: Arc<Semaphore>,
    inside: Mutex<HashMap<ServerName, OwnedSemaphorePermit>>,
    turns: Arc<Semaphore>,
}

impl Lane {
    /// Room for so many servers, and turns for so many at a time.
    pub(super) fn new(room: usize, turns: usize) -> Self {
        let [room, turns] = [room, turns].map(|count| Arc::new(Semaphore::new(count)));
        Self { room, inside: Mutex::default(), turns }
    }

    /// Hands each trigger to the controller of its namespace: direct ones at once, shared ones when there is room.
    pub(super) async fn route(&self, triggers: Triggers, routes: &[Route]) {
        let Triggers { mut direct, mut shared } = triggers;
        let send = |server: ServerName| {
            let is_there = |(namespace, _): &&Route| namespace.as_ref().is_none_or(|namespace| *namespace == server.0);
            let route = routes.iter().find(is_there);
            route.is_some_and(|(_, sender)| sender.send(server).is_ok()) // not when its controller is stopping
        };
        let direct = async {
            while let Some(server) = direct.recv().await {
                send(server);
            }
        };
        let shared = async {
            while let Some(server) = shared.recv().await {
                self.enter(&server).await;
                if !send(server.clone()) {
                    self.leave(&server);
                }
            }
        };
        tokio::join!(direct, shared);
    }

    /// Waits until there is room for the server.
    async fn enter(&self, server: &ServerName) {
        let place = Arc::clone(&self.room).acquire_owned().await.expect("the semaphore is never closed");
        self.inside().insert(server.clone(), place);
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

    /// Gives the server's place free: its reconcile begins, or there will be none.
    pub(super) fn leave(&self, server: &ServerName) {
        self.inside().remove(server);
    }

    fn inside(&self) -> MutexGuard<'_, HashMap<ServerName, OwnedSemaphorePermit>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use futures::FutureExt;

    use super::*;

    fn server(name: &str) -> ServerName {
        ("maps".to_owned(), name.to_owned())
    }

    #[test]
    fn a_server_waits_until_another_one_is_reconciled() {
        let lane = Lane::new(2, 1);
        let enters = |name| lane.enter(&server(name)).now_or_never().is_some();
        assert!(enters("a") && enters("b"));
        assert!(!enters("c"));
        lane.leave(&server("a"));
        assert!(enters("c"));
    }

    #[test]
    fn only_who_is_inside_waits_for_a_turn() {
        let lane = Lane::new(2, 1);
        for name in ["a", "b"] {
            lane.enter(&server(name)).now_or_never().unwrap();
        }
        let turn = |name| lane.turn(&server(name)).now_or_never();
        let first = turn("a").unwrap();
        assert!(first.is_some());
        assert!(turn("b").is_none(), "the turn of a has not ended");
        assert!(turn("c").unwrap().is_none(), "c was changed itself");
        drop(first);
        assert!(turn("b").unwrap().is_some());
        assert!(lane.inside().is_empty());
    }

    #[test]
    fn a_server_has_one_place_however_often_it_enters() {
        let lane = Lane::new(2, 1);
        for _ in 0..2 {
            assert!(lane.enter(&server("a")).now_or_never().is_some());
        }
        assert!(lane.enter(&server("b")).now_or_never().is_some());
        lane.leave(&server("a"));
        lane.leave(&server("a"));
        assert!(lane.enter(&server("c")).now_or_never().is_some());
        assert!(lane.enter(&server("d")).now_or_never().is_none());
    }
}
