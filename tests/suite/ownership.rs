//! What is not the server's own is never modified; what a deleted namesake left behind is adopted.

use anyhow::{Result, bail, ensure};
use cluster_tests::manifests::{config_map, server};
use cluster_tests::{Kind, LONG, Lab, PROMPT, Test, condition, trial, within};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        trial(deployment_without_controller_is_left_alone),
        trial(service_without_controller_is_left_alone),
        trial(network_policy_without_controller_is_left_alone),
        trial(deployment_of_another_controller_is_left_alone),
        trial(service_of_another_server_is_left_alone),
        trial(refused_server_recovers_when_the_other_object_goes),
        trial(orphans_without_controller_are_left_alone),
        trial(recreated_server_has_children_again),
    ]
}

async fn deployment_without_controller_is_left_alone(lab: &Lab) -> Result<()> {
    is_left_alone(lab, Kind::Deployment, Value::Null).await
}

async fn service_without_controller_is_left_alone(lab: &Lab) -> Result<()> {
    is_left_alone(lab, Kind::Service, Value::Null).await
}

async fn network_policy_without_controller_is_left_alone(lab: &Lab) -> Result<()> {
    is_left_alone(lab, Kind::NetworkPolicy, Value::Null).await
}

async fn deployment_of_another_controller_is_left_alone(lab: &Lab) -> Result<()> {
    let owner = lab.apply(&config_map("owner", "a", "1")).await?;
    is_left_alone(lab, Kind::Deployment, controller("v1", "ConfigMap", &owner)).await
}

async fn service_of_another_server_is_left_alone(lab: &Lab) -> Result<()> {
    // Paused, or its operator would remove what it controls and does not render.
    let mut other = server("other", &json!({}));
    other["metadata"]["annotations"] = json!({ "render.mcp.x-k8s.io/paused": "true" });
    let other = lab.apply(&other).await?;
    is_left_alone(lab, Kind::Service, controller("mcp.x-k8s.io/v1beta1", "MCPServer", &other)).await
}

/// The server `demo` finds an object of its name that is somebody else's.
async fn is_left_alone(lab: &Lab, kind: Kind, owners: Value) -> Result<()> {
    lab.fake_pods().await?;
    let before = lab.create(&foreign(kind, &owners)?).await?;
    let _operator = lab.operator(&["--verify", "false"]).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    let reason = format!("{kind:?}Unavailable");
    let refused = format!("False {reason}");
    let expected = [
        ("phase", "Failed"),
        ("Accepted", "True Valid"),
        ("Rendered", "True Rendered"),
        ("Available", refused.as_str()),
        ("Verified", "Unknown NotVerified"),
        ("Ready", refused.as_str()),
        ("url", ""),
    ];
    let status = lab.until("demo", LONG, &expected).await?;
    let message = condition(&status, "Ready")["message"].as_str().unwrap_or_default();
    ensure!(message.contains(&format!("{kind:?} demo exists")), "{message}");
    // An update of the server is another attempt.
    lab.apply(&server("demo", &json!({ "extraLabels": { "attempt": "2" } }))).await?;
    lab.until("demo", PROMPT, &expected).await?;
    let after = lab.get(kind, "demo").await?;
    ensure!(contents(&after) == contents(&before), "{kind:?} was changed: {after}");
    let events = lab.events("demo").await?;
    let warnings: Vec<_> = events.iter().filter(|(_, event, _)| *event == reason).collect();
    ensure!(warnings.len() == 1 && warnings[0].0 == "Warning", "{events:?}");
    Ok(())
}

/// What its author wrote: everything but what controllers report.
fn contents(object: &Value) -> (Value, Value, Value, Value) {
    let metadata = &object["metadata"];
    let annotation = "deployment.kubernetes.io/revision";
    let mut annotations = metadata["annotations"].clone();
    annotations.as_object_mut().map(|all| all.remove(annotation));
    let annotations = if annotations == json!({}) { Value::Null } else { annotations };
    (object["spec"].clone(), metadata["labels"].clone(), annotations, metadata["ownerReferences"].clone())
}

async fn refused_server_recovers_when_the_other_object_goes(lab: &Lab) -> Result<()> {
    lab.fake_pods().await?;
    lab.create(&foreign(Kind::Service, &Value::Null)?).await?;
    let _operator = lab.operator(&["--verify", "false"]).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    lab.until("demo", LONG, &[("Ready", "False ServiceUnavailable")]).await?;
    lab.delete(Kind::Service, "demo").await?;
    let created = |service: &Value| {
        ensure!(service["metadata"]["ownerReferences"][0]["kind"] == "MCPServer", "{}", service["metadata"]);
        Ok(())
    };
    lab.until_object(Kind::Service, "demo", PROMPT, created).await?;
    lab.ready("demo").await.map(drop)
}

/// Kubernetes takes the owner references of orphans away; so nothing shows any more whose they were.
async fn orphans_without_controller_are_left_alone(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({})).await?;
    lab.orphan(Kind::Server, "demo").await?;
    within(LONG, "the server is gone", async || {
        ensure!(lab.find(Kind::Server, "demo").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    let before = lab.get(Kind::NetworkPolicy, "demo").await?;
    lab.apply(&server("demo", &json!({ "config": { "port": 9090 } }))).await?;
    lab.until("demo", LONG, &[("Available", "False NetworkPolicyUnavailable")]).await?;
    let after = lab.get(Kind::NetworkPolicy, "demo").await?;
    ensure!(contents(&after) == contents(&before), "the orphan was changed: {after}");
    Ok(())
}

/// The children of the old server are there when the new one comes. Either the operator adopts them in time, or the
/// garbage collector takes them and the operator makes new ones; who wins shows in nothing but their uids.
async fn recreated_server_has_children_again(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({})).await?;
    for _ in 0..5 {
        lab.delete(Kind::Server, "demo").await?;
        let new = lab.create(&server("demo", &json!({}))).await?;
        lab.ready("demo").await?;
        within(LONG, "the children are the new server's", async || {
            for kind in Kind::CHILDREN {
                let metadata = lab.get(kind, "demo").await?["metadata"].take();
                ensure!(metadata["ownerReferences"][0]["uid"] == new["metadata"]["uid"], "{kind:?}: {metadata}");
                ensure!(metadata["deletionTimestamp"].is_null(), "{kind:?} is being deleted");
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

fn controller(api_version: &str, kind: &str, owner: &Value) -> Value {
    let metadata = &owner["metadata"];
    json!([{ "apiVersion": api_version, "kind": kind, "name": metadata["name"], "uid": metadata["uid"], "controller": true }])
}

/// An object of the name `demo` that works, and that the operator did not make.
fn foreign(kind: Kind, owners: &Value) -> Result<Value> {
    let labels = json!({ "app": "legacy" });
    let container = json!({ "name": "legacy", "image": "localhost/mcp-stateless:1" });
    let (api_version, spec) = match kind {
        Kind::Deployment => (
            "apps/v1",
            json!({
                "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": { "containers": [container] } },
            }),
        ),
        Kind::Service => ("v1", json!({ "selector": labels, "ports": [{ "name": "web", "port": 80 }] })),
        Kind::NetworkPolicy => ("networking.k8s.io/v1", json!({ "podSelector": { "matchLabels": labels } })),
        _ => bail!("{kind:?} is no kind that the default plugin renders"),
    };
    let metadata = json!({ "name": "demo", "labels": labels, "ownerReferences": owners });
    Ok(json!({ "apiVersion": api_version, "kind": format!("{kind:?}"), "metadata": metadata, "spec": spec }))
}
