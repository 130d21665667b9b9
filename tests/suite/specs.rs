//! Servers that nobody would think of: random ones that every rule accepts, and random ones that break a rule.
//!
//! Each run has another seed, which it prints; `SEED` repeats a run, `SPECS` says how many servers each test makes.

#[path = "../specs/random.rs"]
mod random;

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use cluster_tests::manifests::{config_map, secret};
use cluster_tests::{Kind, LONG, Lab, Operator, Test, condition, looks, trial_within, within};
use futures::{StreamExt, stream};
use serde_json::Value;

use self::random::whole::{CA, POOL};
use self::random::{Broken, Generator};
use crate::rules::create;

pub fn tests() -> Vec<Test> {
    let limit = Duration::from_mins(15);
    vec![
        trial_within(limit, random_servers_are_applied_once_and_stay_as_they_are),
        trial_within(limit, random_broken_servers_are_refused_with_the_field),
    ]
}

async fn random_servers_are_applied_once_and_stay_as_they_are(lab: &Lab) -> Result<()> {
    lab.requests()?;
    lab.only_fake_pods().await?;
    pool(lab).await?;
    let operator = lab.operator(&["--verify", "false"]).await?;
    let (mut generator, count, seed) = generator(60)?;
    let servers: Vec<Value> = (0..count).map(|number| generator.server(&format!("random-{number}"))).collect();
    let creations = servers.iter().map(async |server| match create(lab, server, "").await {
        Ok(_) => None,
        Err(error) => Some(format!("refused: {error}\n{server}")),
    });
    let refused: Vec<String> = stream::iter(creations).buffer_unordered(8).filter_map(async |one| one).collect().await;
    ensure!(refused.is_empty(), "SEED={seed}: {}", refused.join("\n"));
    settled(lab, count).await?;
    let troubled = troubled(lab).await?;
    ensure!(troubled.is_empty(), "SEED={seed}: {} of {count}:\n{}", troubled.len(), troubled.join("\n"));
    let made = lab.quiet().await?;

    operator.terminate().await?;
    let operator = lab.operator(&["--verify", "false"]).await?;
    operator.until_reconciled(count).await?;
    let before = operator.reconciles().await?;
    lab.quiet().await?;
    let idle = operator.reconciles().await? - before;
    let writes = lab.writes()?;
    ensure!(writes.len() == made, "SEED={seed}: writes at a restart: {:?}", &writes[made..]);
    ensure!(idle <= count / 4, "SEED={seed}: {idle} reconciles while nothing changed");
    println!("{count} random servers: {made} writes to make them, none at a restart; {idle} reconciles while idle");
    no_panic(&operator)
}

async fn random_broken_servers_are_refused_with_the_field(lab: &Lab) -> Result<()> {
    lab.fake_pods().await?;
    pool(lab).await?;
    let operator = lab.operator(&["--verify", "false"]).await?;
    let (mut generator, count, seed) = generator(200)?;
    let broken: Vec<Broken> = (0..count).map(|number| generator.broken(&format!("broken-{number}"))).collect();
    let creations = broken.iter().map(async |broken| (broken, create(lab, &broken.manifest, "").await));
    let answers: Vec<_> = stream::iter(creations).buffer_unordered(8).collect().await;
    let (mut problems, mut stored) = (Vec::new(), BTreeMap::new());
    for (broken, answer) in answers {
        match answer {
            Ok(created) => {
                stored.insert(created["metadata"]["name"].as_str().unwrap_or_default().to_owned(), broken);
            }
            Err(kube::Error::Api(status)) if broken.is_named_in(&status.message) => {}
            Err(error) => problems.push(format!("{}: refused without its field: {error}", broken.how)),
        }
    }
    settled(lab, stored.len()).await?;
    for server in lab.list(Kind::Server, "").await? {
        let broken = stored[server["metadata"]["name"].as_str().context("a name")?];
        let accepted = condition(&server, "Accepted");
        let message = accepted["message"].as_str().unwrap_or_default();
        if accepted["status"] != "False" {
            problems.push(format!(
                "{}: {:?}: {}",
                broken.how,
                looks(&server),
                condition(&server, "Available")["message"]
            ));
        } else if !broken.is_named_in(message) {
            problems.push(format!("{}: refused without its field: {message}", broken.how));
        }
    }
    println!("{count} broken servers, {} of them stored and then refused by the operator", stored.len());
    ensure!(problems.is_empty(), "SEED={seed}: {} of {count}:\n{}", problems.len(), problems.join("\n"));
    no_panic(&operator)
}

/// A generator, how many servers to make, and the seed to tell.
fn generator(usual: usize) -> Result<(Generator, usize, u64)> {
    let seed = env::var("SEED").map_or_else(|_| Ok(rand::random()), |text| text.parse()).context("SEED")?;
    let count = env::var("SPECS").map_or(Ok(usual), |text| text.parse()).context("SPECS")?;
    println!("{count} servers of SEED={seed}");
    Ok((Generator::new(&mcp_operator::api::crd::open_api_schema(), seed), count, seed))
}

/// The objects that random servers refer to.
async fn pool(lab: &Lab) -> Result<()> {
    for name in POOL {
        lab.apply(&config_map(name, "key", "1")).await?;
        lab.apply(&secret(name, "key", "1")).await?;
    }
    let certificate = rcgen::generate_simple_self_signed(vec!["example.com".to_owned()])?;
    lab.apply(&secret(CA, "ca.crt", &certificate.cert.pem())).await.map(drop)
}

/// Waits until the operator has said of each server what it thinks.
async fn settled(lab: &Lab, count: usize) -> Result<()> {
    within(2 * LONG, "every server has a status", async || {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let servers = lab.list(Kind::Server, "").await?;
        let waiting = |server: &&Value| server["status"]["observedGeneration"] != server["metadata"]["generation"];
        match servers.iter().find(waiting) {
            Some(server) => bail!("{} has none", server["metadata"]["name"]),
            None if servers.len() == count => Ok(()),
            None => bail!("there are {} servers", servers.len()),
        }
    })
    .await
}

/// What the operator did not accept, or could not make objects of. Pods need more than that, such as a service account.
async fn troubled(lab: &Lab) -> Result<Vec<String>> {
    let mut children = BTreeMap::<String, usize>::new();
    for kind in Kind::CHILDREN {
        for child in lab.list(kind, "").await? {
            *children.entry(child["metadata"]["name"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    let troubled = lab.list(Kind::Server, "").await?.into_iter().filter_map(|server| {
        let accepted = looks(&server).get("Accepted").is_some_and(|accepted| accepted == "True Valid");
        let complete = server["metadata"]["name"].as_str().and_then(|name| children.get(name)) == Some(&3);
        let told = ["Accepted", "Rendered", "Available"].map(|name| condition(&server, name)["message"].to_string());
        (!accepted || !complete).then(|| format!("{told:?}\n{}", server["spec"]))
    });
    Ok(troubled.collect())
}

fn no_panic(operator: &Operator) -> Result<()> {
    let log = operator.log();
    let panic = log.lines().find(|line| line.contains("panicked"));
    ensure!(panic.is_none(), "{}", panic.unwrap_or_default());
    Ok(())
}
