//! `mcp-render check`: everything that can be said of a plugin without a cluster.

use std::path::PathBuf;
use std::process::ExitCode;

use mcp_operator::offline::{self, Exemption, Findings, Format, PluginFile, PluginSource, Settings, Sources, check};
use mcp_operator::stdout::print;

use crate::cache::CacheFlags;
use crate::flags::ClusterFlags;
use crate::{REFUSED, UNUSABLE, progress, tell_all};

pub const HELP: &str = "\
What is checked, of the chain default -> PLUGIN:
  contract      the component exports and imports what mcp:render says, and describes itself
  imports       what it imports besides
  size          how large it is, and how large it may be
  vetting       servers are rendered, and every object may be applied
  determinism   the same servers under another clock and other random numbers: the same answers
  coverage      for each field of an MCPServer, two servers that differ in that field alone: other
                objects, or a refusal in words. A field that changes nothing was dropped silently;
                --exempt says why that is right.

Examples:
  mcp-render check policy.wasm
  mcp-render check policy.wasm --parameters policy.yaml -f servers/  # that it accepts
  mcp-render check policy.wasm --exempt 'spec.runtime.replicas=an autoscaler owns the number'
  mcp-render check policy.wasm -o json | jq '.fields[] | select(.verdict == \"dropped\").path'

Exit codes: 0 nothing is wrong; 1 something is, and the output says what; 2 wrong usage, or some input could not be read.";

#[derive(clap::Args)]
pub struct Flags {
    /// The component's file, or `default` for the embedded default plugin.
    plugin: PluginSource,
    /// A YAML or JSON file with the plugin's parameters.
    #[arg(long, value_name = "FILE")]
    parameters: Vec<PluginFile>,
    /// A YAML or JSON file with what the plugin is granted.
    #[arg(long, value_name = "FILE")]
    grants: Vec<PluginFile>,
    /// Files or directories with MCPServers, read with everything below them, to take instead of the embedded examples.
    /// Repeatable.
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    filenames: Vec<PathBuf>,
    /// A field that needs to change no object, with everything below it, and why. Repeatable.
    #[arg(long = "exempt", value_name = "PATH=REASON")]
    exemptions: Vec<Exemption>,
    #[command(flatten)]
    cluster: ClusterFlags,
    /// The output's format; without it, tables for people.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

pub fn run(flags: &Flags, cache: &CacheFlags) -> anyhow::Result<ExitCode> {
    let sandbox = cache.sandbox()?;
    let mut report = check::component(&sandbox, &flags.plugin)?;
    let mut findings = Findings::default();
    if report.is_good() {
        let chain = check::chain(&flags.plugin);
        let settings = Settings { parameters: flags.parameters.clone(), grants: flags.grants.clone() };
        let surroundings = flags.cluster.surroundings(&sandbox, &chain, &settings, &mut findings)?;
        let bar = progress::bar("fields");
        let sources = flags.sources();
        report.render(&surroundings, sources.as_ref(), &flags.exemptions, &mut findings, &progress::on(&bar));
        bar.finish_and_clear();
    }
    tell_all(&findings);
    if findings.has_errors() {
        return Ok(ExitCode::from(UNUSABLE));
    }
    print(&flags.output.map_or_else(|| report.to_string(), |format| offline::in_format(&report, format)))?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

impl Flags {
    fn sources(&self) -> Option<Sources> {
        let namespace = "default".to_owned();
        let manifests = self.filenames.clone();
        let sources = Sources { manifests, recursive: true, namespace, ..Sources::default() };
        (!sources.manifests.is_empty()).then_some(sources)
    }
}
