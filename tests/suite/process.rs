//! The operator as a process: its rights, its namespaces, its end.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use cluster_tests::command::{kubectl, kubectl_with};
use cluster_tests::manifests::{config_map, secret, server};
use cluster_tests::{Kind, LONG, Lab, Test, looks, trial, trial_within, within};
use futures::{StreamExt, TryStreamExt, stream};
use mcp_operator::operator::rbac::{RIGHTS, Right};
use serde_json::{Value, json};

use crate::plugin::{self, Plugin};

pub fn tests() -> Vec<Test> {
    vec![
        trial(every_missing_right_is_named),
        trial(every_right_is_used_and_no_other),
        trial(servers_of_other_namespaces_are_left_alone),
        trial(several_namespaces_can_be_watched),
        trial(namespace_without_rights_is_named),
        trial_within(2 * BUSY, ending_namespace_makes_no_noise),
        trial(sigterm_finishes_what_is_in_flight),
    ]
}

async fn every_missing_right_is_named(lab: &Lab) -> Result<()> {
    let all: Vec<(&Right, &str)> =
        RIGHTS.iter().flat_map(|right| right.verbs.iter().map(move |verb| (right, *verb))).collect();
    let checks = all.iter().map(async |&(right, verb)| is_named(lab, right, verb).await);
    // They wait for rights to arrive for some seconds, so they wait together.
    stream::iter(checks).buffer_unordered(all.len()).try_for_each(async |()| Ok(())).await?;
    println!("{} rights, each missed and named", all.len());
    Ok(())
}

async fn is_named(lab: &Lab, missing: &Right, verb: &str) -> Result<()> {
    let words = format!("{verb}-{}", missing.resource.replace('/', "-"));
    let kubeconfig = lab.account(&words).await?;
    let rules = |cluster_wide: bool| {
        let rights = RIGHTS.iter().filter(|right| right.cluster_wide == cluster_wide);
        let rule = |right: &Right| {
            let verbs: Vec<_> = right.verbs.iter().filter(|&&given| right != missing || given != verb).collect();
            (!verbs.is_empty())
                .then(|| json!({ "apiGroups": [right.group], "resources": [right.resource], "verbs": verbs }))
        };
        rights.filter_map(rule).collect::<Vec<Value>>()
    };
    let in_cluster = format!("{}-{words}", lab.namespace());
    let cluster_role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": rules(true),
        "metadata": lab.lives_as_long(&in_cluster).await?,
    });
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": rules(false),
        "metadata": { "name": words, "namespace": lab.namespace() },
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": words, "namespace": lab.namespace() },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": words },
        "subjects": [{ "kind": "ServiceAccount", "name": words, "namespace": lab.namespace() }],
    });
    let objects = json!({ "apiVersion": "v1", "kind": "List", "items": [cluster_role, role, binding] });
    kubectl_with(&objects.to_string(), &["create", "-f", "-"]).await?;
    lab.bind_in_cluster(&words, &in_cluster).await?;
    let mut operator = lab.operator_as(&kubeconfig, &["--namespaces", lab.namespace()]).await?;
    let status = operator.exit().await?;
    let log = operator.log();
    ensure!(status.code() == Some(1), "without {words} it ended with {status}: {log}");
    let group = if missing.group.is_empty() { String::new() } else { format!(".{}", missing.group) };
    let place =
        if missing.cluster_wide { "in the cluster".to_owned() } else { format!("in namespace {}", lab.namespace()) };
    let line = format!("  {verb} {}{group} {place}", missing.resource);
    let named: Vec<&str> = log.lines().skip_while(|line| !line.starts_with("error: ")).skip(1).collect();
    ensure!(named.len() == 1 && named[0].starts_with(&line), "without {words} it names {named:?}:\n{log}");
    Ok(())
}

/// By a server and a plugin through a whole life, as the API server saw it.
async fn every_right_is_used_and_no_other(lab: &Lab) -> Result<()> {
    lab.fake_pods().await?;
    let operator = plugin::operator(lab).await?;
    lab.apply(&config_map("settings", "present", "1")).await?;
    lab.apply(&secret("token", "present", "1")).await?;
    let from = json!([{ "configMapRef": { "name": "settings" } }, { "secretRef": { "name": "token" } }]);
    let owner = lab.apply(&server("demo", &json!({ "config": { "envFrom": from } }))).await?;
    lab.ready("demo").await?;
    Plugin::hostile(lab, "passthrough")?.ready().await?;
    // What carries the server's owner reference and is not rendered is removed.
    for kind in Kind::CHILDREN {
        let child = owned(lab.get(kind, "demo").await?, "left-over", &owner);
        lab.create(&child).await?;
    }
    within(LONG, "the left-overs are gone", async || {
        for kind in Kind::CHILDREN {
            ensure!(lab.find(kind, "left-over").await?.is_none(), "{kind:?} is there");
        }
        Ok(())
    })
    .await?;
    without_record(lab).await?;
    operator.terminate().await?;
    let used = used_rights(lab)?;
    let has: BTreeSet<_> = RIGHTS.iter().flat_map(|right| right.verbs.iter().map(|verb| named(right, verb))).collect();
    println!("{} rights, each used", has.len());
    ensure!(used == has, "not used: {:?}; beyond: {:?}", has.difference(&used), used.difference(&has));
    Ok(())
}

/// What the status has no record of is looked at.
async fn without_record(lab: &Lab) -> Result<()> {
    lab.patch_status(Kind::Server, "demo", &json!({ "status": { "render": null } })).await?;
    lab.patch(Kind::Server, "demo", &json!({ "metadata": { "annotations": { "look": "again" } } })).await?;
    lab.until_object(Kind::Server, "demo", LONG, |server| {
        ensure!(
            server["status"]["render"]["objects"].as_array().is_some_and(|objects| objects.len() == 3),
            "no record"
        );
        Ok(())
    })
    .await
    .map(drop)
}

fn named(right: &Right, verb: &str) -> (String, String, String) {
    (right.group.to_owned(), right.resource.to_owned(), verb.to_owned())
}

/// Group, resource and verb of everything that was asked for. To apply what does not exist takes the right to create it.
fn used_rights(lab: &Lab) -> Result<BTreeSet<(String, String, String)>> {
    let mut used = BTreeSet::new();
    for request in lab.requests()? {
        let Some((group, resource)) = request.resource().filter(|(group, _)| !group.starts_with("authorization"))
        else {
            continue;
        };
        if request.verb == "patch" && request.code == 201 {
            used.insert((group.clone(), resource.clone(), "create".to_owned()));
        }
        used.insert((group, resource, request.verb));
    }
    Ok(used)
}

/// A copy of an object under another name.
fn owned(mut object: Value, name: &str, owner: &Value) -> Value {
    let metadata = json!({
        "name": name,
        "ownerReferences": [{
            "apiVersion": owner["apiVersion"], "kind": "MCPServer", "name": "demo", "uid": owner["metadata"]["uid"],
            "controller": true,
        }],
    });
    object["metadata"] = metadata;
    object["status"] = Value::Null;
    for address in ["clusterIP", "clusterIPs"] {
        if object["kind"] == "Service" {
            object["spec"][address] = Value::Null;
        }
    }
    object
}

async fn servers_of_other_namespaces_are_left_alone(lab: &Lab) -> Result<()> {
    let other = lab.second_namespace().await?;
    other.apply(&server("stranger", &json!({}))).await?;
    let _operator = lab.running("demo", &json!({})).await?;
    ensure!(other.get(Kind::Server, "stranger").await?["status"].is_null(), "it got a status");
    ensure!(other.list(Kind::Deployment, "").await?.is_empty(), "it got a Deployment");
    Ok(())
}

async fn several_namespaces_can_be_watched(lab: &Lab) -> Result<()> {
    let second = lab.second_namespace().await?;
    for place in [lab, &second] {
        place.fake_pods().await?;
        place.apply(&server("demo", &json!({}))).await?;
    }
    let kubeconfig = lab.account("operator").await?;
    lab.bind("operator").await?;
    second.bind_account_of(lab, "operator").await?;
    let namespaces = format!("{},{}", lab.namespace(), second.namespace());
    let _operator = lab.operator_as(&kubeconfig, &["--verify", "false", "--namespaces", &namespaces]).await?;
    lab.ready("demo").await?;
    second.ready("demo").await.map(drop)
}

async fn namespace_without_rights_is_named(lab: &Lab) -> Result<()> {
    let second = lab.second_namespace().await?;
    let kubeconfig = lab.account("operator").await?;
    lab.bind("operator").await?;
    let namespaces = format!("{},{}", lab.namespace(), second.namespace());
    let mut operator = lab.operator_as(&kubeconfig, &["--namespaces", &namespaces]).await?;
    let status = operator.exit().await?;
    ensure!(status.code() == Some(1), "{status}");
    let log = operator.log();
    ensure!(log.contains(&format!("in namespace {} ", second.namespace())), "{log}");
    ensure!(!log.contains(&format!("in namespace {} ", lab.namespace())), "{log}");
    Ok(())
}

/// For Kubernetes to empty a namespace while it empties large ones of other tests.
const BUSY: Duration = Duration::from_mins(5);

/// The children go first, while something keeps the namespace for a while.
async fn ending_namespace_makes_no_noise(lab: &Lab) -> Result<()> {
    let operator = lab.running("demo", &json!({})).await?;
    let mut kept = config_map("kept", "a", "1");
    kept["metadata"]["finalizers"] = json!(["tests.mcp.x-k8s.io/kept"]);
    let mut held = server("held", &json!({}));
    held["metadata"]["finalizers"] = json!(["tests.mcp.x-k8s.io/kept"]);
    lab.create(&kept).await?;
    lab.apply(&held).await?;
    lab.ready("held").await?;
    kubectl(&["delete", "namespace", lab.namespace(), "--wait=false"]).await?;
    within(BUSY, "the children are gone", async || {
        for kind in Kind::CHILDREN {
            ensure!(lab.list(kind, "").await?.is_empty(), "{kind:?} is there");
        }
        Ok(())
    })
    .await?;
    let free = json!({ "metadata": { "finalizers": null } });
    lab.patch(Kind::Server, "held", &free).await?;
    lab.patch(Kind::ConfigMap, "kept", &free).await?;
    within(BUSY, "the server is gone", async || {
        ensure!(lab.find(Kind::Server, "held").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    let log = operator.log();
    let noise: Vec<_> = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    ensure!(noise.is_empty(), "{noise:#?}");
    Ok(())
}

async fn sigterm_finishes_what_is_in_flight(lab: &Lab) -> Result<()> {
    const SERVERS: usize = 60;
    lab.fake_pods().await?;
    for number in 0..SERVERS {
        lab.create(&server(&format!("server-{number}"), &json!({ "runtime": { "replicas": 0 } }))).await?;
    }
    let operator = lab.operator(&["--verify", "false", "--concurrent-reconciles", "4"]).await?;
    within(LONG, "some servers have children", async || {
        ensure!(!lab.list(Kind::NetworkPolicy, "").await?.is_empty(), "none has");
        Ok(())
    })
    .await?;
    let status = operator.terminate().await?;
    ensure!(status.success(), "it ended with {status}");
    let servers = lab.list(Kind::Server, "").await?;
    let mut finished = 0;
    for server in &servers {
        let name = server["metadata"]["name"].as_str().unwrap_or_default();
        let mut children = 0;
        for kind in Kind::CHILDREN {
            children += usize::from(lab.find(kind, name).await?.is_some());
        }
        let told = looks(server).contains_key("Ready");
        ensure!(
            children == 0 && !told || children == 3 && told,
            "{name} was left with {children} children, told: {told}"
        );
        finished += usize::from(told);
    }
    println!("ended when {finished} of {SERVERS} servers were made");
    ensure!(finished < SERVERS, "everything was made before the signal came, so nothing was shown");
    Ok(())
}
