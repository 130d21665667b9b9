//! From a manifest to a running server, through changes of every kind of field, to nothing.

use anyhow::{Result, ensure};
use cluster_tests::command::kubectl;
use cluster_tests::manifests::{config_map, image, server};
use cluster_tests::{Kind, LONG, Lab, PROMPT, Test, condition, trial, within};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        trial(real_server_becomes_ready_with_its_url_and_what_it_says_of_itself),
        trial(kubectl_get_shows_the_columns),
        trial(children_carry_the_owner_and_the_labels),
        trial(deleted_server_takes_its_children_along),
        trial(changed_image_reaches_the_deployment),
        trial(changed_arguments_reach_the_deployment),
        trial(changed_environment_reaches_the_deployment),
        trial(changed_port_reaches_all_children),
        trial(changed_resources_reach_the_deployment),
        trial(changed_storage_reaches_the_deployment),
        trial(changed_security_reaches_the_deployment),
        trial(changed_network_reaches_the_policy),
        trial(stateless_server_gets_no_session_affinity),
        trial(changed_path_reaches_the_url),
        trial(label_that_is_no_longer_wanted_goes_from_all_children),
        trial(replicas_can_be_set_scaled_to_zero_and_left_to_others),
        trial(paused_server_is_not_written_to_until_it_is_resumed),
    ]
}

async fn real_server_becomes_ready_with_its_url_and_what_it_says_of_itself(lab: &Lab) -> Result<()> {
    lab.needs_to_be_inside()?;
    let _operator = lab.operator(&[]).await?;
    let example = include_str!("../../examples/minimal.yaml");
    lab.apply(&yaml_serde::from_str(example)?).await?;
    let url = format!("http://everything.{}.svc.cluster.local:3001/mcp", lab.namespace());
    let expected = [
        ("phase", "Running"),
        ("Accepted", "True Valid"),
        ("Rendered", "True Rendered"),
        ("Available", "True Available"),
        ("Verified", "True Verified"),
        ("Ready", "True DeploymentReady"),
        ("url", url.as_str()),
    ];
    let ready = lab.until("everything", LONG, &expected).await?;
    let status = &ready["status"];
    ensure!(status["serverInfo"]["name"] == "mcp-servers/everything", "{}", status["serverInfo"]);
    ensure!(status["serverInfo"]["capabilities"]["tools"] == true, "{}", status["serverInfo"]);
    ensure!(status["deploymentName"] == "everything" && status["serviceName"] == "everything", "{status}");
    Ok(())
}

async fn kubectl_get_shows_the_columns(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({})).await?;
    let columns = async |resource: &str, wide: &[&str]| {
        let all = [&["get", resource, "--namespace", lab.namespace()], wide].concat();
        let table = kubectl(&all).await?;
        let heads: Vec<String> = table.lines().next().unwrap_or_default().split_whitespace().map(Into::into).collect();
        ensure!(table.contains("localhost/mcp-stateless:1"), "{table}");
        Ok(heads.join(" "))
    };
    let beta = "NAME PHASE ACCEPTED AVAILABLE VERIFIED IMAGE PORT ADDRESS AGE";
    let alpha = "NAME READY ACCEPTED IMAGE PORT ADDRESS AGE";
    let checks = [
        ("mcpservers", &[][..], beta),
        ("mcpservers", &["-o", "wide"][..], "NAME PHASE ACCEPTED AVAILABLE VERIFIED IMAGE PORT ADDRESS PLUGINS AGE"),
        ("mcpservers.v1alpha1.mcp.x-k8s.io", &[][..], alpha),
    ];
    for (resource, wide, expected) in checks {
        let found = columns(resource, wide).await?;
        ensure!(found == expected, "kubectl get {resource} {wide:?} shows: {found}");
    }
    Ok(())
}

async fn children_carry_the_owner_and_the_labels(lab: &Lab) -> Result<()> {
    let _operator =
        lab.running("demo", &json!({ "extraLabels": { "team": "maps" }, "extraAnnotations": { "note": "x" } })).await?;
    let owner = lab.get(Kind::Server, "demo").await?;
    for kind in Kind::CHILDREN {
        let metadata = lab.get(kind, "demo").await?["metadata"].take();
        let expected = json!([{
            "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer", "name": "demo", "uid": owner["metadata"]["uid"],
            "controller": true, "blockOwnerDeletion": true,
        }]);
        ensure!(metadata["ownerReferences"] == expected, "{kind:?}: {}", metadata["ownerReferences"]);
        let labels = json!({ "app": "mcp-server", "mcp-server": "demo", "team": "maps" });
        ensure!(metadata["labels"] == labels, "{kind:?}: {}", metadata["labels"]);
        ensure!(metadata["annotations"]["note"] == "x", "{kind:?}: {}", metadata["annotations"]);
    }
    Ok(())
}

async fn deleted_server_takes_its_children_along(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({})).await?;
    for kind in [&[Kind::Server], &Kind::CHILDREN[..]].concat() {
        let finalizers = lab.get(kind, "demo").await?["metadata"]["finalizers"].take();
        ensure!(finalizers.is_null(), "{kind:?} has finalizers: {finalizers}");
    }
    lab.delete(Kind::Server, "demo").await?;
    within(LONG, "the server, its children and its pods are gone", async || {
        for kind in [Kind::Server, Kind::Deployment, Kind::Service, Kind::NetworkPolicy, Kind::ReplicaSet, Kind::Pod] {
            let left = lab.list(kind, "").await?;
            ensure!(left.is_empty(), "{} of kind {kind:?} are left", left.len());
        }
        Ok(())
    })
    .await
}

async fn changed_image_reaches_the_deployment(lab: &Lab) -> Result<()> {
    let change = json!({ "source": image("localhost/mcp-misbehaving:1") });
    reaches(lab, change, Kind::Deployment, &format!("{CONTAINER}/image"), json!("localhost/mcp-misbehaving:1")).await
}

async fn changed_arguments_reach_the_deployment(lab: &Lab) -> Result<()> {
    let change = json!({ "config": { "arguments": ["--verbose", "two words"] } });
    reaches(lab, change, Kind::Deployment, &format!("{CONTAINER}/args"), json!(["--verbose", "two words"])).await
}

async fn changed_environment_reaches_the_deployment(lab: &Lab) -> Result<()> {
    let change = json!({ "config": { "env": [{ "name": "MODE", "value": "quiet" }] } });
    let expected = json!([{ "name": "MODE", "value": "quiet" }]);
    reaches(lab, change, Kind::Deployment, &format!("{CONTAINER}/env"), expected).await
}

async fn changed_port_reaches_all_children(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({})).await?;
    lab.apply(&server("demo", &json!({ "config": { "port": 9090 } }))).await?;
    reached(lab, Kind::Deployment, &format!("{CONTAINER}/ports/0/containerPort"), 9090.into()).await?;
    reached(lab, Kind::Service, "/spec/ports/0/port", 9090.into()).await?;
    reached(lab, Kind::NetworkPolicy, "/spec/ingress/0/ports/0/port", 9090.into()).await?;
    let url = format!("http://demo.{}.svc.cluster.local:9090/mcp", lab.namespace());
    lab.until("demo", LONG, &[("url", &url)]).await.map(drop)
}

async fn changed_resources_reach_the_deployment(lab: &Lab) -> Result<()> {
    let change = json!({ "runtime": { "resources": { "limits": { "memory": "1Gi" } } } });
    // The API server completes requests from limits, as it does for every pod.
    reaches(lab, change, Kind::Deployment, &format!("{CONTAINER}/resources/limits"), json!({ "memory": "1Gi" })).await
}

async fn changed_storage_reaches_the_deployment(lab: &Lab) -> Result<()> {
    lab.apply(&config_map("settings", "a", "1")).await?;
    let storage =
        json!([{ "path": "/etc/demo", "source": { "type": "ConfigMap", "configMap": { "name": "settings" } } }]);
    let expected = json!([{ "name": "vol-0", "mountPath": "/etc/demo", "readOnly": true }]);
    let change = json!({ "config": { "storage": storage } });
    reaches(lab, change, Kind::Deployment, &format!("{CONTAINER}/volumeMounts"), expected).await
}

async fn changed_security_reaches_the_deployment(lab: &Lab) -> Result<()> {
    let change = json!({ "runtime": { "security": { "podSecurityContext": { "runAsUser": 4711 } } } });
    let path = "/spec/template/spec/securityContext";
    reaches(lab, change, Kind::Deployment, path, json!({ "runAsUser": 4711 })).await
}

async fn changed_network_reaches_the_policy(lab: &Lab) -> Result<()> {
    let peer = json!([{ "podSelector": { "matchLabels": { "app": "gateway" } } }]);
    let change = json!({ "network": { "ingressFrom": peer } });
    reaches(lab, change, Kind::NetworkPolicy, "/spec/ingress/0/from", peer).await
}

async fn stateless_server_gets_no_session_affinity(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({})).await?;
    reached(lab, Kind::Service, "/spec/sessionAffinity", json!("ClientIP")).await?;
    lab.apply(&server("demo", &json!({ "mcp": { "stateless": true } }))).await?;
    reached(lab, Kind::Service, "/spec/sessionAffinity", json!("None")).await
}

async fn changed_path_reaches_the_url(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({})).await?;
    lab.apply(&server("demo", &json!({ "config": { "path": "/v2/mcp" } }))).await?;
    let url = format!("http://demo.{}.svc.cluster.local:8080/v2/mcp", lab.namespace());
    lab.until("demo", PROMPT, &[("Ready", "True DeploymentReady"), ("url", &url)]).await.map(drop)
}

async fn label_that_is_no_longer_wanted_goes_from_all_children(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({ "extraLabels": { "team": "maps", "tier": "gold" } })).await?;
    lab.apply(&server("demo", &json!({ "extraLabels": { "team": "maps" } }))).await?;
    let labels = json!({ "app": "mcp-server", "mcp-server": "demo", "team": "maps" });
    for kind in Kind::CHILDREN {
        reached(lab, kind, "/metadata/labels", labels.clone()).await?;
    }
    reached(lab, Kind::Deployment, "/spec/template/metadata/labels", labels).await
}

async fn replicas_can_be_set_scaled_to_zero_and_left_to_others(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({ "runtime": { "replicas": 2 } })).await?;
    reached(lab, Kind::Deployment, "/spec/replicas", 2.into()).await?;
    lab.apply(&server("demo", &json!({ "runtime": { "replicas": 0 } }))).await?;
    let asleep =
        [("phase", "ScaledToZero"), ("Available", "True ScaledToZero"), ("Ready", "True ScaledToZero"), ("url", "")];
    lab.until("demo", LONG, &asleep).await?;
    lab.apply(&server("demo", &json!({ "runtime": { "replicas": 3 } }))).await?;
    lab.ready("demo").await?;
    lab.apply(&server("demo", &json!({}))).await?;
    let ready = lab.ready("demo").await?;
    ensure!(
        ready["status"]["replicas"] == 3,
        "the number that lived was not handed over: {}",
        ready["status"]["replicas"]
    );
    Ok(())
}

async fn paused_server_is_not_written_to_until_it_is_resumed(lab: &Lab) -> Result<()> {
    let _operator = lab.running("demo", &json!({})).await?;
    let pause = |value: Value| json!({ "metadata": { "annotations": { "render.mcp.x-k8s.io/paused": value } } });
    lab.patch(Kind::Server, "demo", &pause("true".into())).await?;
    lab.message("demo", PROMPT, "Ready", &["paused"]).await?;
    lab.apply(&server("demo", &json!({ "config": { "port": 9090 } }))).await?;
    lab.delete(Kind::Service, "demo").await?;
    // The status about the new spec shows that the change was seen.
    lab.until("demo", PROMPT, &[("Accepted", "True Valid")]).await?;
    ensure!(lab.find(Kind::Service, "demo").await?.is_none(), "the Service of a paused server was created");
    let deployment = lab.get(Kind::Deployment, "demo").await?;
    ensure!(deployment.pointer(&format!("{CONTAINER}/ports/0/containerPort")) == Some(&8080.into()), "{deployment}");
    lab.patch(Kind::Server, "demo", &pause(Value::Null)).await?;
    reached(lab, Kind::Service, "/spec/ports/0/port", 9090.into()).await?;
    let resumed = |server: &Value| {
        let message = condition(server, "Ready")["message"].to_string();
        ensure!(!message.contains("paused"), "it still says {message}");
        Ok(())
    };
    lab.until_object(Kind::Server, "demo", PROMPT, resumed).await.map(drop)
}

const CONTAINER: &str = "/spec/template/spec/containers/0";

/// A running server gets a change of its spec, and then the field at `path` of a child is this, promptly.
async fn reaches(lab: &Lab, change: Value, kind: Kind, path: &str, expected: Value) -> Result<()> {
    let _operator = lab.running("demo", &json!({})).await?;
    ensure!(lab.get(kind, "demo").await?.pointer(path) != Some(&expected), "{path} is so without the change");
    lab.apply(&server("demo", &change)).await?;
    reached(lab, kind, path, expected).await?;
    lab.ready("demo").await.map(drop)
}

async fn reached(lab: &Lab, kind: Kind, path: &str, expected: Value) -> Result<()> {
    let check = |object: &Value| {
        let found = object.pointer(path);
        ensure!(found == Some(&expected), "{path} is {found:?} instead of {expected}");
        Ok(())
    };
    lab.until_object(kind, "demo", PROMPT, check).await.map(drop)
}
