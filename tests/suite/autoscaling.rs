//! Who says how many pods run: the server, an autoscaler of the server, or an autoscaler of its Deployment. There is no
//! real autoscaler here, which would need metrics; the tests write the scale subresource as it does.

use anyhow::{Context as _, Result, ensure};
use cluster_tests::manifests::server;
use cluster_tests::{Kind, LONG, Lab, PROMPT, Test, trial, within};
use k8s_openapi::api::autoscaling::v1::ScaleSpec;
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        trial(scale_of_a_server_tells_its_pods),
        trial(autoscaler_of_a_server_owns_the_number_from_its_first_write_on),
        trial(autoscaler_of_a_deployment_is_never_overruled),
        trial(removed_number_is_handed_over_while_pods_stay),
        trial(number_that_is_removed_while_no_operator_runs_is_handed_over),
    ]
}

async fn scale_of_a_server_tells_its_pods(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &replicas(2)).await?;
    lab.apply(&server("other", &replicas(1))).await?;
    lab.ready("other").await?;
    let (status, pods) = within(LONG, "the scale tells of two pods", async || {
        let scale = lab.scale(Kind::Server, "demo").await?;
        let status = scale.status.context("a scale without status")?;
        let pods = lab.list(Kind::Pod, status.selector.as_deref().context("a scale without selector")?).await?;
        ensure!(status.replicas == 2 && pods.len() == 2, "{} replicas, {} pods", status.replicas, pods.len());
        Ok((scale.spec.and_then(|spec| spec.replicas), pods))
    })
    .await?;
    ensure!(status == Some(2), "the wish is {status:?}");
    ensure!(pods.iter().all(|pod| pod["metadata"]["labels"]["mcp-server"] == "demo"), "pods of others: {pods:?}");
    Ok(())
}

async fn autoscaler_of_a_server_owns_the_number_from_its_first_write_on(lab: &Lab) -> Result<()> {
    let operator = lab.running("demo", &replicas(2)).await?;
    autoscale(lab, Kind::Server, 3).await?;
    has(lab, 3).await?;
    // The author's manifest said 2 and now says nothing: that takes back nothing that is the autoscaler's.
    lab.apply(&server("demo", &json!({ "mcp": { "stateless": true } }))).await?;
    reconciled(lab).await?;
    has(lab, 3).await?;
    let server = lab.get(Kind::Server, "demo").await?;
    ensure!(server["spec"]["runtime"]["replicas"] == 3, "{}", server["spec"]["runtime"]);
    // What the server says is enforced, so the operator cannot be the one to overrule the autoscaler.
    lab.patch(Kind::Deployment, "demo", &json!({ "spec": { "replicas": 1 } })).await?;
    has(lab, 3).await?;
    operator.terminate().await?;
    let _operator = lab.operator(&["--verify", "false"]).await?;
    autoscale(lab, Kind::Server, 4).await?;
    has(lab, 4).await
}

async fn autoscaler_of_a_deployment_is_never_overruled(lab: &Lab) -> Result<()> {
    let operator = lab.running("demo", &json!({})).await?;
    for (number, stateless) in [(3, true), (4, false), (2, true)] {
        autoscale(lab, Kind::Deployment, number).await?;
        lab.apply(&server("demo", &json!({ "mcp": { "stateless": stateless }, "config": { "port": 8000 + number } })))
            .await?;
        reconciled(lab).await?;
        has(lab, number).await?;
    }
    operator.terminate().await?;
    let _operator = lab.operator(&["--verify", "false"]).await?;
    autoscale(lab, Kind::Deployment, 5).await?;
    lab.apply(&server("demo", &json!({ "mcp": { "stateless": false } }))).await?;
    reconciled(lab).await?;
    has(lab, 5).await?;
    let server = lab.get(Kind::Server, "demo").await?;
    ensure!(server["spec"]["runtime"]["replicas"].is_null(), "the server was changed: {}", server["spec"]["runtime"]);
    Ok(())
}

async fn removed_number_is_handed_over_while_pods_stay(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &replicas(3)).await?;
    let before = pods(lab, 3).await?;
    lab.apply(&server("demo", &json!({ "mcp": { "stateless": true } }))).await?;
    reconciled(lab).await?;
    unowned(lab).await?;
    has(lab, 3).await?;
    ensure!(pods(lab, 3).await? == before, "pods were replaced: the number was another one for a moment");
    autoscale(lab, Kind::Deployment, 4).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    reconciled(lab).await?;
    has(lab, 4).await
}

async fn number_that_is_removed_while_no_operator_runs_is_handed_over(lab: &Lab) -> Result<()> {
    let operator = lab.running("demo", &replicas(3)).await?;
    let before = pods(lab, 3).await?;
    operator.terminate().await?;
    lab.apply(&server("demo", &json!({}))).await?;
    let _operator = lab.operator(&["--verify", "false"]).await?;
    unowned(lab).await?;
    has(lab, 3).await?;
    ensure!(pods(lab, 3).await? == before, "pods were replaced: the number was another one for a moment");
    Ok(())
}

fn replicas(number: i32) -> Value {
    json!({ "runtime": { "replicas": number } })
}

/// What an autoscaler does: it reads the scale and replaces it, and looks again when somebody was faster.
async fn autoscale(lab: &Lab, kind: Kind, number: i32) -> Result<()> {
    within(PROMPT, &format!("the scale says {number}"), async || {
        let mut scale = lab.scale(kind, "demo").await?;
        scale.spec = Some(ScaleSpec { replicas: Some(number) });
        lab.replace_scale(kind, "demo", &scale).await
    })
    .await
}

/// Waits until the Deployment has this number, and its pods are counted in the server's status.
async fn has(lab: &Lab, number: i32) -> Result<()> {
    within(LONG, &format!("{number} pods run"), async || {
        let deployment = lab.get(Kind::Deployment, "demo").await?;
        ensure!(deployment["spec"]["replicas"] == number, "the Deployment says {}", deployment["spec"]["replicas"]);
        let status = lab.get(Kind::Server, "demo").await?["status"].take();
        ensure!(status["replicas"] == number && status["readyReplicas"] == number, "the server says {status}");
        Ok(())
    })
    .await
}

/// Waits until the Service and the Deployment are what the server says now, that is until everything was applied.
async fn reconciled(lab: &Lab) -> Result<()> {
    within(PROMPT, "the last change arrived", async || {
        let server = lab.get(Kind::Server, "demo").await?;
        ensure!(server["status"]["observedGeneration"] == server["metadata"]["generation"], "not yet observed");
        Ok(())
    })
    .await
}

/// Waits until the operator owns the Deployment's number no more.
async fn unowned(lab: &Lab) -> Result<()> {
    let no_owner = |deployment: &Value| {
        let managers = deployment["metadata"]["managedFields"].as_array().context("managed fields")?;
        let own = managers.iter().find(|entry| entry["manager"] == "mcp-operator").context("our entry")?;
        ensure!(own["fieldsV1"]["f:spec"]["f:replicas"].is_null(), "the operator owns the number");
        Ok(())
    };
    lab.until_object(Kind::Deployment, "demo", PROMPT, no_owner).await.map(drop)
}

/// The uids of the pods, once there are this many.
async fn pods(lab: &Lab, count: usize) -> Result<Vec<String>> {
    within(LONG, &format!("there are {count} pods"), async || {
        let pods = lab.list(Kind::Pod, "mcp-server=demo").await?;
        ensure!(pods.len() == count, "there are {}", pods.len());
        let mut uids: Vec<_> = pods.iter().map(|pod| pod["metadata"]["uid"].to_string()).collect();
        uids.sort();
        Ok(uids)
    })
    .await
}
