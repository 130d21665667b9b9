//! Many servers at a time, and what an operator writes about them.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::audit::Request;
use crate::wait::within;
use crate::{Kind, LONG, Lab, looks};

/// To list hundreds of servers all the time would be most of what the API server has to do.
const PAUSE: Duration = Duration::from_millis(500);
/// How long many servers may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(10);

impl Lab {
    /// Creates objects, some at a time.
    pub async fn create_all(&self, manifests: impl IntoIterator<Item = Value>) -> Result<()> {
        let creations = manifests.into_iter().map(|manifest| async move { self.create(&manifest).await });
        stream::iter(creations).buffer_unordered(16).try_for_each(async |_| Ok(())).await
    }

    /// Waits until there are this many servers and each looks like this; see [`looks`]. Returns them.
    pub async fn until_all(&self, count: usize, expected: &[(&str, &str)]) -> Result<Vec<Value>> {
        let is_there = |server: &&Value| {
            let seen = looks(server);
            expected.iter().all(|(name, value)| seen.get(*name).is_some_and(|seen| seen == value))
        };
        within(PATIENCE, &format!("{count} servers look like {expected:?}"), async || {
            sleep(PAUSE).await;
            let servers = self.list(Kind::Server, "").await?;
            let there = servers.iter().filter(is_there).count();
            ensure!(there == count && servers.len() == count, "{there} of {} do", servers.len());
            Ok(servers)
        })
        .await
    }

    /// Every write that this test's operators made so far, oldest first.
    pub fn writes(&self) -> Result<Vec<Request>> {
        Ok(self.requests()?.into_iter().filter(Request::writes).collect())
    }

    /// Waits until what was begun is done: no write for some seconds. Returns how many there were.
    pub async fn quiet(&self) -> Result<usize> {
        let mut last = (usize::MAX, Instant::now());
        within(LONG, "there was no write for 5 s", async || {
            sleep(PAUSE).await;
            let count = self.writes()?.len();
            if count != last.0 {
                last = (count, Instant::now());
            }
            ensure!(last.1.elapsed() >= Duration::from_secs(5), "there were {count} writes");
            Ok(count)
        })
        .await
    }
}
