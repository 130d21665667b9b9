//! Whatever happens to what the operator owns, it puts it right within 5 seconds.

use anyhow::{Result, ensure};
use cluster_tests::{Kind, Lab, PROMPT, Test, trial, within};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        trial(deleted_deployment_is_recreated),
        trial(deleted_service_is_recreated),
        trial(deleted_network_policy_is_recreated),
        trial(changed_image_is_restored),
        trial(changed_service_port_is_restored),
        trial(changed_network_policy_is_restored),
        trial(removed_label_is_restored),
        trial(removed_environment_is_restored),
    ]
}

async fn deleted_deployment_is_recreated(lab: &Lab) -> Result<()> {
    is_recreated(lab, Kind::Deployment).await
}

async fn deleted_service_is_recreated(lab: &Lab) -> Result<()> {
    is_recreated(lab, Kind::Service).await
}

async fn deleted_network_policy_is_recreated(lab: &Lab) -> Result<()> {
    is_recreated(lab, Kind::NetworkPolicy).await
}

async fn is_recreated(lab: &Lab, kind: Kind) -> Result<()> {
    let _operator = lab.running("demo", &json!({})).await?;
    let before = lab.get(kind, "demo").await?;
    lab.delete(kind, "demo").await?;
    within(PROMPT, "it is there again, another one", async || {
        let after = lab.get(kind, "demo").await?;
        ensure!(after["metadata"]["uid"] != before["metadata"]["uid"], "it is not deleted yet");
        Ok(())
    })
    .await
}

async fn changed_image_is_restored(lab: &Lab) -> Result<()> {
    let path = "/spec/template/spec/containers/0/image";
    is_restored(lab, Kind::Deployment, path, "localhost/evil:1".into()).await
}

async fn changed_service_port_is_restored(lab: &Lab) -> Result<()> {
    is_restored(lab, Kind::Service, "/spec/ports/0/targetPort", 22.into()).await
}

async fn changed_network_policy_is_restored(lab: &Lab) -> Result<()> {
    is_restored(lab, Kind::NetworkPolicy, "/spec/ingress/0/ports/0/port", 22.into()).await
}

async fn removed_label_is_restored(lab: &Lab) -> Result<()> {
    is_restored(lab, Kind::Service, "/metadata/labels/mcp-server", Value::Null).await
}

async fn removed_environment_is_restored(lab: &Lab) -> Result<()> {
    is_restored(lab, Kind::Deployment, "/spec/template/spec/containers/0/env", Value::Null).await
}

/// Somebody else writes `foreign` to the field at `path`, or removes it, by an update as `kubectl edit` makes.
async fn is_restored(lab: &Lab, kind: Kind, path: &str, foreign: Value) -> Result<()> {
    let _operator =
        lab.running("demo", &json!({ "config": { "env": [{ "name": "MODE", "value": "quiet" }] } })).await?;
    let before = lab.get(kind, "demo").await?;
    let wanted = before.pointer(path).cloned();
    ensure!(wanted.is_some(), "there is no {path} in {before}");
    let operation = if foreign.is_null() { "remove" } else { "replace" };
    lab.patch_json(kind, "demo", &json!([{ "op": operation, "path": path, "value": foreign }])).await?;
    let restored = |object: &Value| {
        ensure!(object.pointer(path) == wanted.as_ref(), "{path} is {:?}", object.pointer(path));
        Ok(())
    };
    lab.until_object(kind, "demo", PROMPT, restored).await.map(drop)
}
