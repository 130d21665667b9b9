//! How fast servers are made, beside a client that only sends the same requests.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::bare::Bare;
use crate::bench::Bench;
use crate::requests::Requests;
use crate::servers::Servers;

/// How often the operator has its turn: the machine's speed changes in between, and the API server gets slower as it has more.
const TURNS: usize = 3;

/// The operator and the bare client in turns, on one plane, in one run; the bare client is the first and the last.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Creation {
    /// How many servers are made in each turn.
    pub servers: usize,
    /// Seconds of the bare client.
    pub bare: Vec<f64>,
    /// How many requests it sent in each turn.
    pub bare_requests: usize,
    /// The operator.
    pub operator: Vec<Turn>,
}

/// What the operator took.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Turn {
    /// Seconds, from its first word to the end of the last reconcile.
    pub seconds: f64,
    /// CPU seconds.
    pub cpu: f64,
    /// What it asked the API server for.
    pub requests: Requests,
}

impl Creation {
    /// For each turn of the operator, its seconds for each second of the bare client, which had its turns before and after it.
    pub fn ratios(&self) -> Vec<f64> {
        let around = self.bare.windows(2).map(|bare| f64::midpoint(bare[0], bare[1]));
        self.operator.iter().zip(around).map(|(turn, bare)| turn.seconds / bare).collect()
    }
}

/// The API server alone: nothing reacts to what is written, so it is the operator's requests that are measured.
pub async fn alone(bench: &Bench, count: usize) -> Result<Creation> {
    let model = bench.servers("model", 1).await?;
    model.create(0, 1).await?;
    let (mut targets, mut loads) = (Vec::new(), Vec::new());
    for turn in 0..=TURNS {
        targets.push(filled(bench, &format!("bare-{turn}"), count).await?);
        if turn < TURNS {
            loads.push(filled(bench, &format!("load-{turn}"), count).await?);
        }
    }
    bench.plane.pause()?;
    model_of(bench, &model).await?;
    let client = bench.plane.client("operator").await?;
    let mut creation = Creation { servers: count, bare: Vec::new(), bare_requests: 0, operator: Vec::new() };
    let mut loads = loads.iter();
    for target in &targets {
        let bare = Bare::prepare(&client, target, &model).await?;
        creation.bare.push(bare.send().await?);
        creation.bare_requests = bare.requests();
        if let Some(servers) = loads.next() {
            creation.operator.push(by_operator(bench, servers).await?);
        }
    }
    bench.plane.resume()?;
    Ok(creation)
}

async fn filled(bench: &Bench, namespace: &str, count: usize) -> Result<Servers> {
    let servers = bench.servers(namespace, count).await?;
    servers.create(0, count).await?;
    Ok(servers)
}

/// Lets the operator make one server, whose status and events stand for all others'.
async fn model_of(bench: &Bench, model: &Servers) -> Result<()> {
    let mut operator = bench.operator("model", &["--namespaces", &model.namespace]).await?;
    operator.until_reconciled(1).await?;
    operator.end().await
}

async fn by_operator(bench: &Bench, servers: &Servers) -> Result<Turn> {
    let audit = bench.plane.audit("operator")?;
    let mut operator = bench.operator("creation", &["--namespaces", &servers.namespace]).await?;
    let took = operator.until_reconciled(servers.count).await?;
    let usage = operator.usage()?;
    operator.end().await?;
    Ok(Turn { seconds: took.as_secs_f64(), cpu: usage.cpu, requests: Requests::of(&audit.requests()?) })
}
