//! Events of plugins: what they warn of, on the server; what becomes of them, on the RenderPlugin. Each is told once, and not
//! again by an operator that was restarted.

use anyhow::{Result, ensure};
use cluster_tests::command::kubectl;
use cluster_tests::manifests::server;
use cluster_tests::{Kind, LONG, Lab, PROMPT, Test, trial, within};
use serde_json::{Value, json};

use super::plugin::{Plugin, operator};

pub fn tests() -> Vec<Test> {
    vec![trial(warning_of_a_plugin_is_told_once), trial(plugin_tells_what_becomes_of_it)]
}

async fn warning_of_a_plugin_is_told_once(lab: &Lab) -> Result<()> {
    let first = operator(lab).await?;
    lab.apply(&labelled("0")).await?;
    let plugin = Plugin::hostile(lab, "warner")?.with(&json!({ "parameters": { "say": "one" } }));
    plugin.ready().await?;
    let said = |what: &str| format!(r#"plugin {}: Parameters: {{"say":"{what}"}}"#, lab.namespace());
    until_warned(lab, &[said("one")]).await?;
    lab.message("demo", PROMPT, "Rendered", &[&said("one")]).await?;

    // It stands: neither a change of the server nor a restart is news.
    follows(lab, "1").await?;
    first.terminate().await?;
    let _second = operator(lab).await?;
    follows(lab, "2").await?;
    until_warned(lab, &[said("one")]).await?;

    // Another one is, each time.
    let plugin = plugin.with(&json!({ "parameters": { "say": "two" } }));
    plugin.apply().await?;
    until_warned(lab, &[said("one"), said("two")]).await?;
    plugin.with(&json!({ "parameters": { "say": "three" } })).apply().await?;
    until_warned(lab, &[said("one"), said("two"), said("three")]).await?;
    lab.message("demo", PROMPT, "Rendered", &[&said("three")]).await.map(drop)
}

fn labelled(value: &str) -> Value {
    server("demo", &json!({ "extraLabels": { "change": value } }))
}

async fn follows(lab: &Lab, value: &str) -> Result<()> {
    lab.apply(&labelled(value)).await?;
    lab.until("demo", LONG, &[("Rendered", "True Rendered")]).await?;
    lab.until_object(Kind::Service, "demo", PROMPT, |service| {
        ensure!(service["metadata"]["labels"]["change"] == value, "{service}");
        Ok(())
    })
    .await
    .map(drop)
}

/// Waits until these are the warnings of plugins that were told of the server, and no others.
async fn until_warned(lab: &Lab, expected: &[String]) -> Result<()> {
    within(LONG, "the warnings are told", async || {
        let events = lab.events("demo").await?;
        let warnings: Vec<_> = events.into_iter().filter(|(_, reason, _)| reason == "PluginWarning").collect();
        ensure!(warnings.iter().all(|(kind, ..)| kind == "Warning"), "{warnings:?}");
        let notes: Vec<_> = warnings.into_iter().map(|(.., note)| note).collect();
        ensure!(notes == expected, "they are {notes:?}");
        Ok(())
    })
    .await
}

async fn plugin_tells_what_becomes_of_it(lab: &Lab) -> Result<()> {
    let first = operator(lab).await?;
    lab.let_tell_of_plugins("operator").await?;
    let odd =
        |please: &str, change: &str| server("odd", &json!({ "extraLabels": { "please": please, "change": change } }));
    lab.apply(&odd("pass", "0")).await?;
    lab.ready("odd").await?;
    let (good, picky, garbage) =
        (Plugin::hostile(lab, "passthrough")?, Plugin::hostile(lab, "picky")?, Plugin::hostile(lab, "garbage")?);
    let digest = |plugin: &Plugin<'_>| plugin.spec["digest"].as_str().unwrap_or_default().to_owned();

    good.ready().await?;
    let mut expected = vec![("Normal", "Active", digest(&good))];
    until_told(lab, &expected).await?;

    picky.apply().await?;
    expected.push(("Normal", "Active", digest(&picky)));
    until_told(lab, &expected).await?;

    lab.apply(&odd("trap-me", "0")).await?;
    picky.until("Ready", "True FailsForSome").await?;
    expected.push(("Warning", "FailsForSome", format!("{}/odd", lab.namespace())));
    until_told(lab, &expected).await?;

    // That is no news to a restarted operator, which does not know it before it has rendered the server.
    first.terminate().await?;
    let _second = operator(lab).await?;
    lab.apply(&odd("trap-me", "1")).await?;
    lab.until("odd", LONG, &[("Rendered", "True RenderedByLastGood")]).await?;
    garbage.apply().await?;
    garbage.until("Ready", "False ContractMismatch").await?;
    expected.push(("Warning", "ContractMismatch", format!("{}, goes on rendering", digest(&picky))));
    until_told(lab, &expected).await?;

    let described = kubectl(&["describe", "renderplugin", lab.namespace()]).await?;
    ensure!(described.contains("FailsForSome") && described.contains("mcp-operator"), "{described}");
    Ok(())
}

/// Waits until these events are told of the test's RenderPlugin, and no others: type, reason, words of the note.
async fn until_told(lab: &Lab, expected: &[(&str, &str, String)]) -> Result<()> {
    within(LONG, "the plugin's events are told", async || {
        let events = about_plugin(lab).await?;
        let fits = |(event, (kind, reason, words)): (&Value, &(&str, &str, String))| {
            let note = event["note"].as_str().unwrap_or_default();
            event["type"] == *kind && event["reason"] == *reason && note.contains(words) && event["series"].is_null()
        };
        ensure!(events.len() == expected.len() && events.iter().zip(expected).all(fits), "they are {events:#?}");
        Ok(())
    })
    .await
}

/// The events about the test's RenderPlugin, oldest first. It is in no namespace, so they are in `default`.
async fn about_plugin(lab: &Lab) -> Result<Vec<Value>> {
    let arguments = ["get", "events.events.k8s.io", "-n", "default", "-o", "json"];
    let mut list: Value = serde_json::from_str(&kubectl(&arguments).await?)?;
    let Value::Array(mut events) = list["items"].take() else { return Ok(Vec::new()) };
    events.retain(|event| {
        let regarding = &event["regarding"];
        regarding["kind"] == "RenderPlugin" && regarding["name"] == lab.namespace()
    });
    events.sort_by_key(|event| event["eventTime"].to_string());
    Ok(events)
}
