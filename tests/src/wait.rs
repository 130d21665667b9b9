//! Waiting for a condition, never for a duration.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::{Instant, sleep};

/// What the contract gives the operator: "within 5 s".
pub const PROMPT: Duration = Duration::from_secs(5);
/// For what the contract sets no time, and pods or busy machines take theirs.
pub const LONG: Duration = Duration::from_secs(90);

const INTERVAL: Duration = Duration::from_millis(50);
/// A call that takes longer is a failure of its own, and should say so.
const CALL: Duration = Duration::from_secs(30);

/// Asks `probe` until it has an answer. `Err` from the probe says what is still missing; the last one is told when time
/// is up.
pub async fn within<T>(limit: Duration, what: &str, mut probe: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        let started = Instant::now();
        let Ok(answer) = tokio::time::timeout(CALL, probe()).await else { bail!("{what}: a look took over {CALL:?}") };
        match answer {
            Ok(answer) => return Ok(answer),
            // A look that began after the deadline decides nothing.
            Err(missing) if started >= deadline => {
                return Err(missing).with_context(|| format!("not within {} s: {what}", limit.as_secs()));
            }
            Err(_) => sleep(INTERVAL).await,
        }
    }
}
