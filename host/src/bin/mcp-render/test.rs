//! `mcp-render test`: golden folders.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use mcp_operator::offline::{self, Findings, Format, Severity, cases};
use mcp_operator::stdout::{print, print_coloured};

use crate::cache::CacheFlags;
use crate::flags::ChainFlags;
use crate::{REFUSED, UNUSABLE, tell_all};

pub const HELP: &str = "\
A case is a folder; its name says what it shows, such as cases/a-server-without-owner-is-refused/:
  server.yaml        the MCPServer, and ConfigMaps and Secrets that it refers to, as further documents
  parameters.yaml    parameters of the chain's last plugin; optional
  grants.yaml        what the chain's last plugin is granted; optional, and may stand in a folder above, for all cases there
  expected.yaml      the objects, as `mcp-render render` prints them; absent when the server is refused
  diagnostics.yaml   what `mcp-render render` says besides: a list of severity, path, plugin, code and message; absent
                     when it says nothing
A crash, a time-out or an object that may not be applied is never what a case expects. What is wrong with server.yaml itself
is expected only where somebody wrote it down: --update does not. A folder beside cases that is none fails.

Examples:
  mcp-render test --plugin policy.wasm                            # the cases in cases/
  mcp-render test --plugin default --plugin policy.wasm           # of a policy that changes what default rendered
  mcp-render test --plugin policy.wasm --update; git diff         # make the files say what is rendered now
  mcp-render test plugins/*/cases --junit report.xml              # for CI

Exit codes: 0 all passed or were updated; 1 some failed; 2 wrong usage, no case, or a plugin that cannot be loaded.";

#[derive(clap::Args)]
pub struct Flags {
    /// Folders with cases, at any depth.
    #[arg(default_value = "cases", value_name = "DIR")]
    directories: Vec<PathBuf>,
    #[command(flatten)]
    chain: ChainFlags,
    /// Make expected.yaml and diagnostics.yaml of each case say what is rendered now.
    #[arg(long)]
    update: bool,
    /// Write the outcomes to this file, in the XML that CI systems read.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// The output's format; without it, lines and differences for people.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

pub fn run(flags: &Flags, cache: &CacheFlags) -> anyhow::Result<ExitCode> {
    let found: Vec<_> = flags.directories.iter().map(|directory| cases::find(directory)).collect::<Result<_, _>>()?;
    let surroundings = flags.chain.unconfigured(&cache.sandbox()?)?;
    let settings = flags.chain.settings();
    let mut findings = Findings::default();
    offline::configure(&mut surroundings.chain.clone(), &settings, &mut findings);
    // What a schema says of parameters is each case's matter; a file that cannot be read is no case's.
    if findings.worst() == Some(Severity::Unreadable) {
        tell_all(&findings);
        return Ok(ExitCode::from(UNUSABLE));
    }
    let run = |case: &cases::Case| case.run(&surroundings, &settings, flags.update);
    let report = cases::Report::new(found.iter().flatten().map(run).collect());
    if let Some(file) = &flags.junit {
        fs::write(file, cases::junit(&report)).with_context(|| file.display().to_string())?;
    }
    match flags.output {
        Some(format) => print(&offline::in_format(&report, format))?,
        None => print_coloured(&report.to_string())?,
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}
