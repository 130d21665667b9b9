//! What `mcp-render` prints is what the operator applies: byte for byte, for every example.

use anyhow::{Context as _, Result, ensure};
use cluster_tests::command::{kubectl, kubectl_with, run};
use cluster_tests::manifests::server;
use cluster_tests::{Kind, LONG, Lab, Test, looks, trial, within};
use mcp_operator::canonical;
use serde_json::{Value, json};

use crate::plugin::{Plugin, operator};

pub fn tests() -> Vec<Test> {
    vec![trial(offline_rendering_is_what_the_operator_applied), trial(exported_rendering_is_replayed_to_the_same_bytes)]
}

async fn offline_rendering_is_what_the_operator_applied(lab: &Lab) -> Result<()> {
    lab.fake_pods().await?;
    let namespace = ["--namespace", lab.namespace()];
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    kubectl(&[&["create", "-f", examples], &namespace[..]].concat()).await?;
    let _operator = lab.operator(&["--verify", "false"]).await?;
    let servers = within(LONG, "every example is rendered", async || {
        let servers = lab.list(Kind::Server, "").await?;
        for server in &servers {
            let rendered = looks(server).get("Rendered").is_some_and(|rendered| rendered == "True Rendered");
            ensure!(rendered, "{} looks like {:?}", server["metadata"]["name"], looks(server));
        }
        Ok(servers)
    })
    .await?;

    let live = kubectl(&[&["get", "mcpservers,configmaps,secrets", "-o", "yaml"], &namespace[..]].concat()).await?;
    let program = lab.program("mcp-render").display().to_string();
    let output = run(&program, &["render", "-f", "-", "-o", "json"], &live).await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list: Value = serde_json::from_slice(&output.stdout)?;
    let offline = list["items"].as_array().context("a list")?;
    ensure!(offline.len() == 3 * servers.len(), "{} objects of {} servers", offline.len(), servers.len());

    for object in offline {
        let name = &object["metadata"]["name"];
        let server = servers.iter().find(|server| server["metadata"]["name"] == *name).context("its server")?;
        let records = server["status"]["render"]["objects"].as_array().context("what was applied")?;
        let record = records.iter().find(|record| record["kind"] == object["kind"]).context("its record")?;
        let digest = canonical::digest(object);
        ensure!(
            record["digest"] == digest.as_str(),
            "{} {name} was rendered differently offline: {object}",
            object["kind"]
        );
    }
    // And it is what the API server got: to apply it in the operator's name changes nothing.
    let before = versions(lab).await?;
    let apply = ["apply", "--server-side", "--field-manager=mcp-operator", "-f", "-"];
    kubectl_with(&list.to_string(), &[&apply[..], &namespace[..]].concat()).await?;
    let after = versions(lab).await?;
    ensure!(before == after, "applying what was rendered offline changed something: {before:?} {after:?}");
    println!("{} objects of {} servers are the same offline and applied", offline.len(), servers.len());
    Ok(())
}

/// By the same component that the operator and `mcp-render` run; of a rendering that failed, to the same failure.
async fn exported_rendering_is_replayed_to_the_same_bytes(lab: &Lab) -> Result<()> {
    let _operator = operator(lab).await?;
    let env = json!([{ "name": "TOKEN", "value": "hunter2" }]);
    lab.apply(&server("demo", &json!({ "config": { "env": env }, "extraLabels": { "policy": "plain" } }))).await?;
    lab.ready("demo").await?;
    Plugin::hostile(lab, "rewriter")?.ready().await?;
    lab.message("demo", LONG, "Rendered", &["rendered"]).await?;
    let chain = within(LONG, "the plugin renders the server", async || {
        let chain = lab.get(Kind::Server, "demo").await?["status"]["render"]["chain"].take();
        ensure!(chain.as_str().is_some_and(|chain| chain.contains(lab.namespace())), "it is {chain}");
        Ok(chain)
    })
    .await?;

    let whole = export(lab, &["--include-values"]).await?;
    ensure!(whole.contains("hunter2"), "the value is not in the bundle of {chain}");
    let bundle: Value = serde_json::from_str(&whole)?;
    ensure!(bundle["recorded"]["differences"] == json!([]), "{}", bundle["recorded"]);
    let applied = lab.get(Kind::Server, "demo").await?["status"]["render"]["objects"].take();
    for record in applied.as_array().context("what was applied")? {
        ensure!(whole.contains(record["digest"].as_str().context("a digest")?), "{record} is not in the bundle");
    }
    let replayed = replay(lab, &whole).await?;
    ensure!(replayed.contains("as recorded"), "{replayed}");

    let redacted = export(lab, &[]).await?;
    ensure!(!redacted.contains("hunter2"), "the value is in the bundle");
    ensure!(replay(lab, &redacted).await?.contains("as recorded"), "the redacted bundle is replayed otherwise");

    Plugin::hostile(lab, "picky")?.with(&json!({ "onFailure": "Block" })).ready().await?;
    lab.apply(&server("demo", &json!({ "extraLabels": { "please": "trap-me" } }))).await?;
    lab.until("demo", LONG, &[("Rendered", "False RenderFailed")]).await?;
    let replayed = replay(lab, &export(lab, &[]).await?).await?;
    ensure!(replayed.contains("as recorded") && replayed.contains("crashed"), "{replayed}");
    Ok(())
}

async fn export(lab: &Lab, flags: &[&str]) -> Result<String> {
    let server = format!("{}/demo", lab.namespace());
    let program = lab.program("mcp-operator").display().to_string();
    let output = run(&program, &[&["export", server.as_str()], flags].concat(), "").await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// What the replay says besides the objects.
async fn replay(lab: &Lab, bundle: &str) -> Result<String> {
    let output = run(&lab.program("mcp-render").display().to_string(), &["replay", "-"], bundle).await?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{said}");
    Ok(said)
}

/// What would show a write: everything but what controllers report about pods.
async fn versions(lab: &Lab) -> Result<Vec<(String, Value, Value, Value)>> {
    let mut versions = Vec::new();
    for kind in Kind::CHILDREN {
        for object in lab.list(kind, "").await? {
            let metadata = &object["metadata"];
            let entries = metadata["managedFields"].as_array().into_iter().flatten();
            let ours: Vec<Value> = entries.filter(|entry| entry["manager"] == "mcp-operator").cloned().collect();
            let name = format!("{kind:?} {}", metadata["name"]);
            versions.push((name, metadata["generation"].clone(), object["spec"].clone(), Value::from(ours)));
        }
    }
    Ok(versions)
}
