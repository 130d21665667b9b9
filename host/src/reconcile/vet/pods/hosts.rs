//! The hosts that probes and hooks of containers name.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Container;
use serde_json::{Value, json};

use super::{Allowed, Rejection, refuse};
use crate::api::MCPServerSpec;

/// Where a container can name a host for the kubelet to connect to.
const HOSTS: [&str; 10] = [
    "/livenessProbe/httpGet/host",
    "/livenessProbe/tcpSocket/host",
    "/readinessProbe/httpGet/host",
    "/readinessProbe/tcpSocket/host",
    "/startupProbe/httpGet/host",
    "/startupProbe/tcpSocket/host",
    "/lifecycle/postStart/httpGet/host",
    "/lifecycle/postStart/tcpSocket/host",
    "/lifecycle/preStop/httpGet/host",
    "/lifecycle/preStop/tcpSocket/host",
];

/// The hosts in the user's own probes.
pub(super) fn of_probes(spec: &MCPServerSpec) -> BTreeSet<String> {
    let health = json!(spec.runtime.as_ref().and_then(|runtime| runtime.health.as_ref()));
    let host = |pointer: &&str| Some(health.pointer(pointer)?.as_str()?.to_owned());
    HOSTS.iter().filter_map(host).collect()
}

impl Allowed<'_> {
    /// Probes and hooks talk to the pod itself: the kubelet can reach what pods cannot.
    pub(super) fn hosts(&self, path: &str, container: &Container, own: bool) -> Result<(), Rejection> {
        let container = json!(container);
        for pointer in HOSTS {
            let host = container.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let asked_for = own && self.probe_hosts.contains(host);
            if !host.is_empty() && !asked_for && !self.owns_node() {
                let problem = "must be unset: probes and hooks may only reach the pod itself";
                return refuse(&format!("{path}{}", pointer.replace('/', ".")), problem);
            }
        }
        Ok(())
    }
}
