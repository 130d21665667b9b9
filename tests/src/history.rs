//! Every state that a server's status goes through. A watch of the API server tells them all: nothing is polled, so
//! nothing is missed.

use anyhow::{Context as _, Result, ensure};
use futures::{Stream, StreamExt};
use kube::core::DynamicObject;
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::{Kind, LONG, Lab, looks};

/// What a status is in a few words: phase, the conditions in this order, and the URL.
const PARTS: [&str; 7] = ["phase", "Accepted", "Rendered", "Available", "Verified", "Ready", "url"];

/// A watch of one server; it ends when this is dropped.
pub struct History<'a> {
    lab: &'a Lab,
    server: String,
    told: UnboundedReceiver<Result<Value>>,
    watch: JoinHandle<()>,
    version: Value,
    state: String,
}

impl Lab {
    /// Watches a server from now on, which need not exist yet.
    pub fn history(&self, server: &str) -> History<'_> {
        let config = watcher::Config::default().fields(&format!("metadata.name={server}"));
        let events = watcher(self.api(Kind::Server), config);
        let (tell, told) = unbounded_channel();
        let watch = tokio::spawn(follow(events, tell));
        History { lab: self, server: server.to_owned(), told, watch, version: Value::Null, state: String::new() }
    }
}

impl History<'_> {
    /// Every version of the server since the last call, up to the one that the API server has now.
    pub async fn versions(&mut self) -> Result<Vec<Value>> {
        let newest = self.lab.get(Kind::Server, &self.server).await?["metadata"]["resourceVersion"].take();
        let mut versions = Vec::new();
        while self.version != newest {
            let next = tokio::time::timeout(LONG, self.told.recv()).await.context("the watch tells nothing")?;
            let server = next.context("the watch has ended")??;
            self.version = server["metadata"]["resourceVersion"].clone();
            versions.push(server);
        }
        Ok(versions)
    }

    /// The states since the last call, each different from the one before it: the values of [`looks`], phase first and
    /// URL last.
    pub async fn states(&mut self) -> Result<Vec<String>> {
        let mut states = Vec::new();
        for server in self.versions().await? {
            let state = in_words(&server);
            if !server["status"].is_null() && state != self.state {
                states.push(state.clone());
                self.state = state;
            }
        }
        Ok(states)
    }
}

impl Drop for History<'_> {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

fn in_words(server: &Value) -> String {
    let seen = looks(server);
    PARTS.map(|part| seen.get(part).map_or("", String::as_str)).join(", ")
}

/// Tells each version. A watch that was interrupted goes on where it was; one that has to list anew may have missed
/// something, which is an error.
async fn follow(
    events: impl Stream<Item = watcher::Result<Event<DynamicObject>>>,
    tell: UnboundedSender<Result<Value>>,
) {
    let mut events = std::pin::pin!(events);
    let mut lists = 0;
    while let Some(event) = events.next().await {
        let told = match event {
            Ok(Event::Init) => {
                lists += 1;
                continue;
            }
            Ok(Event::InitApply(server) | Event::Apply(server)) => version(&server, lists),
            Ok(Event::InitDone | Event::Delete(_)) | Err(_) => continue,
        };
        if tell.send(told).is_err() {
            return; // nobody listens any more
        }
    }
}

fn version(server: &DynamicObject, lists: usize) -> Result<Value> {
    ensure!(lists == 1, "the watch was interrupted, and states may have been missed");
    Ok(serde_json::to_value(server)?)
}
