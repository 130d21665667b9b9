//! What is exact, and must not get worse: requests, sizes, and memory with a margin. CI holds it against `limits.json`.

use std::path::Path;

use anyhow::{Context as _, Result};
use mcp_operator::default_plugin;
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::growth::{self, Span};
use crate::requests::Requests;

/// How many servers.
const SERVERS: usize = 1000;

/// The figures, or the most that each may be.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Write requests for each server until it is Ready with an address, events aside.
    pub writes_per_server: f64,
    /// Write requests after a restart among 1,000 servers, events included.
    pub writes_at_restart: usize,
    /// Other requests after a restart among 1,000 servers: lists by page, watches, single objects.
    pub reads_at_restart: usize,
    /// The most resident memory that the operator had while it made 1,000 servers, in MiB.
    pub memory_while_making: f64,
    /// The same after a restart among them.
    pub memory_at_restart: f64,
    /// Size of `mcp-operator` in MB.
    pub operator_size: f64,
    /// Size of the default plugin in bytes.
    pub default_plugin_size: usize,
}

/// Measures what there are limits for.
pub async fn measure(bench: &Bench) -> Result<Limits> {
    let servers = bench.servers("load", SERVERS).await?;
    let operator = bench.operator("making", &[])?;
    let made = growth::fill(bench, &operator, &servers, 0).await?.span;
    operator.end().await?;
    let (operator, restart) = growth::restarted(bench, SERVERS).await?;
    operator.end().await?;
    let Span { requests, peak, .. } = restart.span;
    let Requests { events, gets, lists, watches, .. } = requests;
    #[expect(clippy::cast_precision_loss, reason = "some thousands, and a file's size")]
    Ok(Limits {
        writes_per_server: made.requests.written() as f64 / SERVERS as f64,
        writes_at_restart: requests.written() + events,
        reads_at_restart: gets + lists + watches,
        memory_while_making: made.peak,
        memory_at_restart: peak,
        operator_size: std::fs::metadata(&bench.binary)?.len() as f64 / 1e6,
        default_plugin_size: default_plugin::COMPONENT.len(),
    })
}

/// What is over its limit, a line each.
pub fn exceeded(figures: &Limits, file: &Path) -> Result<Vec<String>> {
    let limits = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let limits: Limits = serde_json::from_slice(&limits).with_context(|| format!("reading {}", file.display()))?;
    let [figures, limits] = [figures, &limits].map(|figures| serde_json::to_value(figures).expect("numbers"));
    let figures = figures.as_object().expect("an object").clone();
    let over = |(name, figure): (String, serde_json::Value)| {
        let (figure, limit) = (figure.as_f64()?, limits[&name].as_f64()?);
        (figure > limit).then(|| format!("{name} is {figure}; the limit is {limit}"))
    };
    Ok(figures.into_iter().filter_map(over).collect())
}
