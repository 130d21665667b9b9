//! Every series there is, with its labels and its description.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Labels of a condition's series, which two maps hold: there are some for each server.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(super) struct SharedLabels(pub Arc<ConditionLabels>);

impl EncodeLabelSet for SharedLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        self.0.encode(encoder)
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct ConditionLabels {
    pub name: String,
    pub namespace: String,
    pub r#type: String,
    pub status: String,
    pub reason: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct HandshakeLabels {
    pub name: String,
    pub namespace: String,
    pub result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct FailureLabels {
    pub name: String,
    pub namespace: String,
    pub reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct ServerLabels {
    pub name: String,
    pub namespace: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct PhaseLabels {
    pub phase: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct WriteLabels {
    pub verb: &'static str,
    pub kind: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct RenderLabels {
    pub plugin: String,
    pub digest: String,
    pub result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct PluginLabels {
    pub plugin: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct ResultLabels {
    pub result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct KindLabels {
    pub kind: String,
}

/// A family of histograms, made anew for each set of labels.
pub(super) type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All series.
pub(super) struct Families {
    pub registry: Mutex<Registry>,
    pub conditions: Family<SharedLabels, Gauge>,
    pub validation_failures: Family<FailureLabels, Counter>,
    pub deployment_failures: Family<FailureLabels, Counter>,
    pub service_failures: Family<FailureLabels, Counter>,
    pub network_policy_failures: Family<FailureLabels, Counter>,
    pub phase_seconds: Histograms<PhaseLabels>,
    pub handshakes: Family<HandshakeLabels, Counter>,
    pub handshake_seconds: Histogram,
    pub capability_changes: Family<ServerLabels, Counter>,
    pub writes: Family<WriteLabels, Counter>,
    pub renders: Family<RenderLabels, Counter>,
    pub render_seconds: Histograms<PluginLabels>,
    pub reconciles: Family<ResultLabels, Counter>,
    pub reconcile_seconds: Histogram,
    pub queue_depth: Gauge,
    pub watch_restarts: Family<KindLabels, Counter>,
}

impl Default for Families {
    fn default() -> Self {
        let families = Self {
            registry: Mutex::default(),
            conditions: Family::default(),
            validation_failures: Family::default(),
            deployment_failures: Family::default(),
            service_failures: Family::default(),
            network_policy_failures: Family::default(),
            phase_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_02, 4.0, 10))),
            handshakes: Family::default(),
            handshake_seconds: Histogram::new(exponential_buckets(0.001, 4.0, 8)),
            capability_changes: Family::default(),
            writes: Family::default(),
            renders: Family::default(),
            render_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_02, 4.0, 8))),
            reconciles: Family::default(),
            reconcile_seconds: Histogram::new(exponential_buckets(0.0005, 4.0, 9)),
            queue_depth: Gauge::default(),
            watch_restarts: Family::default(),
        };
        families.register();
        families
    }
}

impl Families {
    /// The library appends `_total` to counters.
    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        self.about_servers(&mut registry);
        self.about_the_operator(&mut registry);
    }

    fn about_servers(&self, registry: &mut Registry) {
        let failures = [
            (
                "mcpserver_validation_failures",
                "Attempts that found a spec or a reference invalid",
                &self.validation_failures,
            ),
            (
                "mcpserver_deployment_failures",
                "Attempts in which a workload could not be written",
                &self.deployment_failures,
            ),
            ("mcpserver_service_failures", "Attempts in which a Service could not be written", &self.service_failures),
            (
                "mcpserver_networkpolicy_failures",
                "Attempts in which a NetworkPolicy could not be written",
                &self.network_policy_failures,
            ),
        ];
        for (name, help, family) in failures {
            registry.register(name, help, family.clone());
        }
        let conditions = "Conditions of each server: 1 for what holds now";
        registry.register("mcpserver_condition_info", conditions, self.conditions.clone());
        let phases = "Time of each step of a reconcile, in seconds";
        registry.register("mcpserver_reconcile_phase_duration_seconds", phases, self.phase_seconds.clone());
        registry.register("mcpserver_handshake", "MCP handshakes by result", self.handshakes.clone());
        let handshake = "Time of an MCP handshake, in seconds";
        registry.register("mcpserver_handshake_duration_seconds", handshake, self.handshake_seconds.clone());
        let changes = "How often a server offered other MCP capabilities than before";
        registry.register("mcpserver_capability_changes", changes, self.capability_changes.clone());
    }

    fn about_the_operator(&self, registry: &mut Registry) {
        let writes = "Write requests to the API server";
        registry.register("mcp_operator_api_writes", writes, self.writes.clone());
        let renders = "Stages of renderings by plugin, component and result";
        registry.register("mcp_operator_renders", renders, self.renders.clone());
        let render = "Time of a plugin for one server, in seconds";
        registry.register("mcp_operator_render_duration_seconds", render, self.render_seconds.clone());
        registry.register("mcp_operator_reconciles", "Reconciles by result", self.reconciles.clone());
        let reconcile = "Time of a reconcile, in seconds";
        registry.register("mcp_operator_reconcile_duration_seconds", reconcile, self.reconcile_seconds.clone());
        let depth = "Servers that wait for a reconcile";
        registry.register("mcp_operator_queue_depth", depth, self.queue_depth.clone());
        let restarts = "Watches that were interrupted and began again, by kind";
        registry.register("mcp_operator_watch_restarts", restarts, self.watch_restarts.clone());
    }
}
