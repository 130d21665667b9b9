//! What is exact, and must not get worse: requests, sizes, and memory with a margin. CI holds it against `limits.json`, with the
//! programs that it has built anyway: those of the dev profile.

use std::path::Path;

use anyhow::{Context as _, Result};
use mcp_operator::default_plugin;
use object::{Object as _, ObjectSegment as _};
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
    /// The most memory that the operator allocated while it made 1,000 servers, in MiB: what is resident without what is mapped
    /// from files, such as the program, which differs with its profile.
    pub memory_while_making: f64,
    /// The same after a restart among them.
    pub memory_at_restart: f64,
    /// What is loaded of `mcp-operator`, in MB: its file without names and debug information.
    pub operator_size: f64,
    /// Size of the default plugin in bytes.
    pub default_plugin_size: usize,
}

/// Measures what there are limits for.
pub async fn measure(bench: &Bench) -> Result<Limits> {
    let servers = bench.servers("load", SERVERS).await?;
    let operator = bench.operator("making", &[]).await?;
    let made = growth::fill(bench, &operator, &servers, 0).await?.span;
    operator.end().await?;
    let (operator, restart) = growth::restarted(bench, SERVERS).await?;
    operator.end().await?;
    let Span { requests, allocated, .. } = restart.span;
    let Requests { events, gets, lists, watches, .. } = requests;
    #[expect(clippy::cast_precision_loss, reason = "some thousands, and a file's size")]
    Ok(Limits {
        writes_per_server: made.requests.written() as f64 / SERVERS as f64,
        writes_at_restart: requests.written() + events,
        reads_at_restart: gets + lists + watches,
        memory_while_making: made.allocated,
        memory_at_restart: allocated,
        operator_size: loaded_size(&bench.binary)? as f64 / 1e6,
        default_plugin_size: default_plugin::COMPONENT.len(),
    })
}

fn loaded_size(program: &Path) -> Result<u64> {
    let file = std::fs::read(program)?;
    let program = object::File::parse(&*file).with_context(|| format!("reading {}", program.display()))?;
    Ok(program.segments().map(|segment| segment.file_range().1).sum())
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
