//! How a server looks from outside: its status in a few words, and waiting for it to look as it should.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use crate::wait::within;
use crate::{Kind, Lab};

/// The status in a few words: `phase`, each condition as `<status> <reason>`, and `url`, which is empty when there is none.
pub fn looks(server: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let status = &server["status"];
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let said = conditions.map(|c| (text(&c["type"]), format!("{} {}", text(&c["status"]), text(&c["reason"]))));
    let own = [("phase", &status["phase"]), ("url", &status["address"]["url"])];
    own.map(|(name, value)| (name.to_owned(), text(value))).into_iter().chain(said).collect()
}

/// The message of a condition; empty when there is no such condition.
pub fn condition<'a>(server: &'a Value, name: &str) -> &'a Value {
    let conditions = server["status"]["conditions"].as_array();
    conditions.into_iter().flatten().find(|condition| condition["type"] == name).unwrap_or(&Value::Null)
}

impl Lab {
    /// Waits until the server's status, about its newest spec, looks like this; see [`looks`]. Returns the server.
    pub async fn until(&self, server: &str, limit: Duration, expected: &[(&str, &str)]) -> Result<Value> {
        let what = format!("server {server} looks like {expected:?}");
        within(limit, &what, async || {
            let found = self.get(Kind::Server, server).await?;
            let seen = looks(&found);
            let differs = |(name, value): &(&str, &str)| seen.get(*name).map_or("", String::as_str) != *value;
            if expected.iter().any(differs) {
                bail!("it looks like {seen:?}");
            }
            if found["status"]["observedGeneration"] != found["metadata"]["generation"] {
                bail!("its status is about an older spec");
            }
            Ok(found)
        })
        .await
    }

    /// Waits until the server is Ready.
    pub async fn ready(&self, server: &str) -> Result<Value> {
        self.until(server, crate::LONG, &[("Ready", "True DeploymentReady")]).await
    }

    /// Waits until a condition's message contains all of this. Returns the message.
    pub async fn message(&self, server: &str, limit: Duration, name: &str, parts: &[&str]) -> Result<String> {
        within(limit, &format!("{name} of server {server} says {parts:?}"), async || {
            let found = self.get(Kind::Server, server).await?;
            let message = condition(&found, name)["message"].as_str().unwrap_or_default().to_owned();
            ensure!(parts.iter().all(|part| message.contains(part)), "it says {message:?}");
            Ok(message)
        })
        .await
    }

    /// Waits until an object is as `check` wants it; `check` says what is wrong.
    pub async fn until_object(
        &self,
        kind: Kind,
        name: &str,
        limit: Duration,
        check: impl Fn(&Value) -> Result<()>,
    ) -> Result<Value> {
        within(limit, &format!("{kind:?} {name} is as it should be"), async || {
            let found = self.get(kind, name).await?;
            check(&found).map(|()| found)
        })
        .await
    }
}
