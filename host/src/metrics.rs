//! What `/metrics` shows: the names that dashboards of MCPServers already use, and the operator's own. The series of a server
//! go with it.

mod families;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use self::families::{
    ConditionLabels, FailureLabels, Families, HandshakeLabels, KindLabels, PhaseLabels, PluginLabels, RenderLabels,
    ResultLabels, ServerLabels, WriteLabels,
};
use crate::api::MCPServer;
use crate::cache::sources::ServerName;
use crate::handshake::Answer;
use crate::reconcile::gather::Stage;
use crate::reconcile::{Error, Kind};
use crate::verification::Outcome;

/// All metrics. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Default)]
struct Inner {
    families: Families,
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

    /// One series per condition of a server: what does not hold any more is removed.
    pub fn conditions(&self, server: &MCPServer, conditions: &[Condition]) {
        let known = &self.0.families.conditions;
        let old = server.status.iter().flat_map(|status| &status.conditions);
        for condition in old.filter(|old| !conditions.iter().any(|new| same(old, new))) {
            known.remove(&condition_labels(server, condition));
        }
        for condition in conditions {
            known.get_or_create(&condition_labels(server, condition)).set(1);
        }
    }

    /// Removes the series of a deleted server.
    pub fn forget(&self, server: &MCPServer) {
        let families = &self.0.families;
        for condition in server.status.iter().flat_map(|status| &status.conditions) {
            families.conditions.remove(&condition_labels(server, condition));
        }
        let ServerLabels { name, namespace } = server_labels(server);
        for result in RESULTS {
            families.handshakes.remove(&HandshakeLabels { name: name.clone(), namespace: namespace.clone(), result });
        }
        for (failures, reason) in self.failures() {
            failures.remove(&FailureLabels { name: name.clone(), namespace: namespace.clone(), reason });
        }
        families.capability_changes.remove(&server_labels(server));
        self.begun(&(namespace, name));
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
        let ServerLabels { name, namespace } = server_labels(server);
        failures.get_or_create(&FailureLabels { name, namespace, reason }).inc();
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
        let (namespace, name) = server.clone();
        self.0.families.handshakes.get_or_create(&HandshakeLabels { name, namespace, result }).inc();
        self.0.families.handshake_seconds.observe(took.as_secs_f64());
    }

    /// Counts one handshake that was not made, because nobody wants them.
    pub fn handshake_skipped(&self, server: &MCPServer) {
        let ServerLabels { name, namespace } = server_labels(server);
        self.0.families.handshakes.get_or_create(&HandshakeLabels { name, namespace, result: SKIP }).inc();
    }

    /// Counts that a server offers other capabilities than before.
    pub fn capabilities_changed(&self, server: &MCPServer) {
        self.0.families.capability_changes.get_or_create(&server_labels(server)).inc();
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

fn same(a: &Condition, b: &Condition) -> bool {
    (&a.type_, &a.status, &a.reason) == (&b.type_, &b.status, &b.reason)
}

fn server_labels(server: &MCPServer) -> ServerLabels {
    ServerLabels { name: server.name_any(), namespace: server.namespace().unwrap_or_default() }
}

fn condition_labels(server: &MCPServer, condition: &Condition) -> ConditionLabels {
    let ServerLabels { name, namespace } = server_labels(server);
    ConditionLabels {
        name,
        namespace,
        r#type: condition.type_.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn server() -> MCPServer {
        let condition = json!({
            "type": "Ready", "status": "True", "reason": "DeploymentReady", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(json!({
            "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer",
            "metadata": {"name": "weather", "namespace": "maps"},
            "spec": {
                "source": {"type": "ContainerImage", "containerImage": {"ref": "example.com/a:1"}},
                "config": {"port": 80},
            },
            "status": {"conditions": [condition]},
        }))
        .unwrap()
    }

    fn child(kind: Kind) -> Error {
        let (objects, warnings) = (Vec::new(), Vec::new());
        Error::Child { kind, message: String::new(), refused: true, objects, warnings }
    }

    #[test]
    fn the_series_of_a_server_go_with_it() {
        let (metrics, server) = (Metrics::default(), server());
        let name = ("maps".to_owned(), "weather".to_owned());
        metrics.conditions(&server, &server.status.as_ref().unwrap().conditions);
        metrics.failed(&server, &Error::Invalid(Vec::new()));
        for kind in [Kind::Deployment, Kind::Service, Kind::NetworkPolicy] {
            metrics.failed(&server, &child(kind));
        }
        metrics.handshake(&name, &Ok(Answer::AuthRequired), Duration::ZERO);
        metrics.handshake_skipped(&server);
        metrics.capabilities_changed(&server);
        let series = || metrics.text().lines().filter(|line| line.contains(r#"name="weather""#)).count();
        assert_eq!(series(), 8, "{}", metrics.text());
        let names = ["validation_failures", "deployment_failures", "service_failures", "networkpolicy_failures"];
        for name in names.into_iter().chain(["capability_changes"]) {
            let (kind, help) = (format!("# TYPE mcpserver_{name} counter"), format!("# HELP mcpserver_{name} "));
            assert!(metrics.text().contains(&kind) && metrics.text().contains(&help), "{name}: {}", metrics.text());
        }
        metrics.forget(&server);
        assert_eq!(series(), 0, "{}", metrics.text());
    }

    #[test]
    fn the_queue_counts_each_server_once() {
        let metrics = Metrics::default();
        let depth =
            || metrics.text().lines().find_map(|line| line.strip_prefix("mcp_operator_queue_depth ")?.parse().ok());
        for name in ["a", "b", "a"] {
            metrics.queued((String::new(), name.to_owned()));
        }
        assert_eq!(depth(), Some(2));
        metrics.begun(&(String::new(), "a".to_owned()));
        assert_eq!(depth(), Some(1));
    }
}
