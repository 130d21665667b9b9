//! How fast servers are made, beside a client that only sends the same requests.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::bare::Bare;
use crate::bench::Bench;
use crate::requests::Requests;
use crate::servers::Servers;

/// The operator beside the bare client, on one plane, in one run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Creation {
    /// How many servers.
    pub servers: usize,
    /// Seconds of the bare client, before and after the operator.
    pub bare: [f64; 2],
    /// Seconds of the operator.
    pub operator: f64,
    /// CPU seconds of the operator.
    pub cpu: f64,
    /// What the operator asked the API server for.
    pub requests: Requests,
    /// How many requests the bare client sent.
    pub bare_requests: usize,
}

impl Creation {
    /// Seconds of the operator for each second of the bare client.
    pub fn ratio(&self) -> f64 {
        self.operator / (self.bare.iter().sum::<f64>() / 2.0)
    }
}

/// The API server alone: nothing reacts to what is written, so it is the operator's requests that are measured.
pub async fn alone(bench: &Bench, count: usize) -> Result<Creation> {
    let targets = [bench.servers("bare-1", count).await?, bench.servers("bare-2", count).await?];
    let (model, servers) = (bench.servers("model", 1).await?, bench.servers("load", count).await?);
    for target in targets.iter().chain([&model, &servers]) {
        target.create(0, target.count).await?;
    }
    bench.plane.pause()?;
    model_of(bench, &model).await?;
    let client = bench.plane.client("operator").await?;
    let [first, second] =
        [Bare::prepare(&client, &targets[0], &model).await?, Bare::prepare(&client, &targets[1], &model).await?];
    let before = first.send().await?;
    let (operator, cpu, requests) = by_operator(bench, &servers).await?;
    let after = second.send().await?;
    bench.plane.resume()?;
    Ok(Creation { servers: count, bare: [before, after], operator, cpu, requests, bare_requests: first.requests() })
}

/// Lets the operator make one server, whose status and events stand for all others'.
async fn model_of(bench: &Bench, model: &Servers) -> Result<()> {
    let mut operator = bench.operator("model", &["--namespaces", &model.namespace]).await?;
    operator.until_reconciled(1).await?;
    operator.end().await
}

/// From the operator's first word to the end of the last reconcile.
async fn by_operator(bench: &Bench, servers: &Servers) -> Result<(f64, f64, Requests)> {
    let audit = bench.plane.audit("operator")?;
    let mut operator = bench.operator("creation", &["--namespaces", &servers.namespace]).await?;
    let took = operator.until_reconciled(servers.count).await?;
    let usage = operator.usage()?;
    operator.end().await?;
    Ok((took.as_secs_f64(), usage.cpu, Requests::of(&audit.requests()?)))
}
