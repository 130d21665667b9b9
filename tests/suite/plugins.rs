//! The default plugin replaced: by hostile ones, which are contained, and by another policy, there and back.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use cluster_tests::manifests::server;
use cluster_tests::{Kind, LONG, Lab, PROMPT, Test, condition, trial, within};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        trial(endless_plugin_is_contained),
        trial(crashing_plugin_is_contained),
        trial(memory_hungry_plugin_is_contained),
        trial(flooding_plugin_is_contained),
        trial(plugin_that_grabs_rights_is_contained),
        trial(failing_plugin_leaves_the_old_objects_serving),
        trial(component_that_is_no_plugin_ends_the_operator_with_a_reason),
        trial(servers_follow_another_policy_and_back),
    ]
}

async fn endless_plugin_is_contained(lab: &Lab) -> Result<()> {
    is_contained(
        lab,
        hostile_plugins::component("loop"),
        "RenderFailed",
        &["did not answer within", "these are my last words"],
    )
    .await
}

async fn crashing_plugin_is_contained(lab: &Lab) -> Result<()> {
    is_contained(
        lab,
        hostile_plugins::component("trap"),
        "RenderFailed",
        &["crashed", "unreachable", "these are my last words"],
    )
    .await
}

async fn memory_hungry_plugin_is_contained(lab: &Lab) -> Result<()> {
    is_contained(lab, hostile_plugins::component("memory"), "RenderFailed", &["ran out of memory", "64 MiB"]).await
}

async fn flooding_plugin_is_contained(lab: &Lab) -> Result<()> {
    is_contained(lab, hostile_plugins::component("output-flood"), "RenderFailed", &["too large", "1 MiB"]).await
}

async fn plugin_that_grabs_rights_is_contained(lab: &Lab) -> Result<()> {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "demo" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "kind": "ServiceAccount", "name": "default", "namespace": lab.namespace() }],
    });
    let mut objects = other_policy();
    objects.push(("extra", binding.to_string()));
    is_contained(
        lab,
        hostile_plugins::answering(&objects),
        "RenderRejected",
        &["ClusterRoleBinding", "is never a plugin's to write"],
    )
    .await
}

/// An operator with this plugin says what is wrong and applies nothing, while a neighbour serves on.
async fn is_contained(lab: &Lab, plugin: Vec<u8>, reason: &str, message: &[&str]) -> Result<()> {
    let neighbour = lab.second_namespace().await?;
    let _neighbours_operator = neighbour.running("quiet", &json!({})).await?;
    let operator = start(lab, &component(lab, "hostile", &plugin)?).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    let failed = format!("False {reason}");
    let expected = [
        ("phase", "Failed"),
        ("Accepted", "True Valid"),
        ("Rendered", failed.as_str()),
        ("Available", "Unknown Initializing"),
        ("Verified", "Unknown NotVerified"),
        ("Ready", failed.as_str()),
        ("url", ""),
    ];
    let status = lab.until("demo", LONG, &expected).await?;
    let said = condition(&status, "Rendered")["message"].as_str().unwrap_or_default();
    ensure!(message.iter().all(|part| said.contains(part)), "the message lacks some of {message:?}: {said}");
    for kind in Kind::CHILDREN {
        let applied = lab.list(kind, "").await?.len();
        ensure!(applied == 0, "{applied} of kind {kind:?} were applied");
    }
    operator.until_metrics_tell(&["mcpserver_condition_info{"]).await?;
    neighbour.apply(&server("quiet", &json!({ "extraLabels": { "still": "working" } }))).await?;
    neighbour.until("quiet", PROMPT, &[("Ready", "True DeploymentReady")]).await.map(drop)
}

async fn failing_plugin_leaves_the_old_objects_serving(lab: &Lab) -> Result<()> {
    let good = lab.running("demo", &json!({})).await?;
    let before = lab.get(Kind::Deployment, "demo").await?;
    good.terminate().await?;
    let _bad = start(lab, &component(lab, "trap", &hostile_plugins::component("trap"))?).await?;
    lab.apply(&server("demo", &json!({ "config": { "port": 9090 } }))).await?;
    let expected = [
        ("phase", "Degraded"),
        ("Accepted", "True Valid"),
        ("Rendered", "False RenderFailed"),
        ("Available", "True Available"),
        ("Ready", "True DeploymentReady"),
    ];
    lab.until("demo", LONG, &expected).await?;
    let after = lab.get(Kind::Deployment, "demo").await?;
    ensure!(after["spec"] == before["spec"], "the Deployment was changed: {}", after["spec"]);
    Ok(())
}

async fn component_that_is_no_plugin_ends_the_operator_with_a_reason(lab: &Lab) -> Result<()> {
    let file = component(lab, "garbage", &hostile_plugins::component("garbage"))?;
    let kubeconfig = lab.account("operator").await?;
    lab.bind("operator").await?;
    let flags = ["--namespaces", lab.namespace(), "--default-plugin", &file];
    let mut operator = lab.operator_as(&kubeconfig, &flags).await?;
    let status = operator.exit().await?;
    ensure!(status.code() == Some(1), "{status}");
    let log = operator.log();
    ensure!(log.contains("error: ") && log.contains("garbage.wasm"), "{log}");
    Ok(())
}

async fn servers_follow_another_policy_and_back(lab: &Lab) -> Result<()> {
    let default = lab.running("demo", &json!({})).await?;
    let chain =
        async || Ok::<_, anyhow::Error>(lab.get(Kind::Server, "demo").await?["status"]["render"]["chain"].take());
    let label = async |expected: Value| {
        within(PROMPT, &format!("the policy's label is {expected}"), async || {
            for kind in Kind::CHILDREN {
                let object = lab.get(kind, "demo").await?;
                let found = &object["metadata"]["labels"]["policy"];
                ensure!(*found == expected, "{kind:?} has {found}");
            }
            Ok(())
        })
        .await
    };
    let mut uids = Vec::new();
    for kind in Kind::CHILDREN {
        uids.push(lab.get(kind, "demo").await?["metadata"]["uid"].take());
    }
    let before = chain().await?;
    default.terminate().await?;

    let other = start(lab, &component(lab, "other", &hostile_plugins::answering(&other_policy()))?).await?;
    label("other".into()).await?;
    lab.ready("demo").await?;
    let changed = chain().await?;
    ensure!(changed != before && changed.as_str().is_some_and(|chain| chain.contains('@')), "{before} {changed}");
    other.terminate().await?;

    let _default = lab.operator(&["--verify", "false"]).await?;
    label(Value::Null).await?;
    lab.ready("demo").await?;
    ensure!(chain().await? == before, "the way back ends at {}", chain().await?);
    for (kind, uid) in Kind::CHILDREN.iter().zip(uids) {
        ensure!(lab.get(*kind, "demo").await?["metadata"]["uid"] == uid, "{kind:?} was replaced");
    }
    Ok(())
}

/// A policy that knows one server, `demo`, and labels all its objects.
pub fn other_policy() -> Vec<(&'static str, String)> {
    let metadata = json!({ "name": "demo", "labels": { "policy": "other" } });
    let selector = json!({ "mcp-server": "demo" });
    let container = json!({
        "name": "mcp-server", "image": "localhost/mcp-stateless:1", "ports": [{ "name": "mcp", "containerPort": 8080 }],
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
            "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" },
        },
    });
    let template = json!({ "metadata": { "labels": selector }, "spec": { "containers": [container] } });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": { "selector": { "matchLabels": selector }, "template": template },
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": metadata,
        "spec": { "selector": selector, "ports": [{ "name": "mcp", "port": 8080, "targetPort": "mcp" }] },
    });
    let policy = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata,
        "spec": {
            "podSelector": { "matchLabels": selector }, "policyTypes": ["Ingress", "Egress"],
            "ingress": [{ "ports": [{ "port": 8080, "protocol": "TCP" }] }], "egress": [{}],
        },
    });
    [("workload", deployment), ("service", service), ("network-policy", policy)]
        .map(|(slot, object)| (slot, object.to_string()))
        .to_vec()
}

/// Writes a component to a file and returns its path.
fn component(lab: &Lab, name: &str, bytes: &[u8]) -> Result<String> {
    let file: PathBuf = lab.folder().join(format!("{name}.wasm"));
    std::fs::write(&file, bytes)?;
    Ok(file.display().to_string())
}

async fn start(lab: &Lab, plugin: &str) -> Result<cluster_tests::Operator> {
    lab.fake_pods().await?;
    lab.operator(&["--verify", "false", "--default-plugin", plugin]).await
}
