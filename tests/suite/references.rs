//! ConfigMaps and Secrets that servers refer to: missing ones, changed ones.

use anyhow::{Result, ensure};
use cluster_tests::manifests::{config_map, secret, server};
use cluster_tests::{Kind, LONG, Lab, PROMPT, Test, trial, within};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        trial(missing_config_map_is_named_and_its_appearance_noticed),
        trial(missing_secret_is_named_and_its_appearance_noticed),
        trial(server_that_is_accepted_no_more_keeps_its_children_as_they_are),
        trial(missing_optional_reference_is_no_problem),
        trial(changed_config_map_rolls_its_server_and_no_other),
        trial(changed_secret_rolls_its_server),
        trial(missing_key_is_warned_of_until_it_comes),
    ]
}

async fn missing_config_map_is_named_and_its_appearance_noticed(lab: &Lab) -> Result<()> {
    let spec = json!({ "config": { "envFrom": [{ "configMapRef": { "name": "settings" } }] } });
    is_missed(lab, spec, "ConfigMap", "spec.config.envFrom[0].configMapRef.name", &config_map("settings", "A", "1"))
        .await
}

async fn missing_secret_is_named_and_its_appearance_noticed(lab: &Lab) -> Result<()> {
    let key = json!({ "name": "settings", "key": "token" });
    let spec = json!({ "config": { "env": [{ "name": "TOKEN", "valueFrom": { "secretKeyRef": key } }] } });
    let path = "spec.config.env[0].valueFrom.secretKeyRef.name";
    is_missed(lab, spec, "Secret", path, &secret("settings", "token", "s3cret")).await
}

/// A server refers to an object `settings` that does not exist; then it is created.
async fn is_missed(lab: &Lab, spec: Value, kind: &str, path: &str, object: &Value) -> Result<()> {
    lab.fake_pods().await?;
    let _operator = lab.operator(&["--verify", "false"]).await?;
    lab.apply(&server("demo", &spec)).await?;
    let invalid = [
        ("phase", "Invalid"),
        ("Accepted", "False Invalid"),
        ("Rendered", ""),
        ("Available", "False ConfigurationInvalid"),
        ("Verified", "Unknown NotVerified"),
        ("Ready", "False ConfigurationInvalid"),
        ("url", ""),
    ];
    lab.until("demo", PROMPT, &invalid).await?;
    let named = format!("{kind} {}/settings", lab.namespace());
    lab.message("demo", PROMPT, "Accepted", &[&named, path]).await?;
    for child in Kind::CHILDREN {
        ensure!(lab.find(child, "demo").await?.is_none(), "{child:?} was created for an invalid server");
    }
    lab.apply(object).await?;
    lab.until("demo", PROMPT, &[("Accepted", "True Valid"), ("Rendered", "True Rendered")]).await?;
    lab.ready("demo").await.map(drop)
}

/// First what it refers to is gone, then its spec is invalid in another way; each time with a change that would show.
async fn server_that_is_accepted_no_more_keeps_its_children_as_they_are(lab: &Lab) -> Result<()> {
    lab.apply(&config_map("settings", "A", "1")).await?;
    let _operator = lab.running("demo", &uses("settings")).await?;
    let before = children(lab).await?;
    let invalid =
        [("phase", "Invalid"), ("Accepted", "False Invalid"), ("Ready", "False ConfigurationInvalid"), ("url", "")];
    let valid = [("phase", "Running"), ("Accepted", "True Valid"), ("Ready", "True DeploymentReady")];
    lab.delete(Kind::ConfigMap, "settings").await?;
    lab.until("demo", PROMPT, &invalid).await?;
    ensure!(children(lab).await? == before, "a child was changed: {before} {}", children(lab).await?);
    lab.apply(&config_map("settings", "A", "1")).await?;
    lab.until("demo", PROMPT, &valid).await?;

    let mut spec = uses("settings");
    spec["extraLabels"] = json!({ "team": "maps" });
    spec["network"] = json!({ "egressTo": [{ "ipBlock": { "cidr": "10.0.0.0/99" } }] });
    spec["config"]["port"] = 9090.into();
    lab.apply(&server("demo", &spec)).await?;
    lab.until("demo", PROMPT, &invalid).await?;
    lab.message("demo", PROMPT, "Accepted", &["spec.network.egressTo[0].ipBlock.cidr"]).await?;
    ensure!(children(lab).await? == before, "a child was changed: {before} {}", children(lab).await?);
    lab.apply(&server("demo", &uses("settings"))).await?;
    lab.until("demo", PROMPT, &valid).await?;
    ensure!(children(lab).await? == before, "a child was changed: {before} {}", children(lab).await?);
    Ok(())
}

/// All children without what controllers report of them.
async fn children(lab: &Lab) -> Result<Value> {
    let mut all = json!({});
    for kind in Kind::CHILDREN {
        let mut child = lab.get(kind, "demo").await?;
        child["status"].take();
        for field in ["resourceVersion", "managedFields"] {
            child["metadata"][field].take();
        }
        all[format!("{kind:?}")] = child;
    }
    Ok(all)
}

async fn missing_optional_reference_is_no_problem(lab: &Lab) -> Result<()> {
    let spec = json!({ "config": { "envFrom": [{ "secretRef": { "name": "nowhere", "optional": true } }] } });
    let _operator = lab.running("demo", &spec).await?;
    Ok(())
}

async fn changed_config_map_rolls_its_server_and_no_other(lab: &Lab) -> Result<()> {
    lab.apply(&config_map("settings", "A", "1")).await?;
    lab.apply(&config_map("others", "A", "1")).await?;
    let _operator = lab.running("demo", &uses("settings")).await?;
    lab.apply(&server("other", &uses("others"))).await?;
    lab.ready("other").await?;
    let (demo, other) = (hash(lab, "demo").await?, hash(lab, "other").await?);
    ensure!(demo.is_string() && other.is_string(), "no configuration hash: {demo} {other}");
    lab.apply(&config_map("settings", "A", "2")).await?;
    within(PROMPT, "the hash of its server is another one", async || {
        ensure!(hash(lab, "demo").await? != demo, "it is the same");
        Ok(())
    })
    .await?;
    within(LONG, "its pods are replaced", async || {
        let sets = lab.list(Kind::ReplicaSet, "mcp-server=demo").await?.len();
        ensure!(sets == 2, "there are {sets} ReplicaSets");
        Ok(())
    })
    .await?;
    ensure!(hash(lab, "other").await? == other, "the other server was rolled");
    ensure!(lab.list(Kind::ReplicaSet, "mcp-server=other").await?.len() == 1, "the other server was rolled");
    Ok(())
}

async fn changed_secret_rolls_its_server(lab: &Lab) -> Result<()> {
    lab.apply(&secret("token", "A", "1")).await?;
    let _operator =
        lab.running("demo", &json!({ "config": { "envFrom": [{ "secretRef": { "name": "token" } }] } })).await?;
    let before = hash(lab, "demo").await?;
    lab.apply(&secret("token", "A", "2")).await?;
    within(PROMPT, "the hash of its server is another one", async || {
        ensure!(hash(lab, "demo").await? != before, "it is the same");
        Ok(())
    })
    .await
}

fn uses(config_map: &str) -> Value {
    json!({ "config": { "envFrom": [{ "configMapRef": { "name": config_map } }] } })
}

async fn hash(lab: &Lab, server: &str) -> Result<Value> {
    let mut deployment = lab.get(Kind::Deployment, server).await?;
    Ok(deployment["spec"]["template"]["metadata"]["annotations"]["mcp.x-k8s.io/config-hash"].take())
}

/// Pods wait for it, and it may come at any time; so it is a warning.
async fn missing_key_is_warned_of_until_it_comes(lab: &Lab) -> Result<()> {
    lab.apply(&config_map("settings", "A", "1")).await?;
    let key = json!({ "name": "settings", "key": "B" });
    let spec = json!({ "config": { "env": [{ "name": "B", "valueFrom": { "configMapKeyRef": key } }] } });
    let operator = lab.running("demo", &spec).await?;
    let warning = "spec.config.env[0].valueFrom.configMapKeyRef.key: ConfigMap settings has no key B";
    lab.message("demo", PROMPT, "Accepted", &[warning]).await?;
    operator.terminate().await?;
    let _operator = lab.operator(&["--verify", "false"]).await?;
    lab.message("demo", PROMPT, "Accepted", &[warning]).await?;
    lab.apply(&config_map("settings", "B", "1")).await?;
    lab.message("demo", PROMPT, "Accepted", &["the spec is valid"]).await.map(drop)
}
