//! What `/metrics` shows: the names that dashboards of MCPServers already use, and the operator's own. The series of a server
//! go with it, and what was under way when it went makes no new ones.

mod families;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use self::families::{
    ConditionLabels, FailureLabels, Families, HandshakeLabels, KindLabels, PhaseLabels, PluginLabels, RenderLabels,
    ResultLabels, ServerLabels, SharedLabels, WriteLabels,
};
use crate::api::MCPServer;
use crate::cache::sources::ServerName;
use crate::handshake::{Answer, Outcome};
use crate::reconcile::gather::Stage;
use crate::reconcile::{Error, Kind};

/// All metrics. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Default)]
struct Inner {
    families: Families,
    /// The servers that exist, each with its series of conditions. Whoever makes a series of a server holds the lock.
    servers: Mutex<HashMap<ServerName, Vec<SharedLabels>>>,
    waiting: Mutex<HashSet<ServerName>>,
}

/// The results of handshakes.
const RESULTS: [&str; 4] = ["success", "failure", "auth_skip", SKIP];
const SKIP: &str = "skip";

impl Metrics {
    /// The exposition text.
    ///
    /// # Panics
    /// Never: writing to a `String` does not fail.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.0.families.registry.lock().unwrap_or_else(PoisonError::into_inner);
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("writing to a String does not fail");
        text
    }

    /// From now on the server may have series.
    pub fn known(&self, server: ServerName) {
        self.0.servers.lock().unwrap_or_else(PoisonError::into_inner).entry(server).or_default();
    }

    /// Makes series of a server, if it still exists.
    fn of(&self, server: &ServerName, make: impl FnOnce(&Families, &mut Vec<SharedLabels>)) {
        let mut servers = self.0.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(conditions) = servers.get_mut(server) {
            make(&self.0.families, conditions);
        }
    }

    /// One series per condition of a server: what does not hold any more is removed.
    pub fn conditions(&self, server: &MCPServer, conditions: &[Condition]) {
        let holding: Vec<_> = conditions.iter().map(|condition| condition_labels(server, condition)).collect();
        self.of(&name(server), |families, shown| {
            for gone in shown.extract_if(.., |condition| !holding.contains(condition)) {
                families.conditions.remove(&gone);
            }
            for condition in holding {
                if !shown.contains(&condition) {
                    families.conditions.get_or_create(&condition).set(1);
                    shown.push(condition);
                }
            }
        });
    }

    /// Removes the series of a deleted server.
    pub fn forget(&self, server: &ServerName) {
        let mut servers = self.0.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let families = &self.0.families;
        for condition in servers.remove(server).iter().flatten() {
            families.conditions.remove(condition);
        }
        let ServerLabels { name, namespace } = server_labels(server);
        for result in RESULTS {
            families.handshakes.remove(&HandshakeLabels { name: name.clone(), namespace: namespace.clone(), result });
        }
        for (failures, reason) in self.failures() {
            failures.remove(&FailureLabels { name: name.clone(), namespace: namespace.clone(), reason });
        }
        families.capability_changes.remove(&server_labels(server));
        self.begun(server);
    }

    /// Every family of failures, with the reason of those that it counts.
    fn failures(&self) -> [(&Family<FailureLabels, Counter>, &'static str); 4] {
        let Families { validation_failures, deployment_failures, service_failures, network_policy_failures, .. } =
            &self.0.families;
        [
            (validation_failures, "Invalid"),
            (deployment_failures, "DeploymentUnavailable"),
            (service_failures, "ServiceUnavailable"),
            (network_policy_failures, "NetworkPolicyUnavailable"),
        ]
    }

    /// Counts an attempt that failed for a reason of the server's.
    pub fn failed(&self, server: &MCPServer, error: &Error) {
        let [validation, deployment, service, network_policy] = self.failures();
        let (failures, reason) = match error {
            Error::Invalid(_) => validation,
            Error::Child { kind: Kind::Deployment | Kind::StatefulSet, .. } => deployment,
            Error::Child { kind: Kind::Service, .. } => service,
            Error::Child { kind: Kind::NetworkPolicy, .. } => network_policy,
            _ => return,
        };
        self.of(&name(server), |_, _| {
            let ServerLabels { name, namespace } = server_labels(&name(server));
            failures.get_or_create(&FailureLabels { name, namespace, reason }).inc();
        });
    }

    /// Takes the time of a step of a reconcile.
    pub fn phase(&self, phase: &'static str, took: Duration) {
        self.0.families.phase_seconds.get_or_create(&PhaseLabels { phase }).observe(took.as_secs_f64());
    }

    /// Counts one handshake.
    pub fn handshake(&self, server: &ServerName, outcome: &Outcome, took: Duration) {
        let result = match outcome {
            Ok(Answer::Verified { .. }) => "success",
            Ok(Answer::AuthRequired) => "auth_skip",
            Err(_) => "failure",
        };
        self.count_handshake(server, result);
        self.0.families.handshake_seconds.observe(took.as_secs_f64());
    }

    /// Counts one handshake that was not made, because nobody wants them.
    pub fn handshake_skipped(&self, server: &MCPServer) {
        self.count_handshake(&name(server), SKIP);
    }

    fn count_handshake(&self, server: &ServerName, result: &'static str) {
        let ServerLabels { name, namespace } = server_labels(server);
        let labels = HandshakeLabels { name, namespace, result };
        self.of(server, |families, _| {
            families.handshakes.get_or_create(&labels).inc();
        });
    }

    /// Counts that a server offers other capabilities than before.
    pub fn capabilities_changed(&self, server: &MCPServer) {
        let server = name(server);
        self.of(&server, |families, _| {
            families.capability_changes.get_or_create(&server_labels(&server)).inc();
        });
    }

    /// Counts one write request.
    pub fn api_writes(&self, verb: &'static str, kind: &str) {
        self.0.families.writes.get_or_create(&WriteLabels { verb, kind: kind.to_owned() }).inc();
    }

    /// Counts one stage of a rendering: `Rendered`, `LastGood`, or why the plugin failed.
    pub fn rendered(&self, stage: &Stage, result: &'static str) {
        let (plugin, digest) = (stage.name.clone(), stage.plugin.digest().to_string());
        self.0.families.renders.get_or_create(&RenderLabels { plugin, digest, result }).inc();
    }

    /// Takes the time of a plugin for one server.
    pub fn render_took(&self, plugin: &str, took: Duration) {
        let labels = PluginLabels { plugin: plugin.to_owned() };
        self.0.families.render_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts one reconcile.
    pub fn reconciled(&self, result: &'static str, took: Duration) {
        self.0.families.reconciles.get_or_create(&ResultLabels { result }).inc();
        self.0.families.reconcile_seconds.observe(took.as_secs_f64());
    }

    /// A server is to be reconciled.
    pub fn queued(&self, server: ServerName) {
        self.waiting(|waiting| waiting.insert(server));
    }

    /// A server waits no more.
    pub fn begun(&self, server: &ServerName) {
        self.waiting(|waiting| waiting.remove(server));
    }

    fn waiting(&self, change: impl FnOnce(&mut HashSet<ServerName>) -> bool) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if change(&mut waiting) {
            self.0.families.queue_depth.set(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
        }
    }

    /// Counts a watch that began again.
    pub fn watch_restarted(&self, kind: &str) {
        self.0.families.watch_restarts.get_or_create(&KindLabels { kind: kind.to_owned() }).inc();
    }
}

fn name(server: &MCPServer) -> ServerName {
    (server.namespace().unwrap_or_default(), server.name_any())
}

fn server_labels((namespace, name): &ServerName) -> ServerLabels {
    ServerLabels { name: name.clone(), namespace: namespace.clone() }
}

fn condition_labels(server: &MCPServer, condition: &Condition) -> SharedLabels {
    let (namespace, name) = name(server);
    SharedLabels(Arc::new(ConditionLabels {
        name,
        namespace,
        r#type: condition.type_.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone(),
    }))
}
