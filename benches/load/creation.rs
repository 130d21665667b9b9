//! How fast servers are made, beside a client that only sends the same requests.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::bare::Bare;
use crate::bench::Bench;
use crate::requests::Requests;
use crate::servers::Servers;

/// How often it is measured: the machine's speed changes from time to time.
const TURNS: usize = 3;

/// The operator and the bare client, in one run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Creation {
    /// How many servers are made in each turn of either.
    pub servers: usize,
    /// Each is on a new plane, because the API server gets slower as it has more.
    pub turns: Vec<Turn>,
}

/// A turn of the operator, between two of the bare client.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Turn {
    /// Seconds of the bare client, before and after the operator.
    pub bare: [f64; 2],
    /// How many requests it sent each time.
    pub bare_requests: usize,
    /// Seconds of the operator, from its start to the answer to its last request.
    pub seconds: f64,
    /// Its CPU seconds.
    pub cpu: f64,
    /// What it asked the API server for.
    pub requests: Requests,
}

impl Turn {
    /// The operator's seconds for each second of the bare client.
    pub fn ratio(&self) -> f64 {
        self.seconds / f64::midpoint(self.bare[0], self.bare[1])
    }
}

/// Makes so many servers on planes that `new` starts.
pub async fn measure(count: usize, new: impl AsyncFn() -> Result<Bench>) -> Result<Creation> {
    let mut turns = Vec::new();
    for _ in 0..TURNS {
        turns.push(turn(&new().await?, count).await?);
    }
    Ok(Creation { servers: count, turns })
}

/// The API server alone: nothing reacts to what is written, so it is the operator's requests that are measured.
async fn turn(bench: &Bench, count: usize) -> Result<Turn> {
    let model = bench.servers("model", 1).await?;
    model.create(0, 1).await?;
    let first = filled(bench, "before", count).await?;
    let servers = filled(bench, "load", count).await?;
    let last = filled(bench, "after", count).await?;
    bench.plane.pause()?;
    model_of(bench, &model).await?;
    let client = bench.plane.client("operator").await?;
    let bare = Bare::prepare(&client, &first, &model).await?;
    let (before, bare_requests) = (bare.send().await?, bare.requests());
    let (took, cpu, requests) = by_operator(bench, &servers, bare_requests).await?;
    let after = Bare::prepare(&client, &last, &model).await?.send().await?;
    Ok(Turn { bare: [before, after], bare_requests, seconds: took.as_secs_f64(), cpu, requests })
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

/// How long the operator takes for so many writes, its CPU seconds, and what it asks for. It is not asked how far it is
/// until they are answered: to write its metrics for so many servers is work of its own.
async fn by_operator(bench: &Bench, servers: &Servers, writes: usize) -> Result<(Duration, f64, Requests)> {
    let audit = bench.plane.audit("operator")?;
    let mut operator = bench.operator("creation", &["--namespaces", &servers.namespace]).await?;
    audit.until_written(writes).await?;
    let (took, usage) = (operator.started.elapsed(), operator.usage()?);
    operator.until_reconciled(servers.count).await?;
    operator.end().await?;
    Ok((took, usage.cpu, Requests::of(&audit.requests()?)))
}
