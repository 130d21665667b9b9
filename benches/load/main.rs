//! Measures the operator among many servers on a real control plane, and says what it found.

mod bare;
mod bench;
mod beside;
mod changes;
mod creation;
mod figures;
mod growth;
mod limits;
mod machine;
mod page;
mod plane;
mod plot;
mod process;
mod rendering;
mod requests;
mod servers;
mod small;
mod swap;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;

use self::bench::Bench;
use self::figures::Figures;
use self::machine::Machine;

/// Measure the operator among many servers on a control plane of its own, with fake nodes.
#[derive(Parser)]
#[command(
    after_help = "With the sizes 100, 1000 and 10000 this takes most of an hour on two CPUs. Nothing else should run meanwhile."
)]
struct Flags {
    /// How many servers, smallest first.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "100,1000,10000")]
    sizes: Vec<usize>,
    /// How many servers are made beside the bare client.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    beside: usize,
    /// Where mcp-operator and mcp-render are; built with the release profile if it is to mean anything.
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    /// Write the tables and plots of the page `performance.md` in this folder. Parts that were not measured stay as they are.
    #[arg(long, value_name = "FOLDER")]
    docs: Option<PathBuf>,
    /// Measure what is exact instead, and fail where it is over the limits in this file.
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// Measure only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// What one program is and needs.
    Small,
    /// Creation beside a bare client.
    Creation,
    /// More and more servers.
    Growth,
}

#[tokio::main]
async fn main() -> Result<()> {
    let flags = Flags::parse();
    ensure!(rustls::crypto::ring::default_provider().install_default().is_ok(), "TLS was set up twice");
    let programs = match &flags.programs {
        Some(folder) => folder.clone(),
        None => beside_this_program()?,
    };
    if let Some(file) = &flags.limits {
        return hold(file, &programs).await;
    }
    let figures = measure(&flags, &programs).await?;
    println!("{}", serde_json::to_string_pretty(&figures)?);
    Ok(())
}

/// Writes what was measured so far, so that a part that fails loses none of the others.
fn keep(figures: &Figures, flags: &Flags, programs: &Path) -> Result<()> {
    let criterion = programs.join("../criterion");
    flags.docs.as_ref().map_or(Ok(()), |docs| page::write(figures.clone(), &criterion, docs))
}

/// Measures what is exact, and fails where it is over a limit.
async fn hold(file: &Path, programs: &Path) -> Result<()> {
    let bench =
        Bench::on_new_plane("bench-limits", programs.join("mcp-operator"), programs.join("load-logs/limits")).await?;
    let figures = limits::measure(&bench).await?;
    println!("{}", serde_json::to_string_pretty(&figures)?);
    let exceeded = limits::exceeded(&figures, file)?;
    ensure!(exceeded.is_empty(), "over the limits in {}:\n{}", file.display(), exceeded.join("\n"));
    Ok(())
}

async fn measure(flags: &Flags, programs: &Path) -> Result<Figures> {
    let wanted = |part| flags.only.is_empty() || flags.only.contains(&part);
    let logs = programs.join("load-logs");
    let new = async |name| Bench::on_new_plane(name, programs.join("mcp-operator"), logs.join(name)).await;
    let mut figures = Figures { machine: Some(Machine::this()?), ..Figures::default() };
    if wanted(Part::Small) {
        say("the programs");
        figures.small = Some(small::measure(&new("bench-small").await?, programs).await?);
        figures.measured("programs")?;
        keep(&figures, flags, programs)?;
    }
    if wanted(Part::Creation) {
        say("creation beside a bare client");
        figures.creation = Some(creation::measure(flags.beside, async || new("bench-creation").await).await?);
        figures.measured("creation")?;
        keep(&figures, flags, programs)?;
    }
    if wanted(Part::Growth) {
        say("more and more servers");
        let bench = new("bench-growth").await?;
        let servers = growth::measure(&bench, &flags.sizes, |growth| {
            say(&format!("{} servers are done", growth.servers));
            figures.growth.push(growth);
            figures.measured("growth")?;
            keep(&figures, flags, programs)
        })
        .await?;
        say("one change beside an operator with few servers");
        figures.beside = Some(beside::measure(&bench, &servers).await?);
        keep(&figures, flags, programs)?;
    }
    Ok(figures)
}

fn say(what: &str) {
    eprintln!("=== {what}");
}

fn beside_this_program() -> Result<PathBuf> {
    Ok(std::env::current_exe()?.parent().context("a folder")?.to_owned())
}

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_mins(30);

/// Asks until the answer is yes.
async fn until(what: &str, probe: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    until_every(Duration::from_millis(20), what, probe).await
}

/// How often to ask an operator with so many servers for its metrics: they are long, and to write them is work of its own.
fn pace(servers: usize) -> Duration {
    Duration::from_millis((servers as u64).clamp(20, 2000))
}

/// Asks until the answer is yes, so often.
async fn until_every(interval: Duration, what: &str, mut probe: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !probe().await? {
        if start.elapsed() > PATIENCE {
            bail!("not within {} minutes: {what}", PATIENCE.as_secs() / 60);
        }
        tokio::time::sleep(interval).await;
    }
    Ok(())
}
