//! What events and metrics tell of servers.

use anyhow::{Result, ensure};
use cluster_tests::manifests::{config_map, server};
use cluster_tests::{Kind, LONG, Lab, PROMPT, Test, trial, within};
use serde_json::json;

pub fn tests() -> Vec<Test> {
    vec![
        trial(every_change_of_a_server_is_told_once),
        trial(dashboards_find_their_metrics),
        trial(failures_are_counted_and_series_go_with_their_server),
    ]
}

async fn every_change_of_a_server_is_told_once(lab: &Lab) -> Result<()> {
    lab.fake_pods().await?;
    let operator = lab.operator(&["--verify", "false"]).await?;
    let insecure = json!({ "transport": { "tls": { "enabled": true, "insecureSkipVerify": true } } });
    let uses = |name: &str| json!({ "config": { "envFrom": [{ "configMapRef": { "name": name } }] } });
    let mut expected = vec!["Normal Available", "Normal Valid"];
    lab.apply(&server("demo", &json!({}))).await?;
    lab.ready("demo").await?;
    until_told(lab, &expected).await?;
    lab.apply(&server("demo", &insecure)).await?;
    expected.push("Warning InsecureTLSConfigured");
    until_told(lab, &expected).await?;
    lab.apply(&server("demo", &uses("absent"))).await?;
    expected.push("Warning Invalid");
    until_told(lab, &expected).await?;
    operator.terminate().await?;
    // A restart is no news, and neither is a change that changes no condition.
    let _operator = lab.operator(&["--verify", "false"]).await?;
    let mut still = uses("absent");
    still["extraLabels"] = json!({ "team": "maps" });
    lab.apply(&server("demo", &still)).await?;
    lab.until("demo", PROMPT, &[("Accepted", "False Invalid")]).await?;
    lab.apply(&config_map("absent", "a", "1")).await?;
    expected.extend(["Normal Available", "Normal Valid"]);
    until_told(lab, &expected).await
}

/// Waits until these and no others were told of the server, whatever the order.
async fn until_told(lab: &Lab, expected: &[&str]) -> Result<()> {
    let mut expected: Vec<_> = expected.iter().map(|&event| event.to_owned()).collect();
    expected.sort();
    within(LONG, "the news are told", async || {
        let events = lab.events("demo").await?;
        ensure!(events.iter().all(|(.., note)| !note.is_empty() && note.len() <= 1024), "{events:?}");
        let mut told: Vec<_> = events.into_iter().map(|(kind, reason, _)| format!("{kind} {reason}")).collect();
        told.sort();
        ensure!(told == expected, "told is {told:?}");
        Ok(())
    })
    .await
}

/// Names and types as the previous operator has them, and the operator's own; each with a description. Counters of failures are
/// not shown before the first one.
async fn dashboards_find_their_metrics(lab: &Lab) -> Result<()> {
    let operator = lab.running("demo", &json!({})).await?;
    let metrics = operator.metrics().await?;
    let expected = [
        ("mcpserver_condition_info", "gauge"),
        ("mcpserver_reconcile_phase_duration_seconds", "histogram"),
        ("mcpserver_handshake", "counter"),
        ("mcpserver_handshake_duration_seconds", "histogram"),
        ("mcp_operator_api_writes", "counter"),
        ("mcp_operator_renders", "counter"),
        ("mcp_operator_render_duration_seconds", "histogram"),
        ("mcp_operator_reconciles", "counter"),
        ("mcp_operator_reconcile_duration_seconds", "histogram"),
        ("mcp_operator_queue_depth", "gauge"),
    ];
    for (name, kind) in expected {
        ensure!(metrics.contains(&format!("# TYPE {name} {kind}\n")), "{name} is no {kind}:\n{metrics}");
        ensure!(metrics.contains(&format!("# HELP {name} ")), "{name} has no description");
    }
    let phases = ["gather", "render", "vet", "apply", "status"];
    let phases = phases.map(|phase| format!(r#"mcpserver_reconcile_phase_duration_seconds_count{{phase="{phase}"}}"#));
    operator.until_metrics_tell(&phases).await?;
    let series = [
        format!(r#"mcpserver_handshake_total{{name="demo",namespace="{}",result="skip"}} 1"#, lab.namespace()),
        r#"mcp_operator_renders_total{plugin="default",digest="sha256:"#.to_owned(),
        r#"mcp_operator_reconciles_total{result="Applied"}"#.to_owned(),
        r#"mcp_operator_render_duration_seconds_count{plugin="default"}"#.to_owned(),
        r#"mcp_operator_api_writes_total{verb="apply",kind="Deployment"} 1"#.to_owned(),
        "mcp_operator_queue_depth 0".to_owned(),
    ];
    operator.until_metrics_tell(&series).await
}

async fn failures_are_counted_and_series_go_with_their_server(lab: &Lab) -> Result<()> {
    let operator = lab.running("a-policy", &json!({})).await?;
    let others = [
        ("a-service", json!({ "apiVersion": "v1", "kind": "Service", "spec": { "ports": [{ "port": 80 }] } })),
        (
            "b-policy",
            json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": { "podSelector": {} } }),
        ),
    ];
    for (name, mut object) in others {
        object["metadata"] = json!({ "name": name });
        lab.create(&object).await?;
        lab.apply(&server(name, &json!({}))).await?;
    }
    let missing = json!({ "config": { "envFrom": [{ "configMapRef": { "name": "absent" } }] } });
    lab.apply(&server("invalid", &missing)).await?;
    let expected = [
        ("a-service", r#"mcpserver_service_failures_total{name="a-service","#),
        ("b-policy", r#"mcpserver_networkpolicy_failures_total{name="b-policy","#),
        ("invalid", r#"mcpserver_validation_failures_total{name="invalid","#),
    ];
    operator.until_metrics_tell(&expected.map(|(_, series)| series)).await?;
    for name in expected.iter().map(|(name, _)| name).chain([&"a-policy"]) {
        lab.delete(Kind::Server, name).await?;
    }
    within(LONG, "no series of a server is left", async || {
        let metrics = operator.metrics().await?;
        let left: Vec<_> = metrics.lines().filter(|line| line.contains(lab.namespace())).collect();
        ensure!(left.is_empty(), "{left:#?}");
        Ok(())
    })
    .await
}
