//! What `mcp-render` prints is what the operator applies: byte for byte, for every example.

use anyhow::{Context as _, Result, ensure};
use cluster_tests::command::{kubectl, kubectl_with, run};
use cluster_tests::{Kind, LONG, Lab, Test, looks, trial, within};
use mcp_operator::canonical;
use serde_json::Value;

pub fn tests() -> Vec<Test> {
    vec![trial(offline_rendering_is_what_the_operator_applied)]
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
