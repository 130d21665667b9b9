//! The plugin in Python, with real containers: a proxy that wants a token runs in front of a real server.

use std::time::Duration;

use anyhow::{Result, ensure};
use cluster_tests::command::{http, http_with_token};
use cluster_tests::manifests::{image, server};
use cluster_tests::{Kind, LONG, Lab, Test, trial_within, within};
use serde_json::json;

use crate::grants::{allow, granted};
use crate::plugin::Plugin;

pub fn tests() -> Vec<Test> {
    vec![trial_within(Duration::from_mins(8), sidecar_runs_beside_the_server_and_lets_in_who_has_a_token)]
}

const CONFIG_MAP: [&str; 3] = ["v1", "ConfigMap", "configmaps"];
const TOKEN: &str = "test";
/// SHA-256 of the token.
const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

async fn sidecar_runs_beside_the_server_and_lets_in_who_has_a_token(lab: &Lab) -> Result<()> {
    lab.needs_to_be_inside()?;
    let _operator = lab.operator(&[]).await?;
    lab.apply(&server("demo", &json!({ "source": image("localhost/mcp-misbehaving:1") }))).await?;
    lab.until("demo", LONG, &[("Verified", "True Verified"), ("Ready", "True DeploymentReady")]).await?;

    allow(lab, CONFIG_MAP).await?;
    let config = json!({ "tokens": [{ "name": "test", "sha256": HASH }] }).to_string();
    let parameters = json!({ "image": "localhost/auth-proxy:1", "port": 8443, "config": { "config.json": config } });
    let plugin = Plugin::new(lab, &lab.plugin("sidecar")?)?
        .with(&granted(&[CONFIG_MAP]))
        .with(&json!({ "grants": { "networkPolicy": "Any" }, "parameters": parameters }));
    plugin.ready().await?;
    lab.until("demo", LONG, &[("Verified", "True AuthSkipped"), ("Ready", "True DeploymentReady")]).await?;
    two_containers_run(lab).await?;

    let url = format!("http://demo.{}.svc.cluster.local:8080/control", lab.namespace());
    let refused = http("GET", &url).await.err().map(|error| format!("{error:#}")).unwrap_or_default();
    ensure!(refused.contains("401"), "without a token: {refused}");
    let counters = http_with_token("GET", &url, TOKEN).await?;
    ensure!(counters.contains("authorizationHeaders"), "with the token: {counters}");
    Ok(())
}

/// The pods of the old template are gone, and those of the new one have both.
async fn two_containers_run(lab: &Lab) -> Result<()> {
    within(LONG, "each pod runs the server and the sidecar", async || {
        let pods = lab.list(Kind::Pod, "mcp-server=demo").await?;
        ensure!(!pods.is_empty(), "there is no pod");
        for pod in &pods {
            let statuses = pod["status"]["containerStatuses"].as_array().cloned().unwrap_or_default();
            let ready: Vec<_> = statuses.iter().filter(|status| status["ready"] == true).map(|s| &s["name"]).collect();
            ensure!(ready == ["mcp-server", "sidecar"], "{} has {ready:?}", pod["metadata"]["name"]);
        }
        Ok(())
    })
    .await
}
