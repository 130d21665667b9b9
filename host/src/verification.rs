//! Decides when a server is asked for an MCP handshake, and remembers its answer.
//!
//! Handshakes run in tasks of their own, a bounded number at a time, never in a reconcile. A server is asked when its
//! pods first serve, when they change, and again after a failure, less and less often. What one attempt does is in
//! [`crate::handshake`].
//!
//! When pods change, the first answer may still be an old pod's: its Service leads to it for a moment longer. So that
//! answer is confirmed by asking once more.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::cache::sources::ServerName;
use crate::handshake::{Answer, Client, Era, Target, Tls, Unanswered};
use crate::metrics::Metrics;

/// Seconds to the next attempt after the first, second, … failure in a row.
const BACK_OFF: [u64; 5] = [10, 20, 40, 80, 120];

/// How long after an answer about changed pods it is confirmed: by then every node routes to the new ones.
const CONFIRMATION: Duration = Duration::from_secs(10);

/// What one attempt came to.
pub type Outcome = Result<Answer, Unanswered>;

/// What is known of a server.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The last answer since the operator started, about these or earlier pods.
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
    client: Client,
    slots: Semaphore,
    answered: mpsc::UnboundedSender<ServerName>,
    metrics: Metrics,
    servers: Mutex<HashMap<String, Entry>>,
}

#[derive(Default)]
struct Entry {
    subject: Option<Subject>,
    asking: bool,
    /// Whether the answer awaited may be one of earlier pods.
    in_doubt: bool,
    last: Option<Arc<Outcome>>,
    era: Option<Era>,
    failures: usize,
    next: Option<Instant>,
}

impl Verifier {
    /// At most `concurrency` handshakes at a time; the name of each server that answered goes to `answered`.
    pub fn new(
        client: Client,
        concurrency: usize,
        metrics: Metrics,
        answered: mpsc::UnboundedSender<ServerName>,
    ) -> Self {
        let slots = Semaphore::new(concurrency);
        let shared = Shared { client, slots, answered, metrics, servers: Mutex::default() };
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
        let target = Target { url: subject.url.clone(), tls, era: entry.era };
        entry.begin(subject);
        let (shared, uid) = (Arc::clone(&self.shared), uid.to_owned());
        self.tasks.spawn(async move { shared.ask(uid, server, target).await });
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

    fn begin(&mut self, subject: Subject) {
        self.asking = true;
        self.in_doubt = self.subject.as_ref().is_some_and(|earlier| *earlier != subject);
        if self.in_doubt {
            self.failures = 0; // those were of other pods
        }
        self.subject = Some(subject);
    }

    /// Takes over an outcome and sets the time of the next attempt: none after an answer that is beyond doubt.
    fn conclude(&mut self, outcome: Outcome) {
        self.asking = false;
        if let Ok(answer) = &outcome {
            if let Answer::Verified { era, .. } = answer {
                self.era = Some(*era);
            }
            self.failures = 0;
            self.next = self.in_doubt.then(|| Instant::now() + jittered(CONFIRMATION));
        } else {
            let seconds = BACK_OFF[self.failures.min(BACK_OFF.len() - 1)];
            self.failures += 1;
            self.next = Some(Instant::now() + jittered(Duration::from_secs(seconds)));
        }
        self.last = Some(Arc::new(outcome));
    }
}

impl Shared {
    async fn ask(&self, uid: String, server: ServerName, target: Target) {
        let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
        if !self.servers().contains_key(&uid) {
            return; // deleted while it waited
        }
        let start = Instant::now();
        let outcome = attempt(&self.client, &target).await;
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

/// One attempt that always ends: whatever a server makes of the client library must not end the asking for good.
async fn attempt(client: &Client, target: &Target) -> Outcome {
    let attempt = AssertUnwindSafe(client.attempt(target)).catch_unwind();
    match tokio::time::timeout(LAST_RESORT, attempt).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Err(Unanswered::unreadable()),
        Err(_) => Err(Unanswered::timed_out(LAST_RESORT)),
    }
}

/// Well beyond the 15 s in which an attempt ends by itself.
const LAST_RESORT: Duration = Duration::from_secs(30);

/// Up to a tenth longer, so that servers that failed together are not asked together for ever.
fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(rand::random_range(1.0..1.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(pod: &str) -> Subject {
        Subject { url: "http://a".into(), pods: vec![(pod.into(), 0)], generation: 1 }
    }

    /// What happens between a question and its answer.
    fn asked(entry: &mut Entry, subject: &Subject) {
        entry.begin(subject.clone());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_asked_once_and_again_when_its_pods_change() {
        let mut entry = Entry::default();
        assert!(entry.is_due(&subject("a")));
        asked(&mut entry, &subject("a"));
        assert!(!entry.is_due(&subject("b")), "not while the first question is open");
        entry.conclude(Ok(Answer::AuthRequired));
        tokio::time::advance(Duration::from_hours(1)).await;
        assert!(!entry.is_due(&subject("a")));
        assert!(entry.is_due(&subject("b")));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_about_changed_pods_is_confirmed_once() {
        let mut entry = Entry::default();
        for pod in ["a", "b"] {
            asked(&mut entry, &subject(pod));
            entry.conclude(Ok(Answer::AuthRequired));
        }
        assert!(!entry.is_due(&subject("b")), "not at once");
        tokio::time::advance(CONFIRMATION.mul_f64(1.1)).await;
        assert!(entry.is_due(&subject("b")), "the first answer may have been the old pod's");
        asked(&mut entry, &subject("b"));
        entry.conclude(Ok(Answer::AuthRequired));
        tokio::time::advance(Duration::from_hours(1)).await;
        assert!(!entry.is_due(&subject("b")), "the second was not");
    }

    #[tokio::test(start_paused = true)]
    async fn servers_that_failed_together_are_asked_again_apart() {
        const SERVERS: usize = 1000;
        let now = Instant::now();
        let mut next: Vec<Duration> = (0..SERVERS)
            .map(|_| {
                let mut entry = Entry::default();
                asked(&mut entry, &subject("a"));
                entry.conclude(Err(Unanswered::unreadable()));
                entry.next.expect("a failure is asked about again") - now
            })
            .collect();
        next.sort();
        // A tenth of them within a twentieth of the time would be a crowd.
        let together = |window: &[Duration]| window[window.len() - 1] < window[0] + Duration::from_millis(50);
        assert!(!next.windows(SERVERS / 10).any(together), "{next:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_asked_about_again_less_and_less_often() {
        let mut entry = Entry::default();
        for seconds in [10, 20, 40, 80, 120, 120] {
            asked(&mut entry, &subject("a"));
            entry.conclude(Err(Unanswered::unreadable()));
            tokio::time::advance(Duration::from_millis(seconds * 1000 - 1)).await;
            assert!(!entry.is_due(&subject("a")), "before {seconds} s");
            tokio::time::advance(Duration::from_secs(seconds).mul_f64(0.1) + Duration::from_millis(2)).await;
            assert!(entry.is_due(&subject("a")), "after {seconds} s and a tenth");
        }
        asked(&mut entry, &subject("b"));
        entry.conclude(Err(Unanswered::unreadable()));
        tokio::time::advance(Duration::from_secs(12)).await;
        assert!(entry.is_due(&subject("b")), "other pods start the back-off anew");
        asked(&mut entry, &subject("b"));
        entry.conclude(Ok(Answer::AuthRequired));
        asked(&mut entry, &subject("b"));
        entry.conclude(Err(Unanswered::unreadable()));
        tokio::time::advance(Duration::from_secs(12)).await;
        assert!(entry.is_due(&subject("b")), "and so does an answer");
    }
}
