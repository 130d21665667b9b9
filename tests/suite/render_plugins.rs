//! RenderPlugins: applied, changed and deleted under running servers, by one operator that is never restarted for it.

#[path = "../../host/tests/registry/real.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "shared with tests of the host that use more of it")]
mod real;

use anyhow::{Result, ensure};
use cluster_tests::command::{kubectl, kubectl_with, run};
use cluster_tests::manifests::server;
use cluster_tests::{Kind, LONG, Lab, PROMPT, Skip, Test, condition, looks, trial, within};
use mcp_operator::sandbox::Digest;
use serde_json::{Value, json};

use super::plugin::{Plugin, delete, get, operator};

pub fn tests() -> Vec<Test> {
    vec![
        trial(definition_takes_what_is_right_and_refuses_the_rest),
        trial(plugin_renders_every_server_that_it_selects_and_no_other),
        trial(deleted_plugin_gives_the_servers_back),
        trial(component_with_another_digest_never_runs),
        trial(plugin_that_fails_its_self_test_touches_no_server),
        trial(servers_for_which_a_new_version_fails_keep_the_last_good_one),
        trial(plugin_survives_a_restart_without_its_source),
        trial(plugin_that_cannot_be_had_leaves_its_servers_as_they_are),
        trial(plugin_comes_from_a_private_registry),
        trial(blocking_plugin_holds_new_servers_back_until_it_is_ready),
    ]
}

/// A server with a label that the plugin `rewriter` changes.
fn plain() -> Value {
    server("demo", &json!({ "extraLabels": { "policy": "plain" } }))
}

async fn policy_label(lab: &Lab, expected: &str) -> Result<()> {
    within(PROMPT, &format!("the policy's label is {expected}"), async || {
        for kind in Kind::CHILDREN {
            let found = lab.get(kind, "demo").await?["metadata"]["labels"]["policy"].take();
            ensure!(found == expected, "{kind:?} has {found}");
        }
        Ok(())
    })
    .await
}

async fn chain(lab: &Lab, server: &str) -> Result<String> {
    let server = lab.get(Kind::Server, server).await?;
    Ok(server["status"]["render"]["chain"].as_str().unwrap_or_default().to_owned())
}

async fn generation(lab: &Lab, server: &str) -> Result<Value> {
    Ok(lab.get(Kind::Deployment, server).await?["metadata"]["generation"].take())
}

/// What a JSON merge patch makes of a right one, and the part of the refusal that names the field; none is taken.
fn rules() -> Vec<(Value, &'static str)> {
    let digest = format!("sha256:{}", "0".repeat(64));
    let config_map = json!({ "namespace": "a", "name": "b", "key": "c" });
    let budget = json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget" });
    let oci = json!({ "ref": "ghcr.io/example/spread:1", "pullSecrets": [{ "namespace": "a", "name": "b" }] });
    vec![
        (json!({}), ""),
        (json!({ "spec": { "parameters": { "any": ["thing"] }, "order": 0, "onFailure": "Block" } }), ""),
        (json!({ "spec": { "limits": { "memory": "128Mi", "timeMilliseconds": 500 } } }), ""),
        (json!({ "spec": { "source": { "file": null, "configMap": config_map } } }), ""),
        (json!({ "spec": { "grants": { "kinds": [budget], "podSecurity": "Baseline", "networkPolicy": "Any" } } }), ""),
        (json!({ "spec": { "grants": { "kinds": [budget, budget] } } }), "spec.grants.kinds"),
        (json!({ "spec": { "grants": { "kinds": [{ "kind": "ConfigMap" }] } } }), "spec.grants.kinds[0].apiVersion"),
        (json!({ "spec": { "grants": { "podSecurity": "Lax" } } }), "spec.grants.podSecurity"),
        (json!({ "spec": { "grants": { "networkPolicy": "None" } } }), "spec.grants.networkPolicy"),
        (json!({ "spec": { "source": { "file": null, "oci": oci } } }), ""),
        (json!({ "spec": { "source": { "oci": oci } } }), "exactly one of"),
        (json!({ "spec": { "source": { "file": null, "oci": { "ref": "" } } } }), "spec.source.oci.ref"),
        (json!({ "spec": { "source": { "file": null } } }), "exactly one of"),
        (json!({ "spec": { "source": { "configMap": config_map } } }), "exactly one of"),
        (json!({ "spec": { "source": { "file": { "path": "relative.wasm" } } } }), "spec.source.file.path"),
        (json!({ "spec": { "source": { "file": null, "configMap": { "namespace": "a", "name": "b" } } } }), "key"),
        (json!({ "spec": { "digest": null } }), "spec.digest"),
        (json!({ "spec": { "digest": digest.to_uppercase() } }), "spec.digest"),
        (json!({ "spec": { "digest": &digest[..70] } }), "spec.digest"),
        (json!({ "spec": { "parameters": "text" } }), "spec.parameters"),
        (json!({ "spec": { "order": -1 } }), "spec.order"),
        (json!({ "spec": { "order": 1001 } }), "spec.order"),
        (json!({ "spec": { "onFailure": "Hope" } }), "spec.onFailure"),
        (json!({ "spec": { "limits": { "memory": "much" } } }), "spec.limits.memory"),
        (json!({ "spec": { "limits": { "timeMilliseconds": 5 } } }), "spec.limits.timeMilliseconds"),
        (json!({ "spec": { "match": { "namespaces": [""] } } }), "spec.match.namespaces"),
        (json!({ "spec": { "unknown": true } }), "spec.unknown"),
        (json!({ "metadata": { "name": "default" } }), "the operator's own plugin"),
        (json!({ "metadata": { "name": "with.dots" } }), "DNS label"),
        (json!({ "metadata": { "name": "a".repeat(64) } }), "DNS label"),
    ]
}

async fn definition_takes_what_is_right_and_refuses_the_rest(lab: &Lab) -> Result<()> {
    for (patch, refusal) in rules() {
        let mut manifest = json!({
            "apiVersion": "render.mcp.x-k8s.io/v1alpha1", "kind": "RenderPlugin",
            "metadata": { "name": lab.namespace() },
            "spec": {
                "source": { "file": { "path": "/policy.wasm" } }, "digest": format!("sha256:{}", "0".repeat(64)),
            },
        });
        json_patch::merge(&mut manifest, &patch);
        let create = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
        match kubectl_with(&manifest.to_string(), &create).await {
            Ok(_) => ensure!(refusal.is_empty(), "taken: {manifest}"),
            Err(error) => {
                let told = format!("{error:#}");
                ensure!(!refusal.is_empty() && told.contains(refusal), "{manifest} is refused by: {told}");
            }
        }
    }
    let explained = kubectl(&["explain", "renderplugin", "--recursive"]).await?;
    ensure!(explained.contains("timeMilliseconds") && !explained.contains("<no description>"), "{explained}");
    Ok(())
}

async fn plugin_renders_every_server_that_it_selects_and_no_other(lab: &Lab) -> Result<()> {
    let _operator = operator(lab).await?;
    let mut selected = plain();
    selected["metadata"]["labels"] = json!({ "tier": "gold" });
    lab.apply(&selected).await?;
    lab.apply(&server("neighbour", &json!({}))).await?;
    lab.ready("demo").await?;
    lab.ready("neighbour").await?;
    let before = generation(lab, "neighbour").await?;

    let only_gold = json!({ "match": { "serverSelector": { "matchLabels": { "tier": "gold" } } } });
    let plugin = Plugin::hostile(lab, "rewriter")?.with(&only_gold);
    let ready = plugin.ready().await?;
    policy_label(lab, "other").await?;
    let name = lab.namespace();
    let expected = format!("{name}@{}", plugin.short_digest());
    within(PROMPT, "the chain names the plugin", async || {
        let chain = chain(lab, "demo").await?;
        ensure!(chain.starts_with("default@") && chain.ends_with(&expected), "it is {chain}");
        Ok(())
    })
    .await?;
    let columns = kubectl(&["get", "renderplugin", name]).await?;
    let head: Vec<&str> = columns.lines().next().unwrap_or_default().split_whitespace().collect();
    ensure!(head == ["NAME", "DIGEST", "READY", "SERVERS", "AGE"], "{columns}");
    ensure!(ready["status"]["servers"] == 1, "{}", ready["status"]);
    ensure!(ready["status"]["digest"] == plugin.spec["digest"], "{}", ready["status"]);
    ensure!(!chain(lab, "neighbour").await?.contains(name), "the neighbour was rendered by it");

    // A server that comes to carry the label is rendered by it, and is counted.
    lab.apply(&plain()).await?;
    policy_label(lab, "plain").await?;
    within(LONG, "the plugin selects nobody", async || {
        let servers = get(lab).await?["status"]["servers"].take();
        ensure!(servers == 0, "it selects {servers}");
        Ok(())
    })
    .await?;
    ensure!(generation(lab, "neighbour").await? == before, "the neighbour was changed");
    Ok(())
}

async fn deleted_plugin_gives_the_servers_back(lab: &Lab) -> Result<()> {
    let _operator = operator(lab).await?;
    lab.apply(&plain()).await?;
    lab.ready("demo").await?;
    let before = chain(lab, "demo").await?;
    let mut uids = Vec::new();
    for kind in Kind::CHILDREN {
        uids.push(lab.get(kind, "demo").await?["metadata"]["uid"].take());
    }
    Plugin::hostile(lab, "rewriter")?.ready().await?;
    policy_label(lab, "other").await?;
    delete(lab).await?;
    policy_label(lab, "plain").await?;
    lab.ready("demo").await?;
    within(PROMPT, "the chain is what it was", async || {
        let now = chain(lab, "demo").await?;
        ensure!(now == before, "it is {now}, and was {before}");
        Ok(())
    })
    .await?;
    for (kind, uid) in Kind::CHILDREN.iter().zip(uids) {
        ensure!(lab.get(*kind, "demo").await?["metadata"]["uid"] == uid, "{kind:?} was replaced");
    }
    Ok(())
}

async fn component_with_another_digest_never_runs(lab: &Lab) -> Result<()> {
    let operator = operator(lab).await?;
    lab.apply(&plain()).await?;
    lab.ready("demo").await?;
    let before = generation(lab, "demo").await?;
    let record = lab.get(Kind::Server, "demo").await?["status"]["render"].take();
    let wrong = Digest::of(b"another component").to_string();
    let plugin = Plugin::hostile(lab, "passthrough")?.with(&json!({ "digest": wrong }));
    plugin.apply().await?;
    let seen = plugin.until("Verified", "False DigestMismatch").await?;
    let message = condition(&seen, "Verified")["message"].as_str().unwrap_or_default();
    ensure!(message.contains(&wrong) && message.contains("mend"), "{message}");
    plugin.until("Fetched", "True Succeeded").await?;
    plugin.until("Compiled", "Unknown NotReached").await?;
    plugin.until("Ready", "False DigestMismatch").await?;
    ensure!(generation(lab, "demo").await? == before, "the server was changed");

    // Mended, it renders; and because that changes no object, it is not written to the server.
    Plugin::hostile(lab, "passthrough")?.ready().await?;
    operator.until_metrics_tell(&[format!(r#"mcp_operator_renders_total{{plugin="{}""#, lab.namespace())]).await?;
    lab.apply(&server("neighbour", &json!({}))).await?;
    lab.ready("neighbour").await?; // by now whatever there was to write about the other one is written
    let now = lab.get(Kind::Server, "demo").await?["status"]["render"].take();
    ensure!(now == record, "the record was {record} and is {now}");
    Ok(())
}

async fn plugin_that_fails_its_self_test_touches_no_server(lab: &Lab) -> Result<()> {
    let _operator = operator(lab).await?;
    lab.apply(&plain()).await?;
    lab.ready("demo").await?;
    let before = generation(lab, "demo").await?;
    for (name, reason) in [("trap", "Trap"), ("loop", "Timeout"), ("good", "RenderRejected")] {
        let plugin = Plugin::hostile(lab, name)?;
        plugin.apply().await?;
        plugin.until("SelfTested", &format!("False {reason}")).await?;
        let seen = plugin.until("Ready", &format!("False {reason}")).await?;
        let message = condition(&seen, "Ready")["message"].as_str().unwrap_or_default();
        ensure!(message.starts_with("for the example "), "{message}");
    }
    let greedy = Plugin::hostile(lab, "cluster-role-binding")?;
    greedy.apply().await?;
    greedy.until("SelfTested", "False RenderRejected").await?;
    let garbage = Plugin::hostile(lab, "garbage")?;
    garbage.apply().await?;
    garbage.until("Verified", "False ContractMismatch").await?;
    lab.apply(&server("demo", &json!({ "runtime": { "replicas": 2 } }))).await?;
    lab.ready("demo").await?;
    ensure!(generation(lab, "demo").await? != before, "the server follows its spec no more");
    ensure!(looks(&lab.get(Kind::Server, "demo").await?)["Rendered"] == "True Rendered", "it was rendered otherwise");
    Ok(())
}

async fn servers_for_which_a_new_version_fails_keep_the_last_good_one(lab: &Lab) -> Result<()> {
    let first = operator(lab).await?;
    let odd = |replicas: i32| {
        server("odd", &json!({ "extraLabels": { "please": "trap-me" }, "runtime": { "replicas": replicas } }))
    };
    lab.apply(&server("even", &json!({}))).await?;
    lab.apply(&odd(1)).await?;
    lab.ready("even").await?;
    lab.ready("odd").await?;
    Plugin::hostile(lab, "passthrough")?.ready().await?;
    let before = generation(lab, "odd").await?;

    let picky = Plugin::hostile(lab, "picky")?;
    picky.apply().await?;
    let kept = [("phase", "Degraded"), ("Rendered", "True RenderedByLastGood"), ("Ready", "True DeploymentReady")];
    lab.until("odd", LONG, &kept).await?;
    lab.message("odd", PROMPT, "Rendered", &["last good version", "crashed", "unreachable"]).await?;
    ensure!(generation(lab, "odd").await? == before, "its Deployment was changed");
    lab.until("even", PROMPT, &[("phase", "Running"), ("Rendered", "True Rendered")]).await?;
    let told = picky.until("Ready", "True FailsForSome").await?;
    let message = condition(&told, "Ready")["message"].as_str().unwrap_or_default();
    ensure!(message.contains(&format!("{}/odd", lab.namespace())), "{message}");
    ensure!(lab.events("odd").await?.iter().any(|(_, reason, _)| reason == "RenderedByLastGood"), "no event tells it");
    first.until_metrics_tell(&[r#"result="LastGood""#, r#"result="Trap""#]).await?;

    // It still follows its spec, now and after a restart.
    lab.apply(&odd(2)).await?;
    replicas(lab, "odd", 2).await?;
    first.kill().await?;
    let second = operator(lab).await?;
    lab.apply(&odd(3)).await?;
    replicas(lab, "odd", 3).await?;
    lab.until("odd", LONG, &kept).await?;

    // Whoever wants no fallback says so.
    picky.with(&json!({ "onFailure": "Block" })).apply().await?;
    lab.until("odd", LONG, &[("Rendered", "False RenderFailed"), ("Ready", "True DeploymentReady")]).await?;
    lab.until("even", PROMPT, &[("Rendered", "True Rendered")]).await?;
    drop(second);
    Ok(())
}

async fn replicas(lab: &Lab, server: &str, expected: i32) -> Result<()> {
    within(PROMPT, &format!("{server} has {expected} replicas"), async || {
        let found = lab.get(Kind::Deployment, server).await?["spec"]["replicas"].take();
        ensure!(found == expected, "it has {found}");
        Ok(())
    })
    .await
}

async fn plugin_survives_a_restart_without_its_source(lab: &Lab) -> Result<()> {
    let first = operator(lab).await?;
    lab.apply(&plain()).await?;
    let plugin = Plugin::hostile(lab, "rewriter")?;
    plugin.ready().await?;
    policy_label(lab, "other").await?;
    first.terminate().await?;
    std::fs::remove_file(&plugin.component)?;

    let _second = operator(lab).await?;
    lab.apply(&server("demo", &json!({ "extraLabels": { "policy": "plain", "later": "yes" } }))).await?;
    lab.until("demo", LONG, &[("Rendered", "True Rendered")]).await?;
    policy_label(lab, "other").await?;
    plugin.until("Ready", "True Active").await.map(drop)
}

async fn plugin_that_cannot_be_had_leaves_its_servers_as_they_are(lab: &Lab) -> Result<()> {
    let first = operator(lab).await?;
    lab.apply(&plain()).await?;
    let bytes = hostile_plugins::component("rewriter");
    let plugin = Plugin::new(lab, &bytes)?;
    plugin.ready().await?;
    policy_label(lab, "other").await?;
    first.terminate().await?;
    std::fs::remove_file(&plugin.component)?;
    std::fs::remove_dir_all(lab.folder().join("cache"))?;

    let _second = operator(lab).await?;
    let kept = [("phase", "Degraded"), ("Rendered", "False PluginUnavailable"), ("Ready", "True DeploymentReady")];
    lab.until("demo", LONG, &kept).await?;
    policy_label(lab, "other").await?;
    plugin.until("Fetched", "False NotFound").await?;

    // Back again, it renders without being asked.
    std::fs::write(&plugin.component, bytes)?;
    lab.until("demo", LONG, &[("Rendered", "True Rendered")]).await?;
    plugin.until("Ready", "True Active").await.map(drop)
}

async fn plugin_comes_from_a_private_registry(lab: &Lab) -> Result<()> {
    let registry = registry(lab).await?;
    let plugin = Plugin::hostile(lab, "rewriter")?;
    let reference = push(lab, &registry, &plugin.component, "rewriter").await?;

    let _operator = operator(lab).await?;
    lab.apply(&plain()).await?;
    let [authority, pull] = ["authority", "pull"].map(|name| json!({ "namespace": lab.namespace(), "name": name }));
    let oci = json!({ "ref": reference, "caSecret": authority });
    let plugin = plugin.with(&json!({ "source": { "file": null, "oci": oci } }));
    plugin.apply().await?;
    let seen = plugin.until("Fetched", "False PullFailed").await?;
    let message = condition(&seen, "Fetched")["message"].as_str().unwrap_or_default();
    ensure!(message.contains("unauthorized") && message.contains("spec.source.oci.pullSecrets"), "{message}");
    policy_label(lab, "plain").await?;

    let plugin = plugin.with(&json!({ "source": { "oci": { "pullSecrets": [pull] } } }));
    plugin.ready().await?;
    policy_label(lab, "other").await
}

/// A registry behind TLS and a password, with the Secrets `pull` and `authority` by which an operator may read from it.
pub async fn registry(lab: &Lab) -> Result<real::Registry> {
    lab.needs_to_be_inside()?;
    let registry = real::Registry::start().ok_or(Skip("docker-registry is missing; `make setup` fetches it"))?;
    let (user, password) =
        (format!("--docker-username={}", real::USER), format!("--docker-password={}", real::PASSWORD));
    let server = format!("--docker-server={}", registry.host());
    kubectl(&["create", "secret", "docker-registry", "pull", "-n", lab.namespace(), &server, &user, &password]).await?;
    let certificates = format!("--from-file=ca.crt={}", registry.ca().display());
    kubectl(&["create", "secret", "generic", "authority", "-n", lab.namespace(), &certificates]).await?;
    Ok(registry)
}

/// Publishes a component as an author does, and returns its reference.
pub async fn push(lab: &Lab, registry: &real::Registry, component: &str, name: &str) -> Result<String> {
    let (reference, ca) = (format!("{}/team/{name}:1", registry.host()), registry.ca().display().to_string());
    let program = lab.program("mcp-render").display().to_string();
    let arguments = ["push", component, &reference, "--username", real::USER, "--password-stdin", "--ca", &ca];
    let pushed = run(&program, &arguments, real::PASSWORD).await?;
    ensure!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    Ok(reference)
}

async fn blocking_plugin_holds_new_servers_back_until_it_is_ready(lab: &Lab) -> Result<()> {
    let _operator = operator(lab).await?;
    let bytes = hostile_plugins::component("passthrough");
    let source =
        json!({ "configMap": { "namespace": lab.namespace(), "name": "policy", "key": "policy.wasm" }, "file": null });
    let plugin = Plugin::new(lab, &bytes)?.with(&json!({ "source": source, "onFailure": "Block" }));
    plugin.apply().await?;
    let seen = plugin.until("Fetched", "False NotFound").await?;
    let message = condition(&seen, "Fetched")["message"].as_str().unwrap_or_default();
    ensure!(message.contains(&format!("ConfigMap {}/policy does not exist", lab.namespace())), "{message}");
    lab.apply(&plain()).await?;
    lab.until("demo", LONG, &[("phase", "Failed"), ("Rendered", "False PluginUnavailable")]).await?;
    ensure!(lab.list(Kind::Deployment, "").await?.is_empty(), "it was rendered without the plugin");

    let file = format!("--from-file=policy.wasm={}", plugin.component);
    kubectl(&["create", "configmap", "policy", "-n", lab.namespace(), &file]).await?;
    plugin.until("Ready", "True Active").await?;
    lab.ready("demo").await.map(drop)
}
