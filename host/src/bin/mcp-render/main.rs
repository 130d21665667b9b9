//! The command of people who write render policies: renders MCPServers on files, with the operator's own code.

mod access;
mod bench;
mod build;
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

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use mcp_operator::completion;
use mcp_operator::offline::Findings;
use mcp_operator::stdout::print;

/// Renders MCPServers without a cluster, exactly as the operator does: the same plugins, the same checks, the same bytes.
#[derive(Parser)]
#[command(name = "mcp-render", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
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
}

const REFUSED: u8 = 1;
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Build(flags) => build::run(&flags),
        Command::Dev(flags) => dev::run(&flags),
        Command::New(flags) => new::run(&flags),
        Command::Render(flags) => render::run(&flags),
        Command::Test(flags) => test::run(&flags),
        Command::Check(flags) => check::run(&flags),
        Command::Bench(flags) => bench::run(&flags),
        Command::Diff(flags) => diff::run(&flags),
        Command::Replay(flags) => replay::run(&flags),
        Command::Inspect(flags) => inspect::run(&flags),
        Command::Push(flags) => push::run(flags),
        Command::Pull(flags) => pull::run(flags),
        Command::Completion(flags) => print(&flags.script("mcp-render", &Cli::command())).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        tell(format_args!("error: {error:#}"));
        ExitCode::from(UNUSABLE)
    })
}

/// Writes what was found to the standard error.
fn tell_all(findings: &Findings) {
    findings.iter().for_each(|finding| tell(format_args!("{finding}")));
}

/// Writes a line to the standard error, if anybody listens.
fn tell(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}
