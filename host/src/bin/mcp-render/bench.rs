//! `mcp-render bench`: what a plugin costs.

use std::process::ExitCode;

use mcp_operator::offline::{self, Findings, Format, PluginSource, Severity, bench};
use mcp_operator::stdout::print;

use crate::cache::CacheFlags;
use crate::flags::{ClusterFlags, SettingFlags, SourceFlags};
use crate::{REFUSED, UNUSABLE, progress, tell, tell_all};

pub const HELP: &str = "\
What is measured, for each server and each plugin of the chain:
  render   wall time of one call in a fresh instance, on this machine, under its load
  vetting  wall time of the checks on what the chain returned
  fuel     the WebAssembly instructions that one call executes, about
  memory   bytes of linear memory that one call needs, summed over all memories
  output   bytes of its answer
Fuel, memory and output are exactly the same in each run, on every machine, with the same version of this command.

Examples:
  mcp-render bench policy.wasm                                  # with the embedded examples
  mcp-render bench default policy.wasm -f servers/              # as a chain: policy.wasm changes what default rendered
  mcp-render bench default policy.wasm --max-fuel 5000000       # a cost budget, for CI
  mcp-render bench policy.wasm --iterations 1000 -o json | jq '.servers[].stages[].renderMicroseconds.p99'

Exit codes: 0 all is measured, or refused in words; 1 a plugin failed for some server, all servers were refused, or the
last plugin takes more fuel than --max-fuel; 2 wrong usage, or some input could not be read.";

#[derive(clap::Args)]
#[command(mut_arg("filenames", |arg| arg.required(false).help(FILENAMES)))]
pub struct Flags {
    /// The chain: components' files, or `default` for the embedded default plugin. Without any, that one alone.
    #[arg(value_name = "PLUGIN")]
    plugins: Vec<PluginSource>,
    #[command(flatten)]
    sources: SourceFlags,
    #[command(flatten)]
    settings: SettingFlags,
    #[command(flatten)]
    cluster: ClusterFlags,
    /// How many times each server is rendered.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    iterations: u32,
    /// The most fuel that the chain's last plugin may take for a server.
    #[arg(long, value_name = "N")]
    max_fuel: Option<u64>,
    /// The output's format; without it, tables for people.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

pub const FILENAMES: &str = "A file or directory with MCPServers, or - for the standard input, to take instead of the embedded \
examples. Repeatable. ConfigMaps and Secrets that they refer to give the pods' config-hash";

pub fn run(flags: &Flags, cache: &CacheFlags) -> anyhow::Result<ExitCode> {
    let mut findings = Findings::default();
    let [timing, counting] = cache.sandboxes()?;
    let (mut chain, plugins) = bench::load(&timing, &counting, &flags.plugins)?;
    offline::configure(&mut chain, &flags.settings.settings(), &mut findings);
    if findings.has_errors() {
        tell_all(&findings);
        return Ok(ExitCode::from(UNUSABLE));
    }
    let surroundings = flags.cluster.around(chain);
    let sources = flags.sources.given();
    let iterations = usize::try_from(flags.iterations)?;
    let bar = progress::bar("renders");
    let report =
        bench::run(plugins, &surroundings, sources.as_ref(), iterations, &mut findings, &mut progress::on(&bar));
    bar.finish_and_clear();
    tell_all(&findings);
    print(&flags.output.map_or_else(|| report.to_string(), |format| offline::in_format(&report, format)))?;
    let problems = report.problems(flags.max_fuel);
    for problem in &problems {
        tell(format_args!("error: {problem}"));
    }
    Ok(match findings.worst() {
        Some(Severity::Unreadable) => ExitCode::from(UNUSABLE),
        Some(Severity::Error | Severity::Fault) => ExitCode::from(REFUSED),
        _ if problems.is_empty() => ExitCode::SUCCESS,
        _ => ExitCode::from(REFUSED),
    })
}
