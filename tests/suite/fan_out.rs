//! One ConfigMap or Secret and hundreds of servers that use it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cluster_tests::audit::Request;
use cluster_tests::manifests::{config_map, secret, server};
use cluster_tests::{Kind, Lab, Test, trial_within, within};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

pub fn tests() -> Vec<Test> {
    vec![trial_within(Duration::from_mins(15), changed_source_rolls_the_500_servers_that_share_it_and_no_other)]
}

const SHARING: usize = 500;
const OTHERS: usize = 20;
const READY: [(&str, &str); 2] = [("phase", "ScaledToZero"), ("Ready", "True ScaledToZero")];

async fn changed_source_rolls_the_500_servers_that_share_it_and_no_other(lab: &Lab) -> Result<()> {
    lab.requests()?;
    lab.only_fake_pods().await?;
    let _operator = lab.operator(&["--verify", "false"]).await?;
    for manifest in [config_map("shared", "A", "1"), config_map("other", "A", "1"), secret("shared", "A", "1")] {
        lab.apply(&manifest).await?;
    }
    lab.create_all((0..SHARING).map(|number| server(&format!("sharing-{number}"), &uses("configMapRef", "shared"))))
        .await?;
    lab.create_all((0..OTHERS).map(|number| server(&format!("other-{number}"), &uses("configMapRef", "other"))))
        .await?;
    // The Secret has the ConfigMap's name, and is not meant by those who use that.
    lab.create_all((0..OTHERS).map(|number| server(&format!("secret-{number}"), &uses("secretRef", "shared")))).await?;
    lab.until_all(SHARING + 2 * OTHERS, &READY).await?;
    lab.quiet().await?;

    // printf 'configmap/shared/A=2\0' | sha256sum
    let digest = "3e99342fc9238e38f4597421a38b91e63d298f4ec1ebf826d72c4b67101e1fec";
    rolls(lab, "sharing-", SHARING, &config_map("shared", "A", "2"), digest).await?;
    // printf 'secret/shared/A=2\0' | sha256sum
    let digest = "e18b3e349110c00b04dfad84f5b3a1c2da5b132d1051f8d86762b85a8a218d07";
    rolls(lab, "secret-", OTHERS, &secret("shared", "A", "2"), digest).await
}

/// No pods, which would be most of the work: that they are replaced is tested elsewhere.
fn uses(field: &str, name: &str) -> Value {
    json!({ "runtime": { "replicas": 0 }, "config": { "envFrom": [{ field: { "name": name } }] } })
}

/// Changes a ConfigMap or Secret: the Deployments whose name begins so get this hash by one write each, and nothing else
/// is written than their servers' status.
async fn rolls(lab: &Lab, prefix: &str, count: usize, changed: &Value, digest: &str) -> Result<()> {
    let before = deployments(lab).await?;
    let written = lab.writes()?.len();
    let start = Instant::now();
    lab.apply(changed).await?;
    within(Duration::from_mins(5), &format!("{count} Deployments have the new hash"), async || {
        sleep(Duration::from_millis(500)).await;
        let rolled = deployments(lab).await?.values().filter(|seen| seen.hash == digest).count();
        ensure!(rolled == count, "{rolled} have");
        Ok(())
    })
    .await?;
    println!("{count} servers were rolled in {:?}", start.elapsed());
    lab.quiet().await?;
    lab.until_all(SHARING + 2 * OTHERS, &READY).await?;
    for (name, seen) in &deployments(lab).await? {
        let times = u64::from(name.starts_with(prefix));
        ensure!(seen.generation == before[name].generation + times, "{name} was changed, or not just once");
    }
    only_what_must_be(&lab.writes()?[written..], prefix, count)
}

/// One apply of each Deployment, and statuses of the same servers: the new hash and, where the Deployment's controller
/// took its time, that it did.
fn only_what_must_be(writes: &[Request], prefix: &str, count: usize) -> Result<()> {
    let mut applies = BTreeMap::<&str, usize>::new();
    let mut statuses = BTreeMap::<&str, usize>::new();
    for write in writes {
        let path = write.uri.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.rsplit('/').collect();
        match parts.as_slice() {
            [name, "deployments", ..] => *applies.entry(name).or_default() += 1,
            ["status", name, "mcpservers", ..] => *statuses.entry(name).or_default() += 1,
            _ => anyhow::bail!("{} {}", write.verb, write.uri),
        }
    }
    let most = statuses.values().max().copied().unwrap_or_default();
    println!("{} applies, {} statuses, at most {most} a server", applies.len(), statuses.values().sum::<usize>());
    ensure!(applies.len() == count && applies.values().all(|&times| times == 1), "applies: {applies:?}");
    ensure!(statuses.len() == count && most <= 2, "statuses: {statuses:?}");
    ensure!(applies.keys().chain(statuses.keys()).all(|name| name.starts_with(prefix)), "{applies:?} {statuses:?}");
    Ok(())
}

#[derive(Debug)]
struct Seen {
    hash: String,
    generation: u64,
}

async fn deployments(lab: &Lab) -> Result<BTreeMap<String, Seen>> {
    let found = lab.list(Kind::Deployment, "").await?;
    let seen = found.iter().map(|deployment| {
        let hash = &deployment["spec"]["template"]["metadata"]["annotations"]["mcp.x-k8s.io/config-hash"];
        let hash = hash.as_str().context("a Deployment without a hash")?.to_owned();
        let generation = deployment["metadata"]["generation"].as_u64().context("a generation")?;
        Ok((deployment["metadata"]["name"].as_str().context("a name")?.to_owned(), Seen { hash, generation }))
    });
    seen.collect()
}
