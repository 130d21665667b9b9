//! What `/metrics` shows: the names that dashboards of MCPServers already use, and the operator's own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::api::MCPServer;
use crate::cache::sources::ServerName;
use crate::handshake::Answer;
use crate::verification::Outcome;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ConditionLabels {
    name: String,
    namespace: String,
    r#type: String,
    status: String,
    reason: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct HandshakeLabels {
    name: String,
    namespace: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WriteLabels {
    verb: &'static str,
    kind: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RenderLabels {
    plugin: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

/// All metrics. Cloning is cheap.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

struct Families {
    registry: Mutex<Registry>,
    conditions: Family<ConditionLabels, Gauge>,
    handshakes: Family<HandshakeLabels, Counter>,
    handshake_seconds: Histogram,
    writes: Family<WriteLabels, Counter>,
    renders: Family<RenderLabels, Counter>,
    reconciles: Family<ResultLabels, Counter>,
    reconcile_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let families = Families {
            registry: Mutex::default(),
            conditions: Family::default(),
            handshakes: Family::default(),
            handshake_seconds: Histogram::new(exponential_buckets(0.001, 4.0, 8)),
            writes: Family::default(),
            renders: Family::default(),
            reconciles: Family::default(),
            reconcile_seconds: Histogram::new(exponential_buckets(0.0005, 4.0, 9)),
        };
        families.register();
        Self(Arc::new(families))
    }
}

impl Families {
    /// The library appends `_total` to counters.
    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register(
            "mcpserver_condition_info",
            "Conditions of each server: 1 for what holds now",
            self.conditions.clone(),
        );
        registry.register("mcpserver_handshake", "MCP handshakes by result", self.handshakes.clone());
        registry.register(
            "mcpserver_handshake_duration_seconds",
            "Time of MCP handshakes",
            self.handshake_seconds.clone(),
        );
        registry.register("mcp_operator_api_writes", "Write requests to the API server", self.writes.clone());
        registry.register("mcp_operator_renders", "Stages of renderings by plugin and result", self.renders.clone());
        registry.register("mcp_operator_reconciles", "Reconciles by result", self.reconciles.clone());
        registry.register(
            "mcp_operator_reconcile_duration_seconds",
            "Time of reconciles",
            self.reconcile_seconds.clone(),
        );
    }
}

impl Metrics {
    /// The exposition text.
    ///
    /// # Panics
    /// Never: writing to a `String` does not fail.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.0.registry.lock().unwrap_or_else(PoisonError::into_inner);
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("writing to a String does not fail");
        text
    }

    /// One series per condition of a server: what does not hold any more is removed.
    pub fn conditions(&self, server: &MCPServer, conditions: &[Condition]) {
        let old = server.status.iter().flat_map(|status| &status.conditions);
        for condition in old.filter(|old| !conditions.iter().any(|new| same(old, new))) {
            self.0.conditions.remove(&condition_labels(server, condition));
        }
        for condition in conditions {
            self.0.conditions.get_or_create(&condition_labels(server, condition)).set(1);
        }
    }

    /// Removes the series of a deleted server.
    pub fn forget(&self, server: &MCPServer) {
        for condition in server.status.iter().flat_map(|status| &status.conditions) {
            self.0.conditions.remove(&condition_labels(server, condition));
        }
        for result in ["success", "failure", "auth_skip"] {
            let (name, namespace) = (server.name_any(), server.namespace().unwrap_or_default());
            self.0.handshakes.remove(&HandshakeLabels { name, namespace, result });
        }
    }

    /// Counts one handshake.
    pub fn handshake(&self, server: &ServerName, outcome: &Outcome, took: Duration) {
        let result = match outcome {
            Ok(Answer::Verified { .. }) => "success",
            Ok(Answer::AuthRequired) => "auth_skip",
            Err(_) => "failure",
        };
        let (namespace, name) = server.clone();
        self.0.handshakes.get_or_create(&HandshakeLabels { name, namespace, result }).inc();
        self.0.handshake_seconds.observe(took.as_secs_f64());
    }

    /// Counts one write request.
    pub fn api_writes(&self, verb: &'static str, kind: &str) {
        self.0.writes.get_or_create(&WriteLabels { verb, kind: kind.to_owned() }).inc();
    }

    /// Counts one stage of a rendering: `Rendered`, `LastGood`, or why the plugin failed.
    pub fn rendered(&self, plugin: &str, result: &'static str) {
        self.0.renders.get_or_create(&RenderLabels { plugin: plugin.to_owned(), result }).inc();
    }

    /// Counts one reconcile.
    pub fn reconciled(&self, result: &'static str, took: Duration) {
        self.0.reconciles.get_or_create(&ResultLabels { result }).inc();
        self.0.reconcile_seconds.observe(took.as_secs_f64());
    }
}

fn same(a: &Condition, b: &Condition) -> bool {
    (&a.type_, &a.status, &a.reason) == (&b.type_, &b.status, &b.reason)
}

fn condition_labels(server: &MCPServer, condition: &Condition) -> ConditionLabels {
    ConditionLabels {
        name: server.name_any(),
        namespace: server.namespace().unwrap_or_default(),
        r#type: condition.type_.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone(),
    }
}
