//! The command of people who write render policies: renders MCPServers on files, with the operator's own code.

mod access;
mod bench;
mod build;
mod cache;
mod check;
mod dev;
mod diff;
mod flags;
mod inspect;
mod new;
mod progress;
mod pull;
mod push;
mod render;
mod replay;
mod test;

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};
use mcp_operator::offline::Findings;
use mcp_operator::stdout::print;
use mcp_operator::{completion, sandbox};
use tracing_subscriber::EnvFilter;

use crate::cache::CacheFlags;

/// Renders MCPServers without a cluster, exactly as the operator does: the same plugins, the same checks, the same bytes.
#[derive(Parser)]
#[command(name = "mcp-render", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    cache: CacheFlags,
}

#[derive(Subcommand)]
enum Command {
    /// Build a plugin project to a component, with the tools of its language.
    #[command(after_help = build::HELP)]
    Build(build::Flags),
    /// Write the project of a new plugin, which builds and passes at once.
    #[command(after_help = new::HELP)]
    New(new::Flags),
    /// At each change of a plugin's project, build it and show what changes for MCPServers.
    #[command(after_help = dev::HELP)]
    Dev(dev::Flags),
    /// Print the Kubernetes objects that MCPServers become.
    #[command(after_help = render::HELP)]
    Render(render::Flags),
    /// Compare what golden folders render to with what they say.
    #[command(after_help = test::HELP)]
    Test(test::Flags),
    /// Say whether a plugin keeps the contract, and which fields of an MCPServer it drops.
    #[command(after_help = check::HELP)]
    Check(check::Flags),
    /// Measure what a chain of plugins costs: time, fuel, memory and output, beside the limits.
    #[command(after_help = bench::HELP)]
    Bench(bench::Flags),
    /// Show what changes for each MCPServer when another plugin renders it, and whether its pods restart.
    #[command(after_help = diff::HELP)]
    Diff(diff::Flags),
    /// Render once more what `mcp-operator export` wrote, and say whether the outcome is the same.
    #[command(after_help = replay::HELP)]
    Replay(replay::Flags),
    /// Show what a component is, what it needs, and whether it can be used as a render plugin.
    #[command(after_help = inspect::HELP)]
    Inspect(inspect::Flags),
    /// Publish a render plugin in an OCI registry.
    #[command(after_help = push::HELP)]
    Push(push::Flags),
    /// Fetch a render plugin from an OCI registry.
    #[command(after_help = pull::HELP)]
    Pull(pull::Flags),
    /// Print a script that completes this command in a shell.
    #[command(after_help = completion::help("mcp-render"))]
    Completion(completion::Flags),
    /// Compile the component on the standard input; what this command starts for each plugin that it does not know yet.
    #[command(hide = true)]
    Compile {
        /// The file to write.
        image: PathBuf,
    },
}

const REFUSED: u8 = 1;
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let Cli { command, cache } = Cli::parse();
    let outcome = log().and_then(|()| run(command, &cache));
    outcome.unwrap_or_else(|error| {
        tell(format_args!("error: {error:#}"));
        ExitCode::from(UNUSABLE)
    })
}

fn run(command: Command, cache: &CacheFlags) -> anyhow::Result<ExitCode> {
    match command {
        Command::Build(flags) => build::run(&flags, cache),
        Command::Dev(flags) => dev::run(&flags, cache),
        Command::New(flags) => new::run(&flags),
        Command::Render(flags) => render::run(&flags, cache),
        Command::Test(flags) => test::run(&flags, cache),
        Command::Check(flags) => check::run(&flags, cache),
        Command::Bench(flags) => bench::run(&flags, cache),
        Command::Diff(flags) => diff::run(&flags, cache),
        Command::Replay(flags) => replay::run(&flags, cache),
        Command::Inspect(flags) => inspect::run(&flags, cache),
        Command::Push(flags) => push::run(flags, cache),
        Command::Pull(flags) => pull::run(flags),
        Command::Completion(flags) => print(&flags.script("mcp-render", &Cli::command())).map(|()| ExitCode::SUCCESS),
        Command::Compile { image } => sandbox::compile(&image).map(ExitCode::from),
    }
}

/// Shows what the library notes besides, to whoever asks for it as of the operator: by `MCP_LOG=debug`.
fn log() -> anyhow::Result<()> {
    let Some(filter) = env::var_os("MCP_LOG") else { return Ok(()) };
    let filter = EnvFilter::try_new(filter.to_string_lossy()).context("MCP_LOG")?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).init();
    Ok(())
}

/// Writes what was found to the standard error.
fn tell_all(findings: &Findings) {
    findings.iter().for_each(|finding| tell(format_args!("{finding}")));
}

/// Writes a line to the standard error, if anybody listens.
fn tell(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}
