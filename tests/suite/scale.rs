//! Many servers: an operator that is killed in the middle of making them, and one that has nothing to do.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cluster_tests::manifests::{config_map, server};
use cluster_tests::{Kind, LONG, Lab, Test, trial_within, within};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    let limit = Duration::from_mins(6);
    vec![
        trial_within(limit, nothing_is_lost_or_made_twice_when_the_operator_is_killed_among_200_servers),
        trial_within(limit, a_hundred_ready_servers_cause_no_write_in_a_minute_nor_at_a_restart),
    ]
}

async fn nothing_is_lost_or_made_twice_when_the_operator_is_killed_among_200_servers(lab: &Lab) -> Result<()> {
    const SERVERS: usize = 200;
    lab.only_fake_pods().await?;
    let operator = lab.operator(&["--verify", "false"]).await?;
    let kill = async {
        within(LONG, "a quarter of the servers has a Deployment", async || {
            let made = lab.list(Kind::Deployment, "").await?.len();
            ensure!(made >= SERVERS / 4, "there are {made}");
            Ok(())
        })
        .await?;
        operator.kill().await
    };
    let (created, killed) = tokio::join!(create(lab, SERVERS, |_| json!({})), kill);
    created.and(killed)?;
    let before = uids(lab).await?;
    println!("killed when there were {} of {} children of {SERVERS} servers", before.len(), 3 * SERVERS);
    ensure!(before.len() < 3 * SERVERS, "the operator was killed after everything was made");

    let _operator = lab.operator(&["--verify", "false"]).await?;
    all_ready(lab, SERVERS).await?;
    let after = uids(lab).await?;
    ensure!(after.len() == 3 * SERVERS, "there are {} children of {SERVERS} servers", after.len());
    for (child, uid) in &before {
        ensure!(after.get(child) == Some(uid), "{child} was replaced");
    }
    let sets = lab.list(Kind::ReplicaSet, "").await?.len();
    ensure!(sets == SERVERS, "{sets} ReplicaSets: some Deployment was rolled");
    for kind in [Kind::Deployment, Kind::NetworkPolicy] {
        for object in lab.list(kind, "").await? {
            ensure!(
                object["metadata"]["generation"] == 1,
                "{kind:?} was changed after it was made: {}",
                object["metadata"]
            );
        }
    }
    Ok(())
}

async fn a_hundred_ready_servers_cause_no_write_in_a_minute_nor_at_a_restart(lab: &Lab) -> Result<()> {
    const SERVERS: usize = 100;
    lab.requests()?;
    lab.only_fake_pods().await?;
    let operator = lab.operator(&["--verify", "false"]).await?;
    for number in 0..SERVERS {
        lab.apply(&config_map(&format!("settings-{number}"), "A", "1")).await?;
    }
    let spec = |number: usize| {
        let name = format!("settings-{number}");
        let volume = json!({ "path": "/etc/a", "source": { "type": "ConfigMap", "configMap": { "name": name } } });
        json!({
            "extraLabels": { "team": "maps" },
            "config": { "envFrom": [{ "configMapRef": { "name": name } }], "storage": [volume] },
        })
    };
    create(lab, SERVERS, spec).await?;
    all_ready(lab, SERVERS).await?;
    let made = lab.quiet().await?;

    // The one duration that is a promise: a minute without a write.
    tokio::time::sleep(Duration::from_mins(1)).await;
    let after_a_minute = lab.writes()?;
    ensure!(after_a_minute.len() == made, "writes in a minute: {:?}", &after_a_minute[made..]);

    operator.terminate().await?;
    let before = lab.requests()?.len();
    let operator = lab.operator(&["--verify", "false"]).await?;
    operator.until_reconciled(SERVERS).await?;
    lab.quiet().await?;
    let after_restart = lab.writes()?;
    println!(
        "{SERVERS} servers: {made} writes to make them, {} in a minute, {} at a restart",
        after_a_minute.len() - made,
        after_restart.len() - made,
    );
    ensure!(after_restart.len() == made, "writes at a restart: {:?}", &after_restart[made..]);
    let mut reads = lab.requests()?.split_off(before);
    reads.retain(|request| {
        request.verb == "get" && ["/configmaps/", "/secrets/"].iter().any(|it| request.uri.contains(it))
    });
    ensure!(reads.is_empty(), "contents were read at a restart: {reads:?}");
    Ok(())
}

/// Creates servers, some at a time.
async fn create(lab: &Lab, count: usize, spec: impl Fn(usize) -> Value) -> Result<()> {
    lab.create_all((0..count).map(|number| server(&format!("server-{number}"), &spec(number)))).await
}

async fn all_ready(lab: &Lab, count: usize) -> Result<()> {
    let servers = lab.until_all(count, &[("Ready", "True DeploymentReady")]).await?;
    ensure!(servers.iter().all(|server| server["status"]["readyReplicas"] == 1), "Ready without a ready pod");
    Ok(())
}

/// Each child's uid, by kind and name.
async fn uids(lab: &Lab) -> Result<BTreeMap<String, Value>> {
    let mut uids = BTreeMap::new();
    for kind in Kind::CHILDREN {
        for object in lab.list(kind, "mcp-server").await? {
            let name = object["metadata"]["name"].as_str().context("a name")?;
            uids.insert(format!("{kind:?} {name}"), object["metadata"]["uid"].clone());
        }
    }
    Ok(uids)
}
