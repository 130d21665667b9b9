//! `mcp-render replay`: renders again what `mcp-operator export` wrote.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use mcp_operator::bundle::{self, Bundle, Outcome, Rendering};
use mcp_operator::offline::{self, Format};
use mcp_operator::stdout::print;

use crate::cache::CacheFlags;
use crate::tell;

pub const HELP: &str = "\
A bundle has everything that decided a render, the plugins' components as well, and what came of it: the digests of the
objects, or why there are none. It is rendered and checked by the operator's own code, and compared.

Examples:
  mcp-operator export team-a/weather -o weather.json    # somebody writes a bundle
  mcp-render replay weather.json                        # the objects, or the failure, and whether they are as recorded
  mcp-operator export team-a/weather | mcp-render replay - -o json

Exit codes: 0 the outcome is as recorded, failure or not; 1 it is another one, and the differences are told; 2 wrong usage,
or the bundle cannot be read.";

const DIFFERENT: u8 = 1;

#[derive(clap::Args)]
pub struct Flags {
    /// The bundle's file, or - for the standard input.
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// The output's format. yaml: documents for kubectl apply. json: one List.
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: Format,
}

pub fn run(flags: &Flags, cache: &CacheFlags) -> anyhow::Result<ExitCode> {
    let name = if flags.bundle == Path::new("-") { "standard input".into() } else { flags.bundle.to_string_lossy() };
    let bundle = read(&flags.bundle).with_context(|| name.to_string())?;
    let inputs =
        bundle.load(&cache.sandbox()?).and_then(|chain| bundle.inputs(chain)).with_context(|| name.to_string())?;
    let Rendering { outcome, vetted } = bundle::render(&inputs);
    if let Some(vetted) = vetted {
        print(&offline::manifests(vetted.objects(), flags.output))?;
    }
    about(&bundle);
    let differences = bundle.outcome.differences(&outcome);
    if differences.is_empty() {
        tell(format_args!("as recorded: {}", outcome.in_words()));
        return Ok(ExitCode::SUCCESS);
    }
    tell(format_args!("error: {name}: another outcome than the recorded one:"));
    for difference in &differences {
        tell(format_args!("  {difference}"));
    }
    if let (Outcome::Rendered { .. }, Outcome::Failed { class, .. }) = (&bundle.outcome, &outcome)
        && class == "Timeout"
    {
        tell(format_args!("  A machine that is slower or busier than the one that wrote it takes longer."));
    }
    Ok(ExitCode::from(DIFFERENT))
}

fn read(file: &Path) -> anyhow::Result<Bundle> {
    if file == Path::new("-") {
        return bundle::read(io::stdin().lock());
    }
    let opened = File::open(file)?;
    ensure!(opened.metadata()?.is_file(), "this is no file");
    bundle::read(opened)
}

/// What the reader should know before believing that this is what the cluster has.
fn about(bundle: &Bundle) {
    let ours = concat!("mcp-operator ", env!("CARGO_PKG_VERSION"));
    if bundle.written_by != ours {
        tell(format_args!("note: the bundle was written by {}; this is {ours}", bundle.written_by));
    }
    if !bundle.redacted.is_empty() {
        tell(format_args!("note: values were taken out: {}", bundle.redacted.join(", ")));
    }
    if !bundle.recorded.differences.is_empty() {
        tell(format_args!("note: already where it was written, the render was not what the server's status says:"));
        bundle.recorded.differences.iter().for_each(|difference| tell(format_args!("  {difference}")));
    }
}
