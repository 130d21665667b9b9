//! Events about servers: the news between two statuses, each told once.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::api::{MCPServer, MCPServerStatus};
use crate::reconcile::call;

/// Limits of `events.k8s.io`, in bytes.
const MAX_NOTE: usize = 1024;

/// Publishes events.
pub struct Events(Recorder);

impl Events {
    /// Events in the name of this operator; `instance` tells its replicas apart.
    pub fn new(client: kube::Client, instance: Option<String>) -> Self {
        Self(Recorder::new(client, Reporter { controller: "mcp-operator".into(), instance }))
    }

    /// Publishes what is new in `next`. An event that cannot be written is logged; the status has it anyway.
    pub async fn publish(&self, server: &MCPServer, previous: &MCPServerStatus, next: &MCPServerStatus) {
        let reference = server.object_ref(&());
        for event in news(previous, next) {
            let error = match call("publish Event", self.0.publish(&event, &reference)).await {
                Ok(Ok(())) => continue,
                Ok(Err(refusal)) => refusal.message,
                Err(unreachable) => unreachable.to_string(),
            };
            tracing::warn!(reason = event.reason, error, "Event could not be published");
        }
    }
}

/// The events between two statuses. Pure.
fn news(previous: &MCPServerStatus, next: &MCPServerStatus) -> Vec<Event> {
    let before = |name: &str| previous.conditions.iter().find(|condition| condition.type_ == name);
    let told = |condition: &&Condition| {
        before(&condition.type_).is_none_or(|b| (&b.status, &b.reason) != (&condition.status, &condition.reason))
    };
    let mut events: Vec<_> = next.conditions.iter().filter(told).filter_map(of_condition).collect();
    let capabilities = |status: &MCPServerStatus| status.server_info.as_ref().and_then(|info| info.capabilities);
    if let (Some(old), Some(new)) = (capabilities(previous), capabilities(next))
        && old != new
    {
        events.push(event(EventType::Warning, "CapabilityChanged", "the server's MCP capabilities changed"));
    }
    events
}

fn of_condition(condition: &Condition) -> Option<Event> {
    let Condition { type_, reason, message, .. } = condition;
    let type_ = match (type_.as_str(), reason.as_str()) {
        ("Accepted", "Valid") | ("Available", "Available") => EventType::Normal,
        ("Accepted", "Invalid")
        | (
            "Available",
            "DeploymentUnavailable" | "ServiceUnavailable" | "NetworkPolicyUnavailable" | "ObjectUnavailable",
        )
        | ("Verified", "EndpointUnavailable" | "AuthSkipped")
        | (
            "Rendered",
            "RefusedByPolicy" | "Unsupported" | "RenderFailed" | "RenderRejected" | "PluginUnavailable"
            | "RenderedByLastGood",
        ) => EventType::Warning,
        _ => return None,
    };
    Some(event(type_, reason, message))
}

fn event(type_: EventType, reason: &str, note: &str) -> Event {
    let end = (0..=MAX_NOTE.min(note.len())).rev().find(|&end| note.is_char_boundary(end)).unwrap_or(0);
    Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note[..end].to_owned()),
        action: "Reconcile".into(),
        secondary: None,
    }
}
