//! Real pods that fail: the status explains it, and a mended image recovers.

use anyhow::{Result, ensure};
use cluster_tests::manifests::{image, server};
use cluster_tests::{Kind, LONG, Lab, Operator, Test, looks, trial, within};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        trial(image_that_cannot_be_pulled_is_named_and_a_good_one_recovers),
        trial(crash_is_told_with_its_exit_code),
        trial(memory_limit_is_told),
        trial(failing_health_check_is_told_when_it_begins_and_recovers),
        trial(missing_key_is_told),
        trial(broken_update_leaves_the_running_server_degraded_and_ready),
    ]
}

const FAILED: [(&str, &str); 7] = [
    ("phase", "Failed"),
    ("Accepted", "True Valid"),
    ("Rendered", "True Rendered"),
    ("Available", "False DeploymentUnavailable"),
    ("Verified", "Unknown NotVerified"),
    ("Ready", "False DeploymentUnavailable"),
    ("url", ""),
];

async fn image_that_cannot_be_pulled_is_named_and_a_good_one_recovers(lab: &Lab) -> Result<()> {
    let _operator = fails(lab, json!({ "source": image("localhost/no-such-image:1") })).await?;
    lab.message("demo", LONG, "Ready", &["localhost/no-such-image:1", "pod demo-"]).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    lab.ready("demo").await.map(drop)
}

async fn crash_is_told_with_its_exit_code(lab: &Lab) -> Result<()> {
    let _operator = fails(lab, probe(&["crash", "42"])).await?;
    lab.message("demo", LONG, "Ready", &["mcp-server", "code 42", "restarts", "pod demo-"]).await?;
    Ok(())
}

async fn memory_limit_is_told(lab: &Lab) -> Result<()> {
    let mut spec = probe(&["oom"]);
    spec["runtime"] = json!({ "resources": { "limits": { "memory": "32Mi" } } });
    let _operator = fails(lab, spec).await?;
    lab.message("demo", LONG, "Ready", &["mcp-server", "more memory than its limit"]).await?;
    Ok(())
}

/// Before it ever served it is only starting; when it served before, it is failing.
async fn failing_health_check_is_told_when_it_begins_and_recovers(lab: &Lab) -> Result<()> {
    lab.needs_to_be_inside()?;
    let operator = lab.operator(&["--verify", "false"]).await?;
    let mut spec = probe(&["serve"]);
    let check = json!({ "httpGet": { "path": "/ready", "port": 8080 }, "tcpSocket": null, "periodSeconds": 1, "failureThreshold": 1 });
    spec["runtime"] = json!({ "health": { "readinessProbe": check } });
    lab.apply(&server("demo", &spec)).await?;
    lab.ready("demo").await?;
    readiness(lab, "DELETE").await?;
    lab.until("demo", LONG, &FAILED).await?;
    lab.message("demo", LONG, "Ready", &["does not pass its health checks"]).await?;
    readiness(lab, "PUT").await?;
    lab.ready("demo").await?;
    drop(operator);
    Ok(())
}

async fn missing_key_is_told(lab: &Lab) -> Result<()> {
    lab.apply(&cluster_tests::manifests::config_map("settings", "present", "1")).await?;
    let key = json!({ "name": "settings", "key": "absent" });
    let spec = json!({ "config": { "env": [{ "name": "A", "valueFrom": { "configMapKeyRef": key } }] } });
    let _operator = fails(lab, spec).await?;
    lab.message("demo", LONG, "Ready", &["absent", "settings"]).await?;
    Ok(())
}

async fn broken_update_leaves_the_running_server_degraded_and_ready(lab: &Lab) -> Result<()> {
    let _operator = lab.operator(&["--verify", "false"]).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    lab.ready("demo").await?;
    lab.apply(&server("demo", &json!({ "source": image("localhost/no-such-image:1") }))).await?;
    within(LONG, "it is Degraded, having been Ready all the time", async || {
        let found = lab.get(Kind::Server, "demo").await?;
        let seen = looks(&found);
        // An observation that may not be repeated, so it is no reason to look again.
        assert_eq!(seen["Ready"], "True DeploymentReady", "{seen:?}");
        ensure!(seen["phase"] == "Degraded" && seen["Available"] == "True Available", "{seen:?}");
        ensure!(!seen["url"].is_empty(), "{seen:?}");
        Ok(())
    })
    .await?;
    lab.message("demo", LONG, "Available", &["localhost/no-such-image:1"]).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    lab.until("demo", LONG, &[("phase", "Running"), ("Ready", "True DeploymentReady")]).await.map(drop)
}

/// An operator and a server that fails.
async fn fails(lab: &Lab, spec: Value) -> Result<Operator> {
    let operator = lab.operator(&["--verify", "false"]).await?;
    lab.apply(&server("demo", &spec)).await?;
    lab.until("demo", LONG, &FAILED).await?;
    Ok(operator)
}

/// The workload that does as it is told.
fn probe(arguments: &[&str]) -> Value {
    json!({ "source": image("localhost/probe:1"), "config": { "arguments": arguments } })
}

/// Switches readiness in the pod itself: the Service leads nowhere when no pod is ready.
async fn readiness(lab: &Lab, method: &str) -> Result<()> {
    let pods = lab.list(Kind::Pod, "mcp-server=demo").await?;
    let address = pods[0]["status"]["podIP"].as_str().unwrap_or_default();
    cluster_tests::command::http(method, &format!("http://{address}:8080/ready")).await.map(drop)
}
