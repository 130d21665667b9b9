//! Switching from the previous operator of MCPServers, and back: no pod is restarted, and what the user removes later goes.

mod previous;

use anyhow::{Context as _, Result, ensure};
use cluster_tests::command::kubectl_with;
use cluster_tests::manifests::{config_map, server};
use cluster_tests::{Kind, LONG, Lab, Operator, PROMPT, Test, condition, trial, within};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        trial(taking_over_restarts_no_pod),
        trial(what_the_user_removes_after_the_takeover_goes),
        trial(what_the_user_removed_before_the_takeover_goes),
        trial(fields_of_others_survive_the_takeover),
        trial(status_of_the_previous_operator_is_ours_alone_afterwards),
        trial(the_previous_operator_can_come_back_and_go_again),
    ]
}

/// A server that uses much of what can be given.
fn spec() -> Value {
    json!({
        "extraLabels": { "team": "maps" },
        "extraAnnotations": { "note": "x" },
        "config": {
            "arguments": ["--verbose"],
            "env": [{ "name": "FIRST", "value": "1" }, { "name": "SECOND", "value": "2" }],
            "storage": [{ "path": "/etc/demo", "source": { "type": "ConfigMap", "configMap": { "name": "settings" } } }],
        },
        "runtime": { "security": { "serviceAccountName": "default", "podSecurityContext": { "runAsUser": 4711 } } },
    })
}

/// The same server when its author wants nothing of that any more.
fn bare() -> Value {
    json!({})
}

async fn taking_over_restarts_no_pod(lab: &Lab) -> Result<()> {
    left_by_previous(lab, &spec()).await?;
    let before = lives(lab).await?;
    let _operator = take_over(lab).await?;
    let after = lives(lab).await?;
    println!("before the takeover {before}\nafter the takeover  {after}");
    ensure!(before == after, "something moved: before {before}, after {after}");
    for kind in Kind::CHILDREN {
        let writers = writers(&lab.get(kind, "demo").await?);
        ensure!(writers.contains(&"mcp-operator Apply".to_owned()), "{kind:?}: {writers:?}");
    }
    let deployment = lab.get(Kind::Deployment, "demo").await?;
    for annotation in previous::TRACKING {
        ensure!(deployment["metadata"]["annotations"][annotation].is_string(), "{annotation} is gone");
    }
    Ok(())
}

async fn what_the_user_removes_after_the_takeover_goes(lab: &Lab) -> Result<()> {
    left_by_previous(lab, &spec()).await?;
    let _operator = take_over(lab).await?;
    lab.apply(&server("demo", &bare())).await?;
    is_bare(lab).await
}

/// While no operator ran.
async fn what_the_user_removed_before_the_takeover_goes(lab: &Lab) -> Result<()> {
    left_by_previous(lab, &spec()).await?;
    lab.apply(&server("demo", &bare())).await?;
    let _operator = take_over(lab).await?;
    is_bare(lab).await
}

/// Among them another controller of the same common name.
async fn fields_of_others_survive_the_takeover(lab: &Lab) -> Result<()> {
    left_by_previous(lab, &spec()).await?;
    let mut deployment = lab.get(Kind::Deployment, "demo").await?;
    let sidecar = json!({ "name": "mesh", "image": "localhost/probe:1", "args": ["silent"] });
    let pod = &mut deployment["spec"]["template"]["spec"];
    pod["containers"].as_array_mut().context("containers")?.push(sidecar);
    deployment["spec"]["replicas"] = 2.into();
    deployment["metadata"]["labels"]["cost-centre"] = "7".into();
    write_as_previous("replace", &deployment).await?;
    let _operator = take_over_and_strip(lab).await?;
    let deployment = lab.get(Kind::Deployment, "demo").await?;
    ensure!(deployment["spec"]["template"]["spec"]["containers"][1]["name"] == "mesh", "{}", deployment["spec"]);
    ensure!(deployment["spec"]["replicas"] == 2, "{}", deployment["spec"]);
    ensure!(deployment["metadata"]["labels"]["cost-centre"] == "7", "{}", deployment["metadata"]["labels"]);
    Ok(())
}

async fn status_of_the_previous_operator_is_ours_alone_afterwards(lab: &Lab) -> Result<()> {
    left_by_previous(lab, &spec()).await?;
    let _operator = take_over(lab).await?;
    let released = |found: &Value| {
        let condition = condition(found, "Programmed");
        ensure!(condition.is_null(), "a condition that nobody keeps is there: {condition}");
        let writers = writers(found);
        ensure!(!writers.contains(&"mcpserver-controller Apply".to_owned()), "{writers:?}");
        ensure!(writers.contains(&"mcp-operator-status Apply".to_owned()), "{writers:?}");
        Ok(())
    };
    lab.until_object(Kind::Server, "demo", PROMPT, released).await?;
    // The previous operator had published the same URL.
    lab.apply(&server("demo", &json!({ "runtime": { "replicas": 0 } }))).await?;
    lab.until("demo", LONG, &[("Ready", "True ScaledToZero"), ("url", "")]).await.map(drop)
}

async fn the_previous_operator_can_come_back_and_go_again(lab: &Lab) -> Result<()> {
    left_by_previous(lab, &spec()).await?;
    take_over(lab).await?.kill().await?;
    let more = json!([{ "name": "FIRST", "value": "1" }, { "name": "THIRD", "value": "3" }]);
    let mut spec = spec();
    spec["config"]["env"] = more.clone();
    lab.apply(&server("demo", &spec)).await?;
    let mut deployment = lab.get(Kind::Deployment, "demo").await?;
    deployment["spec"]["template"]["spec"]["containers"][0]["env"] = more;
    write_as_previous("replace", &deployment).await?;
    take_over_and_strip(lab).await.map(drop)
}

/// Nothing moves when it is taken over, and then everything that the author removes goes.
async fn take_over_and_strip(lab: &Lab) -> Result<Operator> {
    settled(lab).await?;
    let before = lives(lab).await?;
    let operator = take_over(lab).await?;
    ensure!(lives(lab).await? == before, "before {before}, after {}", lives(lab).await?);
    lab.apply(&server("demo", &bare())).await?;
    is_bare(lab).await?;
    Ok(operator)
}

/// A server as the previous operator leaves it: children, running pods, status.
async fn left_by_previous(lab: &Lab, spec: &Value) -> Result<()> {
    lab.fake_pods().await?;
    lab.apply(&config_map("settings", "mode", "quiet")).await?;
    let server = lab.apply(&server("demo", spec)).await?;
    for child in previous::children(&server["metadata"]["uid"]) {
        let child = in_namespace(lab, child);
        write_as_previous("create", &child).await?;
    }
    settled(lab).await?;
    let status = in_namespace(lab, previous::status(lab.namespace()));
    let arguments =
        ["apply", "--server-side", "--subresource=status", "--field-manager=mcpserver-controller", "--filename=-"];
    kubectl_with(&status.to_string(), &arguments).await.map(drop)
}

fn in_namespace(lab: &Lab, mut object: Value) -> Value {
    object["metadata"]["namespace"] = lab.namespace().into();
    object
}

/// It writes by Update.
async fn write_as_previous(verb: &str, object: &Value) -> Result<()> {
    kubectl_with(&object.to_string(), &[verb, "--field-manager=manager", "--filename=-"]).await.map(drop)
}

async fn settled(lab: &Lab) -> Result<()> {
    let settled = |deployment: &Value| {
        let (spec, status) = (&deployment["spec"], &deployment["status"]);
        let counts = ["updatedReplicas", "availableReplicas", "replicas"];
        ensure!(counts.iter().all(|count| status[count] == spec["replicas"]), "{status}");
        ensure!(status["observedGeneration"] == deployment["metadata"]["generation"], "{status}");
        Ok(())
    };
    lab.until_object(Kind::Deployment, "demo", LONG, settled).await.map(drop)
}

async fn take_over(lab: &Lab) -> Result<Operator> {
    let operator = lab.operator(&["--verify", "false"]).await?;
    let recorded = |server: &Value| {
        ensure!(server["status"]["render"]["objects"].as_array().is_some_and(|all| all.len() == 3), "no record yet");
        Ok(())
    };
    lab.until_object(Kind::Server, "demo", LONG, recorded).await?;
    lab.ready("demo").await?;
    Ok(operator)
}

/// What changes when a pod is replaced: generations, replica sets and pods.
async fn lives(lab: &Lab) -> Result<Value> {
    let mut generations = json!({});
    for kind in [Kind::Deployment, Kind::NetworkPolicy] {
        generations[format!("{kind:?}")] = lab.get(kind, "demo").await?["metadata"]["generation"].take();
    }
    let names = async |kind: Kind| -> Result<Vec<Value>> {
        let mut names: Vec<_> = lab.list(kind, "mcp-server=demo").await?;
        names.retain(|object| object["metadata"]["deletionTimestamp"].is_null());
        Ok(names.into_iter().map(|mut object| object["metadata"]["name"].take()).collect())
    };
    Ok(json!({
        "generations": generations, "replicaSets": names(Kind::ReplicaSet).await?, "pods": names(Kind::Pod).await?,
    }))
}

/// Manager and operation of each entry of `managedFields`.
fn writers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let writer = |entry: &Value| format!("{} {}", text(&entry["manager"]), text(&entry["operation"]));
    entries.into_iter().flatten().map(writer).collect()
}

/// Nothing of [`spec`] is left in any child.
async fn is_bare(lab: &Lab) -> Result<()> {
    within(PROMPT, "what the server does not give any more is gone", async || {
        for kind in Kind::CHILDREN {
            let metadata = lab.get(kind, "demo").await?["metadata"].take();
            ensure!(metadata["labels"]["team"].is_null(), "{kind:?}: {}", metadata["labels"]);
            ensure!(metadata["annotations"]["note"].is_null(), "{kind:?}: {}", metadata["annotations"]);
        }
        let template = lab.get(Kind::Deployment, "demo").await?["spec"]["template"].take();
        let (labels, annotations) = (&template["metadata"]["labels"], &template["metadata"]["annotations"]);
        ensure!(*labels == json!({ "app": "mcp-server", "mcp-server": "demo" }), "{labels}");
        ensure!(annotations.is_null() || *annotations == json!({}), "{annotations}");
        let pod = &template["spec"];
        for field in ["serviceAccountName", "serviceAccount", "volumes"] {
            ensure!(pod[field].is_null(), "{field}: {}", pod[field]);
        }
        ensure!(pod["securityContext"] == json!({}), "{}", pod["securityContext"]);
        for field in ["args", "env", "volumeMounts"] {
            ensure!(pod["containers"][0][field].is_null(), "{field}: {}", pod["containers"][0][field]);
        }
        Ok(())
    })
    .await
}
