//! What is exported of a cluster is rendered elsewhere to the same digests, or to the same failure.

use anyhow::{Result, ensure};
use cluster_tests::command::run;
use cluster_tests::manifests::server;
use cluster_tests::{LONG, Lab, Test, trial};
use serde_json::{Value, json};

use crate::plugin::{Plugin, operator};

pub fn tests() -> Vec<Test> {
    vec![
        trial(exported_render_is_replayed_to_what_was_applied),
        trial(exported_failure_is_replayed_to_the_same_failure),
    ]
}

/// How a program ended: its status, and what it said on either stream.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Exports a server with the operator's own rights.
async fn export(lab: &Lab, server: &str, flags: &[&str]) -> Result<Ended> {
    let kubeconfig = format!("KUBECONFIG={}", lab.operator_account().await?.display());
    let (program, name) = (lab.program("mcp-operator").display().to_string(), format!("{}/{server}", lab.namespace()));
    end("env", &[&[kubeconfig.as_str(), &program, "export", &name], flags].concat(), "").await
}

async fn replay(lab: &Lab, bundle: &str) -> Result<Ended> {
    end(&lab.program("mcp-render").display().to_string(), &["replay", "-"], bundle).await
}

async fn end(program: &str, arguments: &[&str], input: &str) -> Result<Ended> {
    let output = run(program, arguments, input).await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
}

/// The bundle as text and as data; it says that it is what the operator did.
async fn exported(lab: &Lab, server: &str, flags: &[&str]) -> Result<(String, Value)> {
    let Ended { code, stdout, stderr } = export(lab, server, flags).await?;
    ensure!(code == Some(0), "{stderr}");
    ensure!(stderr.contains("gives what its status says"), "{stderr}");
    let bundle = serde_json::from_str(&stdout)?;
    Ok((stdout, bundle))
}

async fn exported_render_is_replayed_to_what_was_applied(lab: &Lab) -> Result<()> {
    let _operator = operator(lab).await?;
    Plugin::hostile(lab, "rewriter")?.ready().await?;
    let env = json!([{ "name": "TOKEN", "value": "hunter2-hunter2" }]);
    lab.apply(&server("demo", &json!({ "config": { "env": env }, "extraLabels": { "policy": "plain" } }))).await?;
    lab.ready("demo").await?;

    let cache = lab.folder().join("cache").display().to_string();
    for flags in [&["--cache-dir", cache.as_str()][..], &[]] {
        let (text, bundle) = exported(lab, "demo", flags).await?;
        ensure!(!text.contains("hunter2"), "a value is in the bundle");
        ensure!(bundle["redacted"] == json!(["spec.config.env[0].value"]), "redacted: {}", bundle["redacted"]);
        ensure!(bundle["chain"].as_array().is_some_and(|chain| chain.len() == 2), "chain: {}", bundle["chain"]);
        let Ended { code, stderr, .. } = replay(lab, &text).await?;
        ensure!(code == Some(0) && stderr.contains("as recorded: rendered; objects: 3"), "{stderr}");
    }

    // With its values, what comes out of the file is what the operator applied.
    let (text, bundle) = exported(lab, "demo", &["--include-values"]).await?;
    let digests =
        |objects: &Value| objects.as_array().map(|all| all.iter().map(|o| o["digest"].clone()).collect::<Vec<_>>());
    let (rendered, applied) = (digests(&bundle["outcome"]["objects"]), digests(&bundle["recorded"]["objects"]));
    ensure!(rendered.is_some() && rendered == applied, "{rendered:?} {applied:?}");
    let Ended { code, stdout, stderr } = replay(lab, &text).await?;
    ensure!(code == Some(0) && stdout.contains("hunter2-hunter2") && stdout.contains("policy: other"), "{stderr}");
    Ok(())
}

async fn exported_failure_is_replayed_to_the_same_failure(lab: &Lab) -> Result<()> {
    let _operator = operator(lab).await?;
    Plugin::hostile(lab, "picky")?.with(&json!({ "onFailure": "Block" })).ready().await?;
    lab.apply(&server("demo", &json!({ "extraLabels": { "mood": "trap-me" } }))).await?;
    lab.until("demo", LONG, &[("Rendered", "False RenderFailed")]).await?;
    let (text, bundle) = exported(lab, "demo", &[]).await?;
    ensure!(bundle["outcome"]["class"] == "Trap", "{}", bundle["outcome"]);
    let Ended { code, stderr, .. } = replay(lab, &text).await?;
    ensure!(code == Some(0) && stderr.contains("as recorded: RenderFailed (Trap): plugin "), "{stderr}");

    // What was not rendered has nothing to be exported.
    lab.apply(&server(
        "odd",
        &json!({ "config": { "env": [{ "name": "A", "valueFrom": {
        "secretKeyRef": { "name": "missing", "key": "a" } } }] } }),
    ))
    .await?;
    lab.until("odd", LONG, &[("Accepted", "False Invalid")]).await?;
    for (name, words) in [("odd", "is not accepted"), ("nobody", "there is no MCPServer")] {
        let Ended { code, stderr, .. } = export(lab, name, &[]).await?;
        ensure!(code == Some(1) && stderr.contains(words), "{stderr}");
    }
    Ok(())
}
