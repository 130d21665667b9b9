//! Events about servers and plugins: the news between two statuses, each told once. What was told before is known from the
//! status before, so that a restarted operator does not repeat it.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::api::validate::INSECURE_TLS;
use crate::api::{MCPServerStatus, RenderPluginStatus};
use crate::reconcile::call;

/// Limits of `events.k8s.io`, in bytes.
const MAX_NOTE: usize = 1024;

/// How many warnings of plugins become events at a time. The condition has more of them.
const MAX_WARNINGS: usize = 8;

/// Publishes events.
pub struct Events {
    client: kube::Client,
    reporter: Reporter,
}

impl Events {
    /// Events in the name of this operator; `instance` tells its replicas apart.
    pub fn new(client: kube::Client, instance: Option<String>) -> Self {
        Self { client, reporter: Reporter { controller: "mcp-operator".into(), instance } }
    }

    /// Publishes news about an object, in its namespace; those about objects of the cluster in `default`. An event that cannot
    /// be written is logged; the status has it anyway.
    pub async fn publish(&self, about: &impl Resource<DynamicType = ()>, news: impl IntoIterator<Item = Event>) {
        let reference = about.object_ref(&());
        for event in news {
            // A recorder takes a second event with the same reason for the first one again, and keeps the first one's words.
            // These are all news: each is written by a recorder that knows no other.
            let recorder = Recorder::new(self.client.clone(), self.reporter.clone());
            let error = match call("publish Event", recorder.publish(&event, &reference)).await {
                Ok(Ok(())) => continue,
                // Where only some namespaces are watched, rights in `default` may be wanting; and a namespace may be ending.
                Ok(Err(refusal)) if refusal.code == 403 => {
                    tracing::debug!(reason = event.reason, error = refusal.message, "Event is not allowed");
                    continue;
                }
                Ok(Err(refusal)) => refusal.message,
                Err(unreachable) => unreachable.to_string(),
            };
            tracing::warn!(reason = event.reason, error, "Event could not be published");
        }
    }
}

/// The news between two statuses of a server. Pure.
pub fn about_server(previous: &MCPServerStatus, next: &MCPServerStatus) -> Vec<Event> {
    let before = |name: &str| find(&previous.conditions, name);
    let told = |condition: &&Condition| {
        before(&condition.type_).is_none_or(|b| (&b.status, &b.reason) != (&condition.status, &condition.reason))
    };
    let mut events: Vec<_> = next.conditions.iter().filter(told).filter_map(of_condition).collect();
    let known = warnings(previous);
    let new = warnings(next).into_iter().filter(|warning| !known.contains(warning)).take(MAX_WARNINGS);
    events.extend(new.map(|warning| event(EventType::Warning, "PluginWarning", warning)));
    if capabilities_changed(previous, next) {
        events.push(event(EventType::Warning, "CapabilityChanged", "the server's MCP capabilities changed"));
    }
    if is_insecure(next) && !is_insecure(previous) {
        events.push(event(EventType::Warning, "InsecureTLSConfigured", INSECURE_TLS));
    }
    events
}

/// Whether the server offers other MCP capabilities than before.
pub fn capabilities_changed(previous: &MCPServerStatus, next: &MCPServerStatus) -> bool {
    let capabilities = |status: &MCPServerStatus| status.server_info.as_ref().and_then(|info| info.capabilities);
    matches!((capabilities(previous), capabilities(next)), (Some(old), Some(new)) if old != new)
}

/// Whether the message of `Accepted` warns that anybody may answer for the server.
fn is_insecure(status: &MCPServerStatus) -> bool {
    find(&status.conditions, "Accepted").is_some_and(|accepted| accepted.message.contains(INSECURE_TLS))
}

/// What plugins warn of: the lines of the message of `Rendered`.
fn warnings(status: &MCPServerStatus) -> BTreeSet<&str> {
    let rendered = find(&status.conditions, "Rendered").filter(|rendered| rendered.reason == "Rendered");
    rendered
        .into_iter()
        .flat_map(|rendered| rendered.message.lines())
        .filter(|line| line.starts_with("plugin "))
        .collect()
}

/// The news between two statuses of a RenderPlugin: that its condition `Ready` has another reason, or that another component
/// renders. Pure.
pub fn about_plugin(previous: &RenderPluginStatus, next: &RenderPluginStatus) -> Option<Event> {
    let verdict = |status: &RenderPluginStatus| {
        let ready = find(&status.conditions, "Ready")?;
        Some((ready.status.clone(), ready.reason.clone(), status.digest.clone()))
    };
    let Condition { reason, message, .. } =
        find(&next.conditions, "Ready").filter(|_| verdict(previous) != verdict(next))?;
    if reason != "Active" {
        return Some(event(EventType::Warning, reason, message));
    }
    let version = [&next.plugin, &next.digest].map(|part| part.as_deref().unwrap_or_default());
    Some(event(EventType::Normal, reason, &format!("{message}: {}", version.join(", "))))
}

fn find<'a>(conditions: &'a [Condition], name: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == name)
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
    Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note[..note.floor_char_boundary(MAX_NOTE)].to_owned()),
        action: "Reconcile".into(),
        secondary: None,
    }
}
