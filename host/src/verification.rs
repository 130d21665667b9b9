//! Decides when a server is asked for an MCP handshake, and remembers its answer.
//!
//! Handshakes run in tasks of their own, a bounded number at a time, never in a reconcile. A server is asked when its
//! pods first serve, when they change, and again after a failure, less and less often. What one attempt does is in
//! [`crate::handshake`].
//!
//! When pods change, the Service leads to old pods for a moment longer, and to new ones a moment later. So the first
//! answer may still be an old pod's, and is confirmed by asking once more; and failures may be about a pod that is
//! ending, or one that no node leads to yet, and are told only when they last.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::cache::sources::ServerName;
use crate::handshake::{Answer, Attempts, Era, Outcome, Target, Tls};
use crate::metrics::Metrics;

/// Seconds to the next attempt after the first, second, … failure in a row.
const BACK_OFF: [u64; 5] = [10, 20, 40, 80, 120];

/// How long after pods changed every node leads to the new ones. An answer is confirmed after this time, and failures
/// within it are not told.
const SETTLING: Duration = Duration::from_secs(10);

/// How long after a first failure about changed pods it is looked at again: nodes usually follow within a second.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// What is known of a server.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The last answer since the operator started, about these or earlier pods; failures about pods that changed just now are
    /// none.
    pub last: Option<Arc<Outcome>>,
    /// When to ask again, if nothing happens before.
    pub next: Option<Duration>,
}

/// What a handshake needs to know, and what makes a new one necessary when it changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The endpoint.
    pub url: String,
    /// Which serving pods, and in which of their lives.
    pub pods: Vec<(String, i32)>,
    /// The version of the spec.
    pub generation: i64,
}

/// The handshakes of all servers.
pub struct Verifier {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

struct Shared {
    attempts: Box<dyn Attempts>,
    slots: Semaphore,
    /// Half of them: servers that fail again and again leave the rest to those that were not asked yet.
    again: Semaphore,
    answered: mpsc::UnboundedSender<ServerName>,
    metrics: Metrics,
    servers: Mutex<HashMap<String, Entry>>,
}

#[derive(Default)]
struct Entry {
    subject: Option<Subject>,
    asking: bool,
    /// Whether an answer may be one of earlier pods.
    in_doubt: bool,
    /// Set while nothing has come of asking about this subject.
    fresh: Option<Fresh>,
    last: Option<Arc<Outcome>>,
    era: Option<Era>,
    failures: usize,
    next: Option<Instant>,
}

/// A subject that nothing has come of yet.
struct Fresh {
    /// When every node leads to its pods.
    settled: Instant,
    failed: bool,
}

impl Verifier {
    /// At most `concurrency` handshakes at a time; the name of each server that answered goes to `answered`.
    pub fn new(
        attempts: impl Attempts + 'static,
        concurrency: usize,
        metrics: Metrics,
        answered: mpsc::UnboundedSender<ServerName>,
    ) -> Self {
        let (slots, again) = (Semaphore::new(concurrency), Semaphore::new(concurrency.div_ceil(2)));
        let attempts = Box::new(attempts);
        let shared = Shared { attempts, slots, again, answered, metrics, servers: Mutex::default() };
        Self { shared: Arc::new(shared), tasks: TaskTracker::new() }
    }

    /// Whether the server should be asked: for the first time, about a changed subject, or again after a failure.
    pub fn is_due(&self, uid: &str, subject: &Subject) -> bool {
        self.shared.servers().get(uid).is_none_or(|entry| entry.is_due(subject))
    }

    /// Starts a handshake.
    pub fn ask(&self, uid: &str, server: ServerName, subject: Subject, tls: Tls) {
        let mut servers = self.shared.servers();
        let entry = servers.entry(uid.to_owned()).or_default();
        let target = entry.begin(subject, tls);
        let (shared, uid, again) = (Arc::clone(&self.shared), uid.to_owned(), entry.fresh.is_none());
        self.tasks.spawn(async move {
            let _again = if again { Some(shared.again.acquire().await) } else { None };
            shared.ask(uid, server, target).await;
        });
    }

    /// What is known of the server.
    pub fn verdict(&self, uid: &str) -> Verdict {
        let servers = self.shared.servers();
        let Some(entry) = servers.get(uid) else { return Verdict::default() };
        let next = entry.next.filter(|_| !entry.asking).map(|next| next.saturating_duration_since(Instant::now()));
        Verdict { last: entry.last.clone(), next }
    }

    /// Forgets a server that is gone, or that no longer serves.
    pub fn forget(&self, uid: &str) {
        self.shared.servers().remove(uid);
    }

    /// Waits for the handshakes under way; no new ones should be started.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Entry {
    fn is_due(&self, subject: &Subject) -> bool {
        let changed = self.subject.as_ref() != Some(subject);
        let again = self.next.is_some_and(|next| next <= Instant::now());
        !self.asking && (changed || again)
    }

    /// What to ask: as the server was last spoken to.
    fn begin(&mut self, subject: Subject, tls: Tls) -> Target {
        self.asking = true;
        let target = Target { url: subject.url.clone(), tls, era: self.era };
        if self.subject.as_ref() != Some(&subject) {
            self.in_doubt = self.subject.is_some();
            let same_pods = self.subject.as_ref().is_some_and(|before| before.pods == subject.pods);
            let settling = if same_pods { Duration::ZERO } else { SETTLING };
            self.fresh = Some(Fresh { settled: Instant::now() + settling, failed: false });
            self.failures = 0; // those were of other pods
            self.subject = Some(subject);
        }
        target
    }

    /// Takes over an outcome, unless it is a failure that may pass, and sets the time of the next attempt: none after an
    /// answer that is beyond doubt.
    fn conclude(&mut self, outcome: Outcome) {
        self.asking = false;
        let (told, delay) = match &outcome {
            Ok(answer) => {
                self.answered(answer);
                (true, std::mem::take(&mut self.in_doubt).then_some(SETTLING))
            }
            Err(_) => match self.look_again() {
                Some(delay) => (false, Some(delay)),
                None => (true, Some(self.back_off())),
            },
        };
        self.next = delay.map(|delay| Instant::now() + jittered(delay));
        if told {
            self.fresh = None;
            self.last = Some(Arc::new(outcome));
        }
    }

    /// When to look again before a failure is told: soon after the first, and once more when the pods have settled.
    fn look_again(&mut self) -> Option<Duration> {
        let fresh = self.fresh.as_mut()?;
        if !std::mem::replace(&mut fresh.failed, true) {
            return Some(SECOND_LOOK);
        }
        let settled = fresh.settled.saturating_duration_since(Instant::now());
        (!settled.is_zero()).then_some(settled)
    }

    fn answered(&mut self, answer: &Answer) {
        if let Answer::Verified { era, .. } = answer {
            self.era = Some(*era);
        }
        self.failures = 0;
    }

    fn back_off(&mut self) -> Duration {
        let seconds = BACK_OFF[self.failures.min(BACK_OFF.len() - 1)];
        self.failures += 1;
        Duration::from_secs(seconds)
    }
}

impl Shared {
    async fn ask(&self, uid: String, server: ServerName, target: Target) {
        let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
        if !self.servers().contains_key(&uid) {
            return; // deleted while it waited
        }
        let start = Instant::now();
        let outcome = self.attempts.attempt(&target).await;
        self.metrics.handshake(&server, &outcome, start.elapsed());
        tracing::debug!(namespace = server.0, name = server.1, ?outcome, "Handshake attempted");
        if let Some(entry) = self.servers().get_mut(&uid) {
            entry.conclude(outcome);
        }
        // The receiver is gone only when the operator is stopping.
        let _ = self.answered.send(server);
    }

    fn servers(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Up to a tenth longer, so that servers that failed together are not asked together for ever.
fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(rand::random_range(1.0..1.1))
}
