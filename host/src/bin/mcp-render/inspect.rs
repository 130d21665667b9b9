//! `mcp-render inspect`: what a component is.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use mcp_operator::offline::{self, Format};
use mcp_operator::stdout::print;

use crate::REFUSED;
use crate::cache::CacheFlags;

pub const HELP: &str = "\
Examples:
  mcp-render inspect policy.wasm
  mcp-render inspect policy.wasm -o json | jq -r .digest  # for RenderPlugin.spec.digest

Exit codes: 0 it is a render plugin; 1 it is not, and the output says why; 2 the file could not be read.";

#[derive(clap::Args)]
pub struct Flags {
    /// The component's file.
    component: PathBuf,
    /// The output's format; without it, lines for people.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

pub fn run(flags: &Flags, cache: &CacheFlags) -> anyhow::Result<ExitCode> {
    let component = std::fs::read(&flags.component).with_context(|| flags.component.display().to_string())?;
    let description = offline::inspect(&cache.sandbox()?, &component);
    print(&flags.output.map_or_else(|| description.to_string(), |format| offline::in_format(&description, format)))?;
    Ok(if description.problem().is_none() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}
