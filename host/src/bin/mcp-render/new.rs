//! `mcp-render new`: the project of a new plugin.

use std::path::PathBuf;
use std::process::ExitCode;

use mcp_operator::offline::{self, Format, new};
use mcp_operator::stdout::print;

pub const HELP: &str = "\
The project builds and passes at once. It has a small policy that gives pods a priority
class, its parameters, golden cases, unit tests, a README, and a workflow that builds, tests and
checks it in CI.

Examples:
  mcp-render new team-labels --lang rust
  mcp-render new team-labels --lang python --dir plugins/team-labels

Exit codes: 0 the project is there; 2 the name cannot be one, or the folder is not empty.";

#[derive(clap::Args)]
pub struct Flags {
    /// The plugin's name: a DNS label, such as team-labels.
    name: new::Name,
    /// The language.
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: new::Language,
    /// The project's folder. Without it, one with the plugin's name.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// The output's format; without it, lines for people.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

pub fn run(flags: &Flags) -> anyhow::Result<ExitCode> {
    let created = new::create(flags.lang, &flags.name, flags.dir.as_deref())?;
    print(&flags.output.map_or_else(|| created.to_string(), |format| offline::in_format(&created, format)))?;
    Ok(ExitCode::SUCCESS)
}
