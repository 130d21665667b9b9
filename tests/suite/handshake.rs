//! The MCP handshake with real servers of both protocol eras, and with one that misbehaves. Which answer means what is
//! tested without a cluster; here it is whether the operator asks the right one at the right time.

use anyhow::{Result, ensure};
use cluster_tests::command::http;
use cluster_tests::manifests::{image, server};
use cluster_tests::{Kind, LONG, Lab, Test, trial, within};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub fn tests() -> Vec<Test> {
    vec![
        trial(server_of_the_stateless_revision_is_verified),
        trial(server_that_asks_for_credentials_is_ready_and_gets_none),
        trial(server_that_answers_with_a_web_page_is_degraded_until_it_speaks_mcp),
        trial(server_that_answers_not_found_is_degraded),
        trial(server_that_never_answers_is_degraded),
        trial(server_is_verified_again_when_its_pods_are_replaced),
        trial(session_is_closed_and_no_stream_opened),
        trial(operator_is_let_in_where_a_server_lets_in_only_some),
        trial(silence_of_a_server_that_lets_in_only_some_is_explained),
    ]
}

async fn server_of_the_stateless_revision_is_verified(lab: &Lab) -> Result<()> {
    lab.needs_to_be_inside()?;
    let _operator = lab.operator(&[]).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    let ready = lab.until("demo", LONG, &[("Verified", "True Verified"), ("Ready", "True DeploymentReady")]).await?;
    let info = &ready["status"]["serverInfo"];
    ensure!(info["protocolVersion"] == "2026-07-28", "{info}");
    Ok(())
}

async fn server_that_asks_for_credentials_is_ready_and_gets_none(lab: &Lab) -> Result<()> {
    let _operator = misbehaving(lab, "401").await?;
    let ready = lab.until("demo", LONG, &[("Verified", "True AuthSkipped"), ("Ready", "True DeploymentReady")]).await?;
    ensure!(ready["status"]["address"]["url"].is_string(), "no URL: {}", ready["status"]);
    ensure!(counters(lab).await?["authorizationHeaders"] == 0, "credentials were sent");
    Ok(())
}

async fn server_that_answers_with_a_web_page_is_degraded_until_it_speaks_mcp(lab: &Lab) -> Result<()> {
    let _operator = misbehaving(lab, "html").await?;
    lab.until("demo", LONG, &DEGRADED).await?;
    // The first retry comes after 10 to 11 seconds, the second 20 to 22 later.
    http("POST", &format!("{}/control?mode=ok", address(lab))).await?;
    lab.until("demo", LONG, &[("phase", "Running"), ("Verified", "True Verified"), ("Ready", "True DeploymentReady")])
        .await?;
    Ok(())
}

async fn server_that_answers_not_found_is_degraded(lab: &Lab) -> Result<()> {
    let _operator = misbehaving(lab, "404").await?;
    lab.until("demo", LONG, &DEGRADED).await?;
    lab.message("demo", LONG, "Verified", &["404"]).await.map(drop)
}

async fn server_that_never_answers_is_degraded(lab: &Lab) -> Result<()> {
    let _operator = misbehaving(lab, "hang").await?;
    lab.until("demo", LONG, &DEGRADED).await.map(drop)
}

async fn server_is_verified_again_when_its_pods_are_replaced(lab: &Lab) -> Result<()> {
    let _operator = misbehaving(lab, "ok").await?;
    lab.ready("demo").await?;
    // The new pod starts in the mode of its environment, so only another handshake can find it out.
    lab.apply(&server("demo", &in_mode("html"))).await?;
    lab.until("demo", LONG, &DEGRADED).await?;
    lab.apply(&server("demo", &in_mode("ok-sse"))).await?;
    lab.ready("demo").await.map(drop)
}

async fn session_is_closed_and_no_stream_opened(lab: &Lab) -> Result<()> {
    let _operator = misbehaving(lab, "ok-session").await?;
    lab.ready("demo").await?;
    within(LONG, "the session is closed", async || {
        let counters = counters(lab).await?;
        ensure!(counters["sessionsOpened"] == counters["sessionsDeleted"], "{counters}");
        ensure!(counters["sessionsOpened"] != 0, "{counters}");
        Ok(())
    })
    .await?;
    let counters = counters(lab).await?;
    ensure!(counters["getStreams"] == 0, "{counters}");
    ensure!(counters["requests"]["tools/list"].is_null(), "{counters}");
    Ok(())
}

async fn operator_is_let_in_where_a_server_lets_in_only_some(lab: &Lab) -> Result<()> {
    lab.fake_pods().await?;
    let (gateway, operator) = (pods("gateway"), pods("operator"));
    let _operator = lab.operator(&["--verify", "false", "--verify-from", &operator.to_string()]).await?;
    lab.apply(&server("demo", &json!({ "network": { "ingressFrom": [gateway] } }))).await?;
    lab.apply(&server("open", &json!({}))).await?;
    for name in ["demo", "open"] {
        lab.ready(name).await?;
    }
    let rule = async |name: &str| -> Result<Value> {
        Ok(lab.get(Kind::NetworkPolicy, name).await?["spec"]["ingress"][0]["from"].take())
    };
    ensure!(rule("demo").await? == json!([gateway, operator]), "{}", rule("demo").await?);
    ensure!(rule("open").await?.is_null(), "{}", rule("open").await?);
    Ok(())
}

async fn silence_of_a_server_that_lets_in_only_some_is_explained(lab: &Lab) -> Result<()> {
    lab.fake_pods().await?;
    // Connections succeed, and nobody ever takes them.
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let nobody = format!("::127.0.0.1:{}", silent.local_addr()?.port());
    let _operator = lab.operator(&["--connect-to", &nobody]).await?;
    lab.apply(&server("demo", &json!({ "network": { "ingressFrom": [pods("gateway")] } }))).await?;
    lab.apply(&server("open", &json!({}))).await?;
    lab.message("demo", LONG, "Ready", &["spec.network.ingressFrom", "--verify-from"]).await?;
    let open = lab.message("open", LONG, "Ready", &["no MCP answer"]).await?;
    ensure!(!open.contains("--verify-from"), "{open}");
    Ok(())
}

fn pods(app: &str) -> Value {
    json!({ "podSelector": { "matchLabels": { "app": app } } })
}

const DEGRADED: [(&str, &str); 5] = [
    ("phase", "Degraded"),
    ("Available", "True Available"),
    ("Verified", "False EndpointUnavailable"),
    ("Ready", "False MCPEndpointUnavailable"),
    ("url", ""),
];

/// An operator that verifies, and the server `demo` in a mode.
async fn misbehaving(lab: &Lab, mode: &str) -> Result<cluster_tests::Operator> {
    lab.needs_to_be_inside()?;
    let operator = lab.operator(&[]).await?;
    lab.apply(&server("demo", &in_mode(mode))).await?;
    Ok(operator)
}

fn in_mode(mode: &str) -> Value {
    let env = json!([{ "name": "MODE", "value": mode }]);
    json!({ "source": image("localhost/mcp-misbehaving:1"), "config": { "env": env } })
}

fn address(lab: &Lab) -> String {
    format!("http://demo.{}.svc.cluster.local:8080", lab.namespace())
}

async fn counters(lab: &Lab) -> Result<Value> {
    Ok(serde_json::from_str(&http("GET", &format!("{}/control", address(lab))).await?)?)
}
