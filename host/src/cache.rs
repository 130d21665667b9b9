//! What the operator remembers of the cluster: small projections of what it watches, not the objects themselves.
//!
//! Filled by the watches in [`crate::controller`] and by the replies to our own writes, whichever is newer.

pub mod applied;
pub mod children;
pub mod fields;
pub mod namespaces;
pub mod pods;
pub mod previous;
pub mod servers;
pub mod sources;
pub mod statuses;
pub mod views;
pub mod workload;

use crate::api::{MCPServer, RenderPlugin};

/// All projections. Each is safe to share between tasks.
#[derive(Default)]
pub struct Cache {
    /// The objects that servers were rendered to.
    pub children: children::Children,
    /// The servers themselves: their names and labels.
    pub servers: servers::Servers,
    /// Labels of the servers' namespaces.
    pub namespaces: namespaces::Namespaces,
    /// The servers' pods.
    pub pods: pods::Pods,
    /// Versions of ConfigMaps and Secrets, and who refers to them.
    pub sources: sources::Sources,
    /// What they were last made from.
    pub applied_from: applied::AppliedFrom,
    /// Our own latest status writes.
    pub statuses: statuses::Statuses<MCPServer>,
    /// The same of plugins.
    pub plugin_statuses: statuses::Statuses<RenderPlugin>,
}

/// A resourceVersion as a number, so that the newer of two can be told. Kubernetes promises this order for objects of
/// one resource since 1.35 (KEP-5504), and etcd has always given it; 0 when it is something else.
pub fn version(resource_version: Option<&str>) -> u64 {
    resource_version.and_then(|version| version.parse().ok()).unwrap_or(0)
}
