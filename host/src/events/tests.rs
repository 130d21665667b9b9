//! What is news, and what is told of it.

#![allow(clippy::unwrap_used, reason = "tests")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::*;
use crate::api::status::{Capabilities, ServerInfo};

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Condition {
    Condition {
        type_: type_.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        observed_generation: None,
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
    }
}

fn rendered(reason: &str, message: &str) -> MCPServerStatus {
    MCPServerStatus { conditions: vec![condition("Rendered", "True", reason, message)], ..MCPServerStatus::default() }
}

/// Reasons and notes.
fn told(events: impl IntoIterator<Item = Event>) -> Vec<(String, String)> {
    events.into_iter().map(|event| (event.reason, event.note.unwrap())).collect()
}

/// The notes of the events between two messages of `Rendered`.
fn warned(previous: &str, next: &str) -> Vec<String> {
    let events = told(about_server(&rendered("Rendered", previous), &rendered("Rendered", next)));
    assert!(events.iter().all(|(reason, _)| reason == "PluginWarning"), "{events:?}");
    events.into_iter().map(|(_, note)| note).collect()
}

#[test]
fn a_warning_is_told_once_while_it_stands() {
    const NONE: &str = "the plugins rendered the server";
    const ONE: &str = "plugin a: Old: the port is deprecated";
    const TWO: &str = "plugin a: Old: the port is deprecated; soon";
    assert_eq!(warned(NONE, ONE), [ONE]);
    assert_eq!(warned(ONE, ONE), [""; 0]);
    assert_eq!(warned(ONE, &format!("{ONE}\n{TWO}")), [TWO]);
    assert_eq!(warned(&format!("{ONE}\n{TWO}"), ONE), [""; 0]);
    assert_eq!(warned(TWO, ONE), [ONE], "one that begins like another is another");
    assert_eq!(warned(ONE, NONE), [""; 0]);
    let first = about_server(&MCPServerStatus::default(), &rendered("Rendered", ONE));
    assert_eq!(told(first), [("PluginWarning".to_owned(), ONE.to_owned())]);
}

#[test]
fn a_plugin_cannot_flood_the_cluster_with_events() {
    let flood: Vec<_> = (10..90).map(|number| format!("plugin a: Flood: {number}")).collect();
    assert_eq!(warned("", &flood.join("\n")), flood[..MAX_WARNINGS]);
    let long = format!("plugin a: Long: {}", "ä".repeat(2000));
    assert!((MAX_NOTE - 1..=MAX_NOTE).contains(&warned("", &long)[0].len()));
}

#[test]
fn only_what_the_plugins_say_is_a_warning_of_theirs() {
    let kept = rendered("RenderedByLastGood", "plugin a: it crashed");
    let events = told(about_server(&rendered("Rendered", ""), &kept));
    assert_eq!(events, [("RenderedByLastGood".to_owned(), "plugin a: it crashed".to_owned())]);
}

/// What is told when a condition changes, as type and reason.
fn news(type_: &str, before: &str, now: &str) -> Vec<String> {
    let of = |looks: &str| {
        let (status, reason) = looks.split_once(' ').unwrap();
        MCPServerStatus { conditions: vec![condition(type_, status, reason, "so it is")], ..MCPServerStatus::default() }
    };
    let events = about_server(&of(before), &of(now));
    events.into_iter().map(|event| format!("{:?} {} {}", event.type_, event.reason, event.note.unwrap())).collect()
}

#[test]
fn every_reason_has_its_event_or_none_and_only_when_it_is_new() {
    let table = [
        ("Accepted", "True Valid", "Normal"),
        ("Accepted", "False Invalid", "Warning"),
        ("Rendered", "True Rendered", ""),
        ("Rendered", "True RenderedByLastGood", "Warning"),
        ("Rendered", "False RefusedByPolicy", "Warning"),
        ("Rendered", "False Unsupported", "Warning"),
        ("Rendered", "False RenderFailed", "Warning"),
        ("Rendered", "False RenderRejected", "Warning"),
        ("Rendered", "False PluginUnavailable", "Warning"),
        ("Available", "True Available", "Normal"),
        ("Available", "True ScaledToZero", ""),
        ("Available", "Unknown Initializing", ""),
        ("Available", "False ConfigurationInvalid", ""),
        ("Available", "False DeploymentUnavailable", "Warning"),
        ("Available", "False ServiceUnavailable", "Warning"),
        ("Available", "False NetworkPolicyUnavailable", "Warning"),
        ("Available", "False ObjectUnavailable", "Warning"),
        ("Verified", "True Verified", ""),
        ("Verified", "True AuthSkipped", "Warning"),
        ("Verified", "False EndpointUnavailable", "Warning"),
        ("Verified", "Unknown NotVerified", ""),
        ("Verified", "Unknown VerificationDisabled", ""),
        ("Ready", "True DeploymentReady", ""),
        ("Ready", "False MCPEndpointUnavailable", ""),
        ("Ready", "False DeploymentUnavailable", ""),
    ];
    for (type_, looks, expected) in table {
        let reason = looks.split_once(' ').unwrap().1;
        let expected: Vec<_> =
            (!expected.is_empty()).then(|| format!("{expected} {reason} so it is")).into_iter().collect();
        assert_eq!(news(type_, "Unknown Other", looks), expected, "{type_}");
        assert_eq!(news(type_, looks, looks), [""; 0], "{type_} {looks} is no news");
    }
}

#[test]
fn only_capabilities_that_were_known_can_change() {
    let offering = |tools: Option<bool>| MCPServerStatus {
        server_info: tools.map(|tools| ServerInfo {
            capabilities: Some(Capabilities { tools, ..Capabilities::default() }),
            ..ServerInfo::default()
        }),
        ..MCPServerStatus::default()
    };
    let change = [("CapabilityChanged".to_owned(), "the server's MCP capabilities changed".to_owned())];
    let table = [
        (Some(false), Some(true), &change[..]),
        (Some(true), Some(false), &change[..]),
        (Some(true), Some(true), &[]),
        (Some(true), None, &[]),
        (None, Some(true), &[]),
        (None, None, &[]),
    ];
    for (before, now, expected) in table {
        let events = about_server(&offering(before), &offering(now));
        assert!(events.iter().all(|event| event.type_ == EventType::Warning), "{before:?} {now:?}");
        assert_eq!(told(events), expected, "{before:?} {now:?}");
    }
}

#[test]
fn a_certificate_that_nobody_checks_is_told_once() {
    let accepted = |message: &str| MCPServerStatus {
        conditions: vec![condition("Accepted", "True", "Valid", message)],
        ..MCPServerStatus::default()
    };
    let insecure = accepted(&format!("something else; {INSECURE_TLS}"));
    let events = about_server(&accepted(""), &insecure);
    assert!(events.iter().all(|event| event.type_ == EventType::Warning));
    assert_eq!(told(events), [("InsecureTLSConfigured".to_owned(), INSECURE_TLS.to_owned())]);
    assert_eq!(told(about_server(&insecure, &insecure)), []);
    assert_eq!(told(about_server(&insecure, &accepted(""))), []);
}

fn plugin(status: &str, reason: &str, digest: &str) -> RenderPluginStatus {
    RenderPluginStatus {
        digest: Some(digest.into()),
        plugin: Some("spread 1.2.0".into()),
        conditions: vec![condition("Ready", status, reason, "so it is")],
        ..RenderPluginStatus::default()
    }
}

#[test]
fn a_plugin_tells_when_it_becomes_ready_and_when_not() {
    let (active, failing) = (plugin("True", "Active", "sha256:1"), plugin("True", "FailsForSome", "sha256:1"));
    let refused = plugin("False", "DigestMismatch", "sha256:1");
    let newer = plugin("True", "Active", "sha256:2");
    let news = |previous: &RenderPluginStatus, next: &RenderPluginStatus| told(about_plugin(previous, next)).pop();
    let note = |digest: &str| Some(("Active".to_owned(), format!("so it is: spread 1.2.0, {digest}")));
    let warning = |reason: &str| Some((reason.to_owned(), "so it is".to_owned()));
    assert_eq!(news(&RenderPluginStatus::default(), &active), note("sha256:1"));
    assert_eq!(news(&active, &active), None);
    assert_eq!(news(&active, &newer), note("sha256:2"));
    assert_eq!(news(&active, &refused), warning("DigestMismatch"));
    assert_eq!(news(&refused, &refused), None);
    assert_eq!(news(&refused, &active), note("sha256:1"));
    assert_eq!(news(&active, &failing), warning("FailsForSome"));
}
