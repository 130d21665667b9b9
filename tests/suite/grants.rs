//! What RenderPlugins are granted: further kinds, with the rights for them, a StatefulSet in place of the Deployment, and what
//! becomes of all that when the plugin goes. By the plugins in `plugins/`, which `make plugins` builds.

use anyhow::{Context as _, Result, ensure};
use cluster_tests::command::kubectl_with;
use cluster_tests::manifests::server;
use cluster_tests::{Kind, LONG, Lab, PROMPT, Test, condition, trial, within};
use serde_json::{Value, json};

use crate::plugin::{Plugin, delete, operator};

pub fn tests() -> Vec<Test> {
    vec![
        trial(missing_right_is_named_as_a_rule_and_the_plugin_goes_on_when_it_comes),
        trial(unknown_kind_is_named_until_its_definition_is_there),
        trial(kind_that_gives_rights_cannot_be_granted),
        trial(stateful_set_takes_the_place_of_the_deployment_and_storage_stays),
        trial(object_of_a_granted_kind_is_repaired_and_one_of_somebody_else_left_alone),
        trial(object_of_a_granted_kind_goes_though_its_plugin_was_deleted_meanwhile),
    ]
}

const BUDGET: [&str; 3] = ["policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"];
const STATEFUL_SET: [&str; 3] = ["apps/v1", "StatefulSet", "statefulsets"];

/// Gives the operator of this namespace the rights for a kind, as an administrator would: by a ClusterRole with the label that
/// the operator's own role collects.
pub async fn allow(lab: &Lab, [api_version, kind, plural]: [&str; 3]) -> Result<()> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let mut metadata = lab.lives_as_long(&format!("{}-{}", lab.namespace(), kind.to_lowercase())).await?;
    metadata["labels"] = json!({ "render.mcp.x-k8s.io/aggregate-to-operator": "true" });
    let verbs = ["create", "delete", "get", "list", "patch", "watch"];
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata,
        "rules": [{ "apiGroups": [group], "resources": [plural], "verbs": verbs }],
    });
    kubectl_with(&role.to_string(), &["create", "-f", "-"]).await?;
    lab.bind_grants("operator").await
}

pub fn granted(kinds: &[[&str; 3]]) -> Value {
    let kinds: Vec<_> =
        kinds.iter().map(|[api_version, kind, _]| json!({ "apiVersion": api_version, "kind": kind })).collect();
    json!({ "grants": { "kinds": kinds } })
}

fn spread(lab: &Lab) -> Result<Plugin<'_>> {
    Ok(Plugin::new(lab, &lab.plugin("spread")?)?.with(&granted(&[BUDGET])))
}

async fn exists(lab: &Lab, kind: Kind, expected: bool) -> Result<()> {
    within(LONG, &format!("{kind:?} demo is there: {expected}"), async || {
        ensure!(lab.find(kind, "demo").await?.is_some() == expected, "not yet");
        Ok(())
    })
    .await
}

async fn missing_right_is_named_as_a_rule_and_the_plugin_goes_on_when_it_comes(lab: &Lab) -> Result<()> {
    let _operator = operator(lab).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    lab.ready("demo").await?;
    let before = lab.get(Kind::Deployment, "demo").await?["metadata"]["generation"].take();
    let ungranted = Plugin::new(lab, &lab.plugin("spread")?)?;
    ungranted.apply().await?;
    let seen = ungranted.until("SelfTested", "False RenderRejected").await?;
    let message = condition(&seen, "SelfTested")["message"].as_str().unwrap_or_default();
    ensure!(message.contains("policy/v1 PodDisruptionBudget was not granted to this plugin"), "{message}");

    let plugin = spread(lab)?;
    plugin.apply().await?;
    let seen = plugin.until("Granted", "False RightsMissing").await?;
    let message = condition(&seen, "Granted")["message"].as_str().unwrap_or_default();
    for words in [
        "create, delete, get, list, patch, watch poddisruptionbudgets",
        "aggregate-to-operator",
        "apiGroups: [\"policy\"]",
    ] {
        ensure!(message.contains(words), "{message}");
    }
    ensure!(lab.get(Kind::Deployment, "demo").await?["metadata"]["generation"] == before, "the server was changed");

    allow(lab, BUDGET).await?;
    plugin.until("Ready", "True Active").await?;
    exists(lab, Kind::PodDisruptionBudget, true).await?;
    let budget = lab.get(Kind::PodDisruptionBudget, "demo").await?;
    ensure!(budget["metadata"]["ownerReferences"][0]["kind"] == "MCPServer", "{budget}");
    within(PROMPT, "it is recorded", async || {
        let recorded = lab.get(Kind::Server, "demo").await?["status"]["render"]["objects"].take();
        ensure!(recorded.as_array().is_some_and(|objects| objects.len() == 4), "{recorded}");
        Ok(())
    })
    .await?;

    delete(lab).await?;
    exists(lab, Kind::PodDisruptionBudget, false).await?;
    lab.ready("demo").await.map(drop)
}

async fn unknown_kind_is_named_until_its_definition_is_there(lab: &Lab) -> Result<()> {
    let _operator = operator(lab).await?;
    let group = format!("{}.example.com", lab.namespace());
    let api_version = format!("{group}/v1");
    let wanted = granted(&[[&api_version, "Route", "routes"]]);
    let plugin = Plugin::hostile(lab, "passthrough")?.with(&wanted);
    plugin.apply().await?;
    let seen = plugin.until("Granted", "False KindUnknown").await?;
    let message = condition(&seen, "Granted")["message"].as_str().unwrap_or_default();
    ensure!(message.contains(&format!("{api_version} Route")) && message.contains("definition"), "{message}");

    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let version = json!({ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": lab.lives_as_long(&format!("routes.{group}")).await?,
        "spec": {
            "group": group, "scope": "Namespaced", "versions": [version],
            "names": { "kind": "Route", "plural": "routes", "singular": "route", "listKind": "RouteList" },
        },
    });
    allow(lab, [&api_version, "Route", "routes"]).await?;
    kubectl_with(&definition.to_string(), &["create", "-f", "-"]).await?;
    plugin.until("Ready", "True Active").await.map(drop)
}

async fn kind_that_gives_rights_cannot_be_granted(lab: &Lab) -> Result<()> {
    let _operator = operator(lab).await?;
    for (api_version, kind, words) in [
        ("rbac.authorization.k8s.io/v1", "Role", "gives rights"),
        ("v1", "Secret", "unchecked"),
        ("scheduling.k8s.io/v1", "PriorityClass", "belongs to no namespace"),
    ] {
        let plugin = Plugin::hostile(lab, "passthrough")?.with(&granted(&[[api_version, kind, ""]]));
        plugin.apply().await?;
        let seen = plugin.until("Granted", "False KindForbidden").await?;
        let message = condition(&seen, "Granted")["message"].as_str().unwrap_or_default();
        ensure!(message.contains(kind) && message.contains(words), "{message}");
        plugin.until("Ready", "False KindForbidden").await?;
    }
    Ok(())
}

async fn stateful_set_takes_the_place_of_the_deployment_and_storage_stays(lab: &Lab) -> Result<()> {
    let _operator = operator(lab).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    lab.ready("demo").await?;
    // The cluster makes no storage by itself, so an administrator does.
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": lab.lives_as_long(&format!("{}-volume", lab.namespace())).await?,
        "spec": {
            "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"], "hostPath": { "path": "/nowhere" },
            "storageClassName": "by-hand", "claimRef": { "namespace": lab.namespace(), "name": "data-demo-0" },
        },
    });
    kubectl_with(&volume.to_string(), &["create", "-f", "-"]).await?;
    allow(lab, STATEFUL_SET).await?;
    let plugin = Plugin::new(lab, &lab.plugin("stateful")?)?
        .with(&granted(&[STATEFUL_SET]))
        .with(&json!({ "parameters": { "storageClassName": "by-hand" } }));
    plugin.ready().await?;
    exists(lab, Kind::Deployment, false).await?;
    exists(lab, Kind::StatefulSet, true).await?;
    lab.until("demo", LONG, &[("phase", "Running"), ("Available", "True Available")]).await?;

    // It scales as a Deployment does, and gives the number away as one does.
    lab.apply(&server("demo", &json!({ "runtime": { "replicas": 0 } }))).await?;
    lab.until("demo", LONG, &[("phase", "ScaledToZero"), ("Ready", "True ScaledToZero")]).await?;
    lab.apply(&server("demo", &json!({ "runtime": { "replicas": 1 } }))).await?;
    lab.until("demo", LONG, &[("phase", "Running")]).await?;

    delete(lab).await?;
    exists(lab, Kind::StatefulSet, false).await?;
    exists(lab, Kind::Deployment, true).await?;
    lab.ready("demo").await?;
    let claims = lab.list(Kind::PersistentVolumeClaim, "mcp-server=demo").await?;
    ensure!(claims.len() == 1, "storage went with the plugin: {claims:?}");
    Ok(())
}

async fn object_of_a_granted_kind_is_repaired_and_one_of_somebody_else_left_alone(lab: &Lab) -> Result<()> {
    let _operator = operator(lab).await?;
    allow(lab, BUDGET).await?;
    let foreign = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "taken" },
        "spec": { "maxUnavailable": 2, "selector": { "matchLabels": { "app": "other" } } },
    });
    lab.create(&foreign).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    lab.apply(&server("taken", &json!({}))).await?;
    spread(lab)?.ready().await?;

    lab.until("taken", LONG, &[("phase", "Failed"), ("Available", "False ObjectUnavailable")]).await?;
    lab.message("taken", PROMPT, "Available", &["PodDisruptionBudget taken", "no controller", "left alone"]).await?;
    let untouched = lab.get(Kind::PodDisruptionBudget, "taken").await?;
    ensure!(untouched["spec"] == foreign["spec"] && untouched["metadata"]["labels"].is_null(), "{untouched}");

    exists(lab, Kind::PodDisruptionBudget, true).await?;
    lab.patch(Kind::PodDisruptionBudget, "demo", &json!({ "spec": { "maxUnavailable": 5 } })).await?;
    within(PROMPT, "the budget is what it was", async || {
        let budget = lab.get(Kind::PodDisruptionBudget, "demo").await?["spec"]["maxUnavailable"].take();
        ensure!(budget == 1, "it is {budget}");
        Ok(())
    })
    .await?;
    lab.delete(Kind::PodDisruptionBudget, "demo").await?;
    exists(lab, Kind::PodDisruptionBudget, true).await
}

async fn object_of_a_granted_kind_goes_though_its_plugin_was_deleted_meanwhile(lab: &Lab) -> Result<()> {
    let first = operator(lab).await?;
    allow(lab, BUDGET).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    spread(lab)?.ready().await?;
    exists(lab, Kind::PodDisruptionBudget, true).await?;
    first.terminate().await?;
    delete(lab).await?;

    let _second = operator(lab).await?;
    exists(lab, Kind::PodDisruptionBudget, false).await?;
    let chain = lab.get(Kind::Server, "demo").await?["status"]["render"]["chain"].take();
    ensure!(chain.as_str().context("a chain")?.starts_with("default@"), "{chain}");
    Ok(())
}
