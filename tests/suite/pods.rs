//! Real pods that fail: the status explains it, and a mended image recovers.

use anyhow::{Result, ensure};
use cluster_tests::manifests::{image, server};
use cluster_tests::{Kind, LONG, Lab, Operator, Test, condition, looks, trial, within};
use serde_json::{Value, json};

use crate::plugins::other_policy;

pub fn tests() -> Vec<Test> {
    vec![
        trial(image_that_cannot_be_pulled_is_named_and_a_good_one_recovers),
        trial(pull_that_fails_again_and_again_is_told_once),
        trial(image_that_wants_credentials_is_named_and_gets_them),
        trial(image_that_may_not_be_pulled_is_named),
        trial(crash_is_told_with_its_exit_code),
        trial(memory_limit_is_told),
        trial(failing_health_check_is_told_when_it_begins_and_recovers),
        trial(missing_key_is_told),
        trial(mount_of_a_missing_optional_object_starts),
        trial(init_container_of_a_plugin_that_fails_is_told),
        trial(pod_that_no_node_takes_is_told),
        trial(what_a_kubelet_says_of_containers_that_cannot_start_is_told),
        trial(evicted_pod_is_told_until_another_serves),
        trial(broken_update_leaves_the_running_server_degraded_and_ready),
    ]
}

const FAILED: [(&str, &str); 7] = [
    ("phase", "Failed"),
    ("Accepted", "True Valid"),
    ("Rendered", "True Rendered"),
    ("Available", "False DeploymentUnavailable"),
    ("Verified", "Unknown NotVerified"),
    ("Ready", "False DeploymentUnavailable"),
    ("url", ""),
];

async fn image_that_cannot_be_pulled_is_named_and_a_good_one_recovers(lab: &Lab) -> Result<()> {
    let _operator = fails(lab, json!({ "source": image("localhost/no-such-image:1") })).await?;
    lab.message("demo", LONG, "Ready", &["localhost/no-such-image:1", "pod demo-"]).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    lab.ready("demo").await.map(drop)
}

/// The kubelet tells each attempt, and each wait between two, in other words.
async fn pull_that_fails_again_and_again_is_told_once(lab: &Lab) -> Result<()> {
    let mut history = lab.history("demo");
    let _operator = fails(lab, json!({ "source": image("localhost/no-such-image:1") })).await?;
    for reason in ["ErrImagePull", "ImagePullBackOff", "ErrImagePull", "ImagePullBackOff"] {
        within(LONG, &format!("the kubelet says {reason}"), async || {
            let pods = lab.list(Kind::Pod, "mcp-server=demo").await?;
            let found = &pods[0]["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
            ensure!(found == reason, "it says {found}");
            Ok(())
        })
        .await?;
    }
    let versions = history.versions().await?;
    let failed: Vec<_> =
        versions.iter().map(|server| condition(server, "Ready")).filter(|ready| ready["status"] == "False").collect();
    ensure!(failed.len() == 1, "it was written {} times: {failed:#?}", failed.len());
    Ok(())
}

async fn image_that_wants_credentials_is_named_and_gets_them(lab: &Lab) -> Result<()> {
    let _operator = fails(lab, json!({ "source": image("private.localhost/probe:1") })).await?;
    let words = ["private.localhost/probe:1", "ErrImagePull", "authorization failed", "pod demo-"];
    lab.message("demo", LONG, "Ready", &words).await?;
    let config = json!({ "auths": { "private.localhost": { "username": "user", "password": "pass" } } });
    lab.apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "pull" }, "type": "kubernetes.io/dockerconfigjson",
        "stringData": { ".dockerconfigjson": config.to_string() },
    }))
    .await?;
    let mut source = image("private.localhost/probe:1");
    source["containerImage"]["imagePullSecrets"] = json!([{ "name": "pull" }]);
    lab.apply(&server("demo", &json!({ "source": source }))).await?;
    lab.ready("demo").await.map(drop)
}

async fn image_that_may_not_be_pulled_is_named(lab: &Lab) -> Result<()> {
    let mut source = image("localhost/no-such-image:1");
    source["containerImage"]["pullPolicy"] = "Never".into();
    let _operator = fails(lab, json!({ "source": source })).await?;
    let words = ["localhost/no-such-image:1", "ErrImageNeverPull", "pod demo-"];
    lab.message("demo", LONG, "Ready", &words).await.map(drop)
}

async fn crash_is_told_with_its_exit_code(lab: &Lab) -> Result<()> {
    let _operator = fails(lab, probe(&["crash", "42"])).await?;
    lab.message("demo", LONG, "Ready", &["mcp-server", "code 42", "restarts", "pod demo-"]).await?;
    Ok(())
}

async fn memory_limit_is_told(lab: &Lab) -> Result<()> {
    let mut spec = probe(&["oom"]);
    spec["runtime"] = json!({ "resources": { "limits": { "memory": "32Mi" } } });
    let _operator = fails(lab, spec).await?;
    lab.message("demo", LONG, "Ready", &["mcp-server", "more memory than its limit"]).await?;
    Ok(())
}

/// Before it ever served it is only starting; when it served before, it is failing.
async fn failing_health_check_is_told_when_it_begins_and_recovers(lab: &Lab) -> Result<()> {
    lab.needs_to_be_inside()?;
    let operator = lab.operator(&["--verify", "false"]).await?;
    let mut spec = probe(&["serve"]);
    let check = json!({ "httpGet": { "path": "/ready", "port": 8080 }, "tcpSocket": null, "periodSeconds": 1, "failureThreshold": 1 });
    spec["runtime"] = json!({ "health": { "readinessProbe": check } });
    lab.apply(&server("demo", &spec)).await?;
    lab.ready("demo").await?;
    readiness(lab, "DELETE").await?;
    lab.until("demo", LONG, &FAILED).await?;
    lab.message("demo", LONG, "Ready", &["does not pass its health checks"]).await?;
    readiness(lab, "PUT").await?;
    lab.ready("demo").await?;
    drop(operator);
    Ok(())
}

async fn missing_key_is_told(lab: &Lab) -> Result<()> {
    lab.apply(&cluster_tests::manifests::config_map("settings", "present", "1")).await?;
    let key = json!({ "name": "settings", "key": "absent" });
    let spec = json!({ "config": { "env": [{ "name": "A", "valueFrom": { "configMapKeyRef": key } }] } });
    let _operator = fails(lab, spec).await?;
    lab.message("demo", LONG, "Ready", &["absent", "settings"]).await?;
    Ok(())
}

async fn mount_of_a_missing_optional_object_starts(lab: &Lab) -> Result<()> {
    let _operator = lab.operator(&["--verify", "false"]).await?;
    let source = json!({ "type": "Secret", "secret": { "secretName": "nowhere", "optional": true } });
    lab.apply(&server("demo", &json!({ "config": { "storage": [{ "path": "/etc/demo", "source": source }] } })))
        .await?;
    lab.ready("demo").await.map(drop)
}

async fn init_container_of_a_plugin_that_fails_is_told(lab: &Lab) -> Result<()> {
    let mut objects = other_policy();
    let mut deployment: Value = serde_json::from_str(&objects[0].1)?;
    let pod = &mut deployment["spec"]["template"]["spec"];
    let mut init = pod["containers"][0].clone();
    json_patch::merge(
        &mut init,
        &json!({ "name": "prepare", "image": "localhost/probe:1", "args": ["crash", "7"], "ports": null }),
    );
    pod["initContainers"] = json!([init]);
    objects[0].1 = deployment.to_string();
    let plugin = lab.folder().join("preparing.wasm");
    std::fs::write(&plugin, hostile_plugins::answering(&objects))?;
    let _operator = lab.operator(&["--verify", "false", "--default-plugin", &plugin.display().to_string()]).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    lab.until("demo", LONG, &FAILED).await?;
    lab.message("demo", LONG, "Ready", &["prepare", "code 7", "restarts", "pod demo-"]).await.map(drop)
}

async fn pod_that_no_node_takes_is_told(lab: &Lab) -> Result<()> {
    let resources = json!({ "requests": { "cpu": "100k" } });
    let _operator = fails(lab, json!({ "runtime": { "resources": resources } })).await?;
    lab.message("demo", LONG, "Ready", &["no node takes the pod", "Insufficient cpu", "pod demo-"]).await.map(drop)
}

/// What no real node does on demand, in a real kubelet's words.
async fn what_a_kubelet_says_of_containers_that_cannot_start_is_told(lab: &Lab) -> Result<()> {
    lab.only_fake_pods().await?;
    let _operator = lab.operator(&["--verify", "false"]).await?;
    let rows = [
        ("name", "InvalidImageName", "couldn't parse image name", "cannot pull image localhost/mcp-stateless:1"),
        ("never", "ErrImageNeverPull", "is not present with pull policy of Never", "cannot pull image localhost"),
        ("signature", "SignatureValidationFailed", "no signature of its owner", "cannot pull image localhost"),
        ("create", "CreateContainerError", "context deadline exceeded", "container cannot be started"),
        ("config", "CreateContainerConfigError", "image will run as root", "container cannot be started"),
        ("run", "RunContainerError", "exec: no such file or directory", "container cannot be started"),
    ];
    for (name, reason, message, _) in rows {
        lab.apply(&server(name, &waiting(reason, message))).await?;
    }
    for (name, _, message, words) in rows {
        lab.until(name, LONG, &FAILED).await?;
        lab.message(name, LONG, "Ready", &[words, message, &format!("pod {name}-")]).await?;
    }
    Ok(())
}

async fn evicted_pod_is_told_until_another_serves(lab: &Lab) -> Result<()> {
    lab.only_fake_pods().await?;
    let _operator = lab.operator(&["--verify", "false"]).await?;
    lab.apply(&server("demo", &waiting("ContainerCreating", ""))).await?;
    lab.until("demo", LONG, &[("phase", "Pending"), ("Ready", "Unknown Initializing")]).await?;
    let pods = within(LONG, "its pod is starting", async || {
        let pods = lab.list(Kind::Pod, "mcp-server=demo").await?;
        ensure!(pods.iter().any(|pod| pod["status"]["containerStatuses"].is_array()), "it is not");
        Ok(pods)
    })
    .await?;
    let message = "The node was low on resource: memory.";
    let evicted = json!({ "status": { "phase": "Failed", "reason": "Evicted", "message": message } });
    let name = pods[0]["metadata"]["name"].as_str().unwrap_or_default();
    lab.patch_status(Kind::Pod, name, &evicted).await?;
    lab.until("demo", LONG, &FAILED).await?;
    lab.message("demo", LONG, "Ready", &["Evicted", message, &format!("pod {name}")]).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    lab.until("demo", LONG, &[("phase", "Running"), ("Ready", "True DeploymentReady")]).await.map(drop)
}

async fn broken_update_leaves_the_running_server_degraded_and_ready(lab: &Lab) -> Result<()> {
    let _operator = lab.operator(&["--verify", "false"]).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    lab.ready("demo").await?;
    lab.apply(&server("demo", &json!({ "source": image("localhost/no-such-image:1") }))).await?;
    within(LONG, "it is Degraded, having been Ready all the time", async || {
        let found = lab.get(Kind::Server, "demo").await?;
        let seen = looks(&found);
        // An observation that may not be repeated, so it is no reason to look again.
        assert_eq!(seen["Ready"], "True DeploymentReady", "{seen:?}");
        ensure!(seen["phase"] == "Degraded" && seen["Available"] == "True Available", "{seen:?}");
        ensure!(!seen["url"].is_empty(), "{seen:?}");
        Ok(())
    })
    .await?;
    lab.message("demo", LONG, "Available", &["localhost/no-such-image:1"]).await?;
    lab.apply(&server("demo", &json!({}))).await?;
    lab.until("demo", LONG, &[("phase", "Running"), ("Ready", "True DeploymentReady")]).await.map(drop)
}

/// An operator and a server that fails.
async fn fails(lab: &Lab, spec: Value) -> Result<Operator> {
    let operator = lab.operator(&["--verify", "false"]).await?;
    lab.apply(&server("demo", &spec)).await?;
    lab.until("demo", LONG, &FAILED).await?;
    Ok(operator)
}

/// The workload that does as it is told.
fn probe(arguments: &[&str]) -> Value {
    json!({ "source": image("localhost/probe:1"), "config": { "arguments": arguments } })
}

/// A server whose fake pods wait for this reason.
fn waiting(reason: &str, message: &str) -> Value {
    json!({ "extraAnnotations": { "fake-pods/waiting": reason, "fake-pods/message": message } })
}

/// Switches readiness in the pod itself: the Service leads nowhere when no pod is ready.
async fn readiness(lab: &Lab, method: &str) -> Result<()> {
    let pods = lab.list(Kind::Pod, "mcp-server=demo").await?;
    let address = pods[0]["status"]["podIP"].as_str().unwrap_or_default();
    cluster_tests::command::http(method, &format!("http://{address}:8080/ready")).await.map(drop)
}
