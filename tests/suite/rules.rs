//! The table of accepted and refused manifests in `tests/rules`, against a real API server and a running operator.

#[path = "../rules/cases.rs"]
mod cases;

use anyhow::{Context as _, Result, bail, ensure};
use cluster_tests::command::kubectl;
use cluster_tests::{LONG, Lab, Test, condition, trial, within};
use futures::{StreamExt, stream};
use kube::Api;
use kube::api::{DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;

use self::cases::{By, Case, Verdict};

pub fn tests() -> Vec<Test> {
    vec![
        trial(api_server_stores_or_refuses_every_manifest_as_the_table_says),
        trial(operator_refuses_what_the_definition_cannot),
        trial(kubectl_explain_knows_every_part),
    ]
}

async fn api_server_stores_or_refuses_every_manifest_as_the_table_says(lab: &Lab) -> Result<()> {
    let cases = cases::load();
    let checks = cases.iter().map(async |case| match dry_run(lab, case).await {
        Err(error) => Some(format!("{}: {error:#}", case.name)),
        Ok(()) => None,
    });
    let failures: Vec<String> =
        stream::iter(checks).buffer_unordered(8).filter_map(async |failure| failure).collect().await;
    println!("{} manifests, {} not as the table says", cases.len(), failures.len());
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

async fn dry_run(lab: &Lab, case: &Case) -> Result<()> {
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let object: DynamicObject = serde_json::from_value(case.manifest.clone()).context("it is no object")?;
    match (&case.verdict, api(lab, &case.manifest)?.create(&params, &object).await) {
        (Verdict::Accepted { stored }, Ok(answer)) => {
            let answer = serde_json::to_value(answer)?;
            ensure!(contains(&answer, stored), "stored {} without {stored}", answer["spec"]);
        }
        (Verdict::Refused { by: By::Operator, .. }, Ok(_)) => {}
        (Verdict::Refused { by: By::Definition, path, .. }, Err(kube::Error::Api(status))) => {
            ensure!(status.message.contains(path), "the refusal does not name {path}: {}", status.message);
        }
        (_, Ok(_)) => bail!("accepted"),
        (_, Err(error)) => bail!("refused: {error}"),
    }
    Ok(())
}

async fn operator_refuses_what_the_definition_cannot(lab: &Lab) -> Result<()> {
    lab.fake_pods().await?;
    let _operator = lab.operator(&["--verify", "false"]).await?;
    let mut expected = Vec::new();
    for (number, case) in cases::load().into_iter().enumerate() {
        let Verdict::Refused { by: By::Operator, path, .. } = &case.verdict else { continue };
        let mut manifest = case.manifest.clone();
        // Cases about names keep theirs, the others share one.
        if path != "metadata.name" {
            manifest["metadata"]["name"] = format!("case-{number}").into();
        }
        let object: DynamicObject = serde_json::from_value(manifest.clone())?;
        let created = api(lab, &manifest)?.create(&PostParams::default(), &object).await;
        let created = created.with_context(|| case.name.clone())?;
        expected.push((created.metadata.name.unwrap_or_default(), path.clone(), case.name.clone()));
    }
    ensure!(!expected.is_empty(), "the table has no such case");
    within(LONG, "all are refused with the path", async || {
        let servers = lab.list(cluster_tests::Kind::Server, "").await?;
        for (name, path, case) in &expected {
            let server = servers.iter().find(|server| server["metadata"]["name"] == name.as_str());
            let accepted = condition(server.context("it is gone")?, "Accepted").clone();
            ensure!(accepted["status"] == "False" && accepted["reason"] == "Invalid", "{case}: {accepted}");
            ensure!(accepted["message"].to_string().contains(path), "{case}: the message lacks {path}: {accepted}");
        }
        Ok(())
    })
    .await?;
    println!("{} manifests were refused by the operator", expected.len());
    Ok(())
}

async fn kubectl_explain_knows_every_part(_lab: &Lab) -> Result<()> {
    let parts = [
        ("mcpserver.spec.source.containerImage", "ref"),
        ("mcpserver.spec.config.env.valueFrom", "fileKeyRef"),
        ("mcpserver.spec.config.storage.source.configMap", "defaultMode"),
        ("mcpserver.spec.runtime.health.readinessProbe", "httpGet"),
        ("mcpserver.spec.runtime.resources", "limits"),
        ("mcpserver.spec.runtime.security.securityContext", "seccompProfile"),
        ("mcpserver.spec.network.egressTo", "ipBlock"),
        ("mcpserver.spec.transport.tls", "caBundleSecret"),
        ("mcpserver.status.serverInfo", "protocolVersion"),
        ("mcpserver.status.render.objects", "digest"),
    ];
    for (path, field) in parts {
        let text = kubectl(&["explain", path]).await?;
        ensure!(text.contains(field), "kubectl explain {path} does not know {field}:\n{text}");
    }
    let everything = kubectl(&["explain", "mcpserver", "--recursive"]).await?;
    ensure!(!everything.contains("<no description>"), "{everything}");
    let text = kubectl(&["explain", "mcpserver.spec"]).await?;
    ensure!(!text.contains("<no description>") && !text.contains("<empty>"), "{text}");
    Ok(())
}

fn api(lab: &Lab, manifest: &Value) -> Result<Api<DynamicObject>> {
    let api_version = manifest["apiVersion"].as_str().context("a manifest without apiVersion")?;
    let (group, version) = api_version.split_once('/').context("an apiVersion with a group")?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, "MCPServer"));
    Ok(Api::namespaced_with(lab.client(), lab.namespace(), &resource))
}

/// Whether `object` has every field of `part`, with lists compared entry by entry.
fn contains(object: &Value, part: &Value) -> bool {
    match (object, part) {
        (_, Value::Null) => true,
        (Value::Object(object), Value::Object(part)) => {
            part.iter().all(|(key, part)| object.get(key).is_some_and(|field| contains(field, part)))
        }
        (Value::Array(items), Value::Array(parts)) => {
            items.len() == parts.len() && items.iter().zip(parts).all(|(item, part)| contains(item, part))
        }
        _ => object == part,
    }
}
