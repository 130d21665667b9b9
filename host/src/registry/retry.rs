//! How often and how fast something is tried again that failed for a reason which passes.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use super::error::Problem;

/// The pace of retries: the wait doubles each time, with some jitter so that many operators do not come back at once.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// Before the second attempt.
    pub first: Duration,
    /// After the first attempt.
    pub retries: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), retries: 3 }
    }
}

impl Pace {
    /// Tries until it succeeds, fails for good, or has failed too often. A registry that names a time to wait gets it;
    /// the time limit of the whole call cuts it short.
    pub(super) async fn keep<T, F>(self, attempt: impl FnMut() -> F) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, Problem>>,
    {
        let backoff =
            ExponentialBuilder::default().with_min_delay(self.first).with_max_times(self.retries).with_jitter();
        let longer = |problem: &Problem, wait: Option<Duration>| match problem {
            Problem::Busy { retry_after: Some(asked) } => wait.map(|wait| wait.max(*asked)),
            _ => wait,
        };
        let told = |problem: &Problem, wait: Duration| tracing::debug!(%problem, ?wait, "trying the registry again");
        attempt.retry(backoff).when(Problem::passes).adjust(longer).notify(told).await
    }
}
