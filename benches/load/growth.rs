//! What the operator costs with more and more servers: each size in turn, on one plane, the servers of the one before included.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::changes::{self, Edits, FanOut};
use crate::process::{Process, Usage};
use crate::requests::Requests;
use crate::servers::Servers;
use crate::swap::{self, Swap};
use crate::until_every;

/// How long nothing happens.
const STEADY: Duration = Duration::from_mins(1);
/// How long requests are counted after a restart.
const AFTER_RESTART: Duration = Duration::from_secs(20);

/// One size.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Growth {
    /// How many servers there are.
    pub servers: usize,
    /// Making those that were not there yet.
    pub creation: Filling,
    /// A minute in which nothing happens.
    pub steady: Span,
    /// A restart.
    pub restart: Restart,
    /// One change at a time.
    pub edits: Edits,
    /// A change that concerns many.
    pub fan_out: FanOut,
    /// Another policy with the same output.
    pub swap: Swap,
}

/// Servers that are made with everything reacting to them, until each is Ready with an address.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Filling {
    /// How many were made.
    pub servers: usize,
    /// Seconds.
    pub seconds: f64,
    /// What the operator did meanwhile.
    #[serde(flatten)]
    pub span: Span,
}

/// What the operator did and used in a while.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Span {
    /// Its requests.
    pub requests: Requests,
    /// Its CPU seconds.
    pub cpu: f64,
    /// Its resident memory at the end, in MiB.
    pub resident: f64,
    /// The most there was of it since its start.
    pub peak: f64,
    /// Of that, what is not mapped from files.
    pub allocated: f64,
}

/// A restart.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Restart {
    /// Seconds until every server was reconciled.
    pub seconds: f64,
    /// What it did in [`AFTER_RESTART`].
    #[serde(flatten)]
    pub span: Span,
}

impl Span {
    fn between(before: Option<Usage>, after: Usage, requests: Requests) -> Self {
        let cpu = after.cpu - before.map_or(0.0, |usage| usage.cpu);
        let Usage { resident, peak, mapped, .. } = after;
        Self { requests, cpu, resident, peak, allocated: peak - mapped }
    }
}

/// Every size in turn; `done` gets each. Returns the servers.
pub async fn measure(bench: &Bench, sizes: &[usize], mut done: impl FnMut(Growth) -> Result<()>) -> Result<Servers> {
    let largest = *sizes.iter().max().context("a size")?;
    let servers = bench.servers("load", largest).await?;
    let mut operator = bench.operator("growth-0", &[]).await?;
    operator.until_reconciled(0).await?;
    let mut from = 0;
    for &size in sizes {
        let servers = servers.with_count(size);
        let creation = fill(bench, &operator, &servers, from).await?;
        quiet(&operator).await?;
        let steady = steady(bench, &operator).await?;
        operator.end().await?;
        let restart;
        (operator, restart) = restarted(bench, size).await?;
        let edits = changes::edits("edit", &[(&operator, &servers)]).await?.remove(0);
        quiet(&operator).await?;
        let fan_out = changes::fan_out(bench, &servers).await?;
        quiet(&operator).await?;
        let swap = swap::measure(bench, &operator, size).await?;
        quiet(&operator).await?;
        done(Growth { servers: size, creation, steady, restart, edits, fan_out, swap })?;
        from = size;
    }
    operator.end().await?;
    Ok(servers)
}

/// Creates servers with everything reacting to them, until each is Ready with an address.
pub async fn fill(bench: &Bench, operator: &Process, servers: &Servers, from: usize) -> Result<Filling> {
    let (audit, before, start) = (bench.plane.audit("operator")?, operator.usage()?, Instant::now());
    servers.create(from, servers.count).await?;
    servers.until_ready().await?;
    let seconds = start.elapsed().as_secs_f64();
    quiet(operator).await?;
    let span = Span::between(Some(before), operator.usage()?, Requests::of(&audit.requests()?));
    Ok(Filling { servers: servers.count - from, seconds, span })
}

async fn steady(bench: &Bench, operator: &Process) -> Result<Span> {
    let (audit, before) = (bench.plane.audit("operator")?, operator.usage()?);
    tokio::time::sleep(STEADY).await;
    Ok(Span::between(Some(before), operator.usage()?, Requests::of(&audit.requests()?)))
}

/// A new process among servers that are all as they should be.
pub async fn restarted(bench: &Bench, count: usize) -> Result<(Process, Restart)> {
    let audit = bench.plane.audit("operator")?;
    let mut operator = bench.operator(&format!("restart-{count}"), &[]).await?;
    let seconds = operator.until_reconciled(count).await?.as_secs_f64();
    tokio::time::sleep(AFTER_RESTART).await;
    let span = Span::between(None, operator.usage()?, Requests::of(&audit.requests()?));
    Ok((operator, Restart { seconds, span }))
}

/// Waits until nothing was reconciled for some seconds.
pub async fn quiet(operator: &Process) -> Result<()> {
    let mut last = (usize::MAX, Instant::now());
    until_every(Duration::from_millis(500), "the operator has nothing to do", async || {
        let count = operator.reconciles().await;
        if count != last.0 {
            last = (count, Instant::now());
        }
        Ok(last.1.elapsed() >= Duration::from_secs(3))
    })
    .await
}
