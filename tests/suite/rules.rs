//! The table of accepted and refused manifests in `tests/rules`, against a real API server and a running operator.

#[path = "../rules/cases.rs"]
mod cases;

use anyhow::{Context as _, Result, bail, ensure};
use cluster_tests::command::kubectl;
use cluster_tests::{LONG, Lab, Test, condition, trial, within};
use futures::{StreamExt, stream};
use kube::api::PostParams;
use kube::core::Request;
use serde_json::Value;

use self::cases::{By, Case, Verdict, contains};

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
    match (&case.verdict, create(lab, &case.manifest, "&dryRun=All").await) {
        (Verdict::Accepted { stored }, Ok(answer)) => {
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
        let Verdict::Refused { by: By::Operator, path, message } = &case.verdict else { continue };
        let mut manifest = case.manifest.clone();
        // Cases about names keep theirs, the others share one.
        if path != "metadata.name" {
            manifest["metadata"]["name"] = format!("case-{number}").into();
        }
        let created = create(lab, &manifest, "").await.with_context(|| case.name.clone())?;
        expected.push((
            created["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            path.clone(),
            message.clone(),
            case.name.clone(),
        ));
    }
    ensure!(!expected.is_empty(), "the table has no such case");
    within(LONG, "all are refused with the path", async || {
        let servers = lab.list(cluster_tests::Kind::Server, "").await?;
        for (name, path, message, case) in &expected {
            let server = servers.iter().find(|server| server["metadata"]["name"] == name.as_str());
            let accepted = condition(server.context("it is gone")?, "Accepted").clone();
            ensure!(accepted["status"] == "False" && accepted["reason"] == "Invalid", "{case}: {accepted}");
            let told = accepted["message"].as_str().unwrap_or_default();
            ensure!(
                told.contains(path.as_str()) && told.contains(message.as_str()),
                "{case}: {path} {message:?}: {accepted}"
            );
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

/// Creates a server as strictly as `kubectl` does: unknown fields are refused, not dropped.
pub(crate) async fn create(lab: &Lab, manifest: &Value, parameters: &str) -> Result<Value, kube::Error> {
    let mut manifest = manifest.clone();
    manifest["metadata"]["namespace"] = lab.namespace().into();
    let path = format!(
        "/apis/{}/namespaces/{}/mcpservers",
        manifest["apiVersion"].as_str().unwrap_or_default(),
        lab.namespace()
    );
    let body = manifest.to_string().into_bytes();
    let mut request = Request::new(path).create(&PostParams::default(), body).map_err(kube::Error::BuildRequest)?;
    let uri = format!("{}&fieldValidation=Strict{parameters}", request.uri());
    *request.uri_mut() = uri.parse().expect("a path with parameters");
    lab.client().request(request).await
}
