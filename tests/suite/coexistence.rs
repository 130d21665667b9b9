//! What others do to the children, and the operator leaves alone.

use anyhow::{Context as _, Result, ensure};
use cluster_tests::command::kubectl;
use cluster_tests::manifests::server;
use cluster_tests::{Kind, LONG, Lab, PROMPT, Test, trial, within};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        trial(sidecar_of_another_field_manager_survives_an_update),
        trial(foreign_labels_and_annotations_survive_an_update),
        trial(restarted_rollout_happens_once_and_stays),
        trial(replicas_of_an_autoscaler_survive_an_update),
        trial(replicas_that_the_server_gives_are_enforced),
    ]
}

async fn sidecar_of_another_field_manager_survives_an_update(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({})).await?;
    let sidecar = json!({ "name": "mesh", "image": "localhost/probe:1", "args": ["silent"] });
    let injected = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "demo" },
        "spec": { "template": { "spec": { "containers": [sidecar] } } },
    });
    lab.apply_as("injector", &injected).await?;
    update_and_wait(lab).await?;
    let deployment = lab.get(Kind::Deployment, "demo").await?;
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array().context("containers")?;
    ensure!(containers.iter().any(|container| container["name"] == "mesh"), "the sidecar is gone: {containers:?}");
    ensure!(containers.len() == 2, "{containers:?}");
    Ok(())
}

async fn foreign_labels_and_annotations_survive_an_update(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({ "extraLabels": { "team": "maps" } })).await?;
    for kind in Kind::CHILDREN {
        let foreign = json!({ "labels": { "cost-centre": "7" }, "annotations": { "scanner": "clean" } });
        lab.patch(kind, "demo", &json!({ "metadata": foreign })).await?;
    }
    update_and_wait(lab).await?;
    for kind in Kind::CHILDREN {
        let metadata = lab.get(kind, "demo").await?["metadata"].take();
        ensure!(metadata["labels"]["cost-centre"] == "7", "{kind:?}: {}", metadata["labels"]);
        ensure!(metadata["annotations"]["scanner"] == "clean", "{kind:?}: {}", metadata["annotations"]);
    }
    Ok(())
}

async fn restarted_rollout_happens_once_and_stays(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({})).await?;
    kubectl(&["rollout", "restart", "deployment/demo", "--namespace", lab.namespace()]).await?;
    kubectl(&["rollout", "status", "deployment/demo", "--timeout=60s", "--namespace", lab.namespace()]).await?;
    let restarted = async || {
        let deployment = lab.get(Kind::Deployment, "demo").await?;
        let at = deployment["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"].clone();
        ensure!(at.is_string(), "the restart was undone");
        anyhow::Ok((at, lab.list(Kind::ReplicaSet, "").await?.len()))
    };
    ensure!(restarted().await?.1 == 2, "one restart is one more ReplicaSet");
    // A change that touches no pod makes the operator look at everything again.
    lab.apply(&server("demo", &json!({ "mcp": { "stateless": true } }))).await?;
    affinity_is_none(lab).await?;
    let (_, sets) = restarted().await?;
    ensure!(sets == 2, "the rollout was repeated: {sets} ReplicaSets");
    Ok(())
}

async fn replicas_of_an_autoscaler_survive_an_update(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({})).await?;
    kubectl(&["scale", "deployment/demo", "--replicas=3", "--namespace", lab.namespace()]).await?;
    update_and_wait(lab).await?;
    let deployment = lab.get(Kind::Deployment, "demo").await?;
    ensure!(deployment["spec"]["replicas"] == 3, "replicas are {}", deployment["spec"]["replicas"]);
    within(LONG, "the status counts them", async || {
        let server = lab.get(Kind::Server, "demo").await?;
        ensure!(server["status"]["readyReplicas"] == 3, "{}", server["status"]["readyReplicas"]);
        Ok(())
    })
    .await
}

async fn replicas_that_the_server_gives_are_enforced(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({ "runtime": { "replicas": 2 } })).await?;
    kubectl(&["scale", "deployment/demo", "--replicas=5", "--namespace", lab.namespace()]).await?;
    let restored = |deployment: &Value| {
        ensure!(deployment["spec"]["replicas"] == 2, "replicas are {}", deployment["spec"]["replicas"]);
        Ok(())
    };
    lab.until_object(Kind::Deployment, "demo", PROMPT, restored).await.map(drop)
}

/// Changes a field of every child, and waits until each has it.
async fn update_and_wait(lab: &Lab) -> Result<()> {
    let spec = json!({ "config": { "port": 9090 }, "mcp": { "stateless": true } });
    lab.apply(&server("demo", &spec)).await?;
    affinity_is_none(lab).await?;
    let container = |deployment: &Value| {
        let containers = deployment["spec"]["template"]["spec"]["containers"].as_array().cloned().unwrap_or_default();
        let own = containers.into_iter().find(|container| container["name"] == "mcp-server").unwrap_or_default();
        ensure!(own["ports"][0]["containerPort"] == 9090, "the update has not arrived: {own}");
        Ok(())
    };
    lab.until_object(Kind::Deployment, "demo", PROMPT, container).await.map(drop)
}

async fn affinity_is_none(lab: &Lab) -> Result<()> {
    let affinity = |service: &Value| {
        ensure!(service["spec"]["sessionAffinity"] == "None", "the update has not arrived");
        Ok(())
    };
    lab.until_object(Kind::Service, "demo", PROMPT, affinity).await.map(drop)
}
