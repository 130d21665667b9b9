//! Which series there are, and when they go.

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;
use crate::handshake::Unanswered;

fn server() -> MCPServer {
    serde_json::from_value(json!({
        "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer",
        "metadata": {"name": "weather", "namespace": "maps"},
        "spec": {
            "source": {"type": "ContainerImage", "containerImage": {"ref": "example.com/a:1"}},
            "config": {"port": 80},
        },
    }))
    .unwrap()
}

fn condition(type_: &str, status: &str, reason: &str) -> Condition {
    serde_json::from_value(json!({
        "type": type_, "status": status, "reason": reason, "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }))
    .unwrap()
}

fn child(kind: Kind) -> Error {
    let (objects, warnings) = (Vec::new(), Vec::new());
    Error::Child { kind, message: String::new(), refused: true, objects, warnings }
}

/// Everything that can be told of a server.
fn tell(metrics: &Metrics) {
    let server = server();
    metrics.conditions(&server, &[condition("Ready", "True", "DeploymentReady")]);
    metrics.failed(&server, &Error::Invalid(Vec::new()));
    for kind in [Kind::Deployment, Kind::Service, Kind::NetworkPolicy] {
        metrics.failed(&server, &child(kind));
    }
    for outcome in [Ok(Answer::AuthRequired), Err(Unanswered::unreadable())] {
        metrics.handshake(&name(&server), &outcome, Duration::ZERO);
    }
    metrics.handshake_skipped(&server);
    metrics.capabilities_changed(&server);
}

/// The series of the server, sorted, without what they have in common.
fn series(metrics: &Metrics) -> Vec<String> {
    let text = metrics.text();
    let of_server = text.lines().filter(|line| line.contains(r#"name="weather""#));
    let short = |line: &str| line.replace(r#"name="weather",namespace="maps""#, "").replace("mcpserver_", "");
    let mut series: Vec<_> = of_server.map(short).collect();
    series.sort();
    series
}

#[test]
fn every_series_of_a_server_has_the_labels_of_the_contract() {
    let metrics = Metrics::default();
    metrics.known(name(&server()));
    tell(&metrics);
    let expected = [
        "capability_changes_total{} 1",
        r#"condition_info{,type="Ready",status="True",reason="DeploymentReady"} 1"#,
        r#"deployment_failures_total{,reason="DeploymentUnavailable"} 1"#,
        r#"handshake_total{,result="auth_skip"} 1"#,
        r#"handshake_total{,result="failure"} 1"#,
        r#"handshake_total{,result="skip"} 1"#,
        r#"networkpolicy_failures_total{,reason="NetworkPolicyUnavailable"} 1"#,
        r#"service_failures_total{,reason="ServiceUnavailable"} 1"#,
        r#"validation_failures_total{,reason="Invalid"} 1"#,
    ];
    assert_eq!(series(&metrics), expected);
    let counters = ["validation_failures", "deployment_failures", "service_failures", "networkpolicy_failures"];
    for name in counters.into_iter().chain(["handshake", "capability_changes"]) {
        let (kind, help) = (format!("# TYPE mcpserver_{name} counter"), format!("# HELP mcpserver_{name} "));
        assert!(metrics.text().contains(&kind) && metrics.text().contains(&help), "{name}: {}", metrics.text());
    }
}

#[test]
fn the_series_of_a_server_go_with_it() {
    let metrics = Metrics::default();
    metrics.known(name(&server()));
    tell(&metrics);
    metrics.forget(&name(&server()));
    assert_eq!(series(&metrics), [""; 0]);
}

#[test]
fn what_ends_after_its_server_makes_no_series() {
    let metrics = Metrics::default();
    metrics.known(name(&server()));
    metrics.forget(&name(&server()));
    tell(&metrics);
    assert_eq!(series(&metrics), [""; 0]);
}

#[test]
fn a_condition_that_changed_has_one_series() {
    let (metrics, server) = (Metrics::default(), server());
    metrics.known(name(&server));
    metrics.conditions(&server, &[condition("Ready", "Unknown", "Initializing"), condition("Rendered", "True", "")]);
    metrics.conditions(&server, &[condition("Ready", "False", "DeploymentUnavailable")]);
    metrics.conditions(&server, &[condition("Ready", "False", "MCPEndpointUnavailable")]);
    let expected = r#"condition_info{,type="Ready",status="False",reason="MCPEndpointUnavailable"} 1"#;
    assert_eq!(series(&metrics), [expected]);
}

#[test]
fn the_queue_counts_each_server_once() {
    let metrics = Metrics::default();
    let depth = || metrics.text().lines().find_map(|line| line.strip_prefix("mcp_operator_queue_depth ")?.parse().ok());
    for name in ["a", "b", "a"] {
        metrics.queued((String::new(), name.to_owned()));
    }
    assert_eq!(depth(), Some(2));
    metrics.begun(&(String::new(), "a".to_owned()));
    assert_eq!(depth(), Some(1));
}
