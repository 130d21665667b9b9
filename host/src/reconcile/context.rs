//! What every reconcile shares.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::api::{ApiResource, Patch, PatchParams};
use kube::core::object::HasStatus;
use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::error::Unreachable;
use super::gather::Surroundings;
use super::render::Renderer;
use crate::api;
use crate::cache::Cache;
use crate::cache::statuses::Statuses;
use crate::cache::views::StatusView;
use crate::events::Events;
use crate::metrics::Metrics;
use crate::plugins::Plugins;
use crate::verification::Verifier;

/// What the operator was told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether servers are asked for an MCP handshake.
    pub verify: bool,
}

/// The parts that reconciles work with.
pub struct Context {
    /// The API server.
    pub client: kube::Client,
    /// What is remembered of it.
    pub cache: Cache,
    /// The chain and what else is the same for every server.
    pub surroundings: Surroundings,
    /// Which plugins render which servers.
    pub plugins: Plugins,
    /// Wakes whoever writes the plugins' statuses: servers came or went, or a plugin fails for others than before.
    pub plugin_news: Notify,
    /// Where plugins run.
    pub renderer: Renderer,
    /// The MCP handshakes.
    pub verifier: Verifier,
    /// Events about servers.
    pub events: Events,
    /// Counters.
    pub metrics: Metrics,
    /// When failed servers are tried again.
    pub backoff: Backoff,
    /// What the operator was told at its start.
    pub settings: Settings,
}

impl Context {
    /// One write, counted. See [`call`] for the answers.
    pub async fn write<T>(
        &self,
        verb: &'static str,
        kind: &str,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<Result<T, Refusal>, Unreachable> {
        self.metrics.api_writes(verb, kind);
        self::call(&format!("{verb} {kind}"), call).await
    }

    /// One step of a reconcile, timed.
    pub async fn timed<T>(&self, phase: &'static str, step: impl Future<Output = T>) -> T {
        let start = Instant::now();
        let outcome = Box::pin(step).await; // large ones should not grow the whole reconcile
        self.metrics.phase(phase, start.elapsed());
        outcome
    }

    /// Writes a status by server-side apply. Tells whether anybody is left to read it: the object may be deleted, or a
    /// namesake by now.
    pub async fn apply_status<K>(
        &self,
        object: &K,
        status: &K::Status,
        statuses: &Statuses<K>,
    ) -> Result<bool, Unreachable>
    where
        K: Resource<DynamicType = ()> + HasStatus<Status: Clone + Debug + Serialize + DeserializeOwned> + Clone,
    {
        let (client, resource) = (self.client.clone(), ApiResource::erase::<K>(&()));
        let api: Api<StatusView<K::Status>> = match object.namespace() {
            Some(namespace) => Api::namespaced_with(client, &namespace, &resource),
            None => Api::all_with(client, &resource),
        };
        let what = format!("{}/status", K::kind(&()));
        let name = object.name_any();
        let patch = Patch::Apply(StatusPatch {
            api_version: K::api_version(&()),
            kind: K::kind(&()),
            metadata: json!({ "name": name, "uid": object.uid() }),
            status,
        });
        let params = PatchParams::apply(api::STATUS_FIELD_MANAGER).force();
        match self.write("apply", &what, api.patch_status(&name, &params, &patch)).await? {
            Ok(written) => {
                statuses.wrote(written);
                Ok(true)
            }
            Err(refusal) if matches!(refusal.code, 404 | 409) => Ok(false),
            Err(refusal) => Err(Unreachable::refused(&format!("apply {what}"), &refusal)),
        }
    }
}

/// The body of a status write.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusPatch<'a, Status> {
    api_version: Cow<'a, str>,
    kind: Cow<'a, str>,
    metadata: Value,
    status: &'a Status,
}

/// The API server's own word on a request.
pub type Refusal = Box<kube::core::Status>;

/// How long a call to the API server may take before it counts as failed.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// One call to the API server, bounded in time. `what` is a verb and a kind, for messages. A refusal comes back as it
/// is, because it may be about the object; everything else says nothing about it.
pub async fn call<T>(
    what: &str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<Result<T, Refusal>, Unreachable> {
    let unreachable = |message| Err(Unreachable { call: what.to_owned(), message });
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(Ok(answer)) => Ok(Ok(answer)),
        Ok(Err(kube::Error::Api(refusal))) => Ok(Err(refusal)),
        Ok(Err(error)) => {
            tracing::debug!(call = what, ?error, "Call to the API server failed");
            unreachable("the API server could not be reached".to_owned())
        }
        Err(_) => unreachable(format!("no answer within {} s", CALL_TIMEOUT.as_secs())),
    }
}

impl Unreachable {
    /// From a refusal that is not about the object: missing rights, too many requests, a fault of the server.
    pub fn refused(call: &str, refusal: &Refusal) -> Self {
        Self { call: call.to_owned(), message: format!("{} ({})", refusal.message, refusal.code) }
    }
}

/// How often in a row each object, by uid, met an API server that did not answer, or a plugin could not be prepared.
#[derive(Default)]
pub struct Backoff(Mutex<HashMap<String, u32>>);

impl Backoff {
    const FIRST: Duration = Duration::from_millis(500);
    const LAST: Duration = Duration::from_mins(1);

    /// Tries again after a time that doubles with each failure in a row.
    pub fn after_failure(&self, object: &impl ResourceExt) -> Action {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(object.uid().unwrap_or_default()).or_default();
        let delay = Self::FIRST.saturating_mul(1 << (*count).min(10)).min(Self::LAST);
        *count += 1;
        Action::requeue(delay)
    }

    /// Starts over.
    pub fn after_success(&self, object: &impl ResourceExt, next: Action) -> Action {
        self.forget(&object.uid().unwrap_or_default());
        next
    }

    /// Forgets a deleted object.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::MCPServer;

    fn server(uid: &str) -> MCPServer {
        let mut server = MCPServer::default();
        server.metadata.uid = Some(uid.to_owned());
        server
    }

    #[test]
    fn failures_in_a_row_wait_twice_as_long_up_to_a_minute() {
        let backoff = Backoff::default();
        for milliseconds in [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000] {
            let expected = Action::requeue(Duration::from_millis(milliseconds));
            assert_eq!(backoff.after_failure(&server("a")), expected);
        }
        assert_eq!(backoff.after_failure(&server("b")), Action::requeue(Backoff::FIRST), "others have their own count");
    }

    #[test]
    fn a_success_starts_over() {
        let (backoff, next) = (Backoff::default(), Action::requeue(Duration::from_hours(1)));
        for _ in 0..2 {
            assert_eq!(backoff.after_failure(&server("a")), Action::requeue(Backoff::FIRST));
            assert_eq!(backoff.after_success(&server("a"), next.clone()), next);
        }
    }
}
