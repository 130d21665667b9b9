//! `mcp-render diff`: what another plugin would change.

use std::ffi::OsString;
use std::process::ExitCode;

use mcp_operator::offline::{self, Findings, Format, PluginFile, PluginSource, Settings, Severity, Verdict};
use mcp_operator::stdout::{print, print_coloured};

use crate::cache::CacheFlags;
use crate::flags::{ClusterFlags, SourceFlags};
use crate::{UNUSABLE, progress, tell_all};

pub const HELP: &str = "\
OLD and NEW are a component's file, `default` for the embedded default plugin, or several of them with commas: a chain.

Verdicts, from least to most attention:
  no change        the same objects
  metadata only    labels or annotations of objects change
  pods stay        objects come, go or change; no pod is replaced
  restarts pods    the Deployment's pod template changes, so Kubernetes replaces the pods
  accepted now     only NEW renders the server
  refused now      only OLD does; the reason is told
  refused by both  neither does

Examples:
  mcp-render diff default default,policy.wasm -f servers/       # what a policy would change
  mcp-render diff policy-1.wasm policy-2.wasm -f servers/ --summary
  mcp-render diff default,p.wasm default,p.wasm -f servers/ --old-parameters now.yaml --new-parameters then.yaml
  kubectl get mcpservers -A -o yaml | mcp-render diff default default,policy.wasm -f -   # for what runs in a cluster

Exit codes: 0 nothing changes; 1 something does; 2 wrong usage, some input could not be read, or neither chain renders
some server.";

const DIFFERENT: u8 = 1;

#[derive(clap::Args)]
pub struct Flags {
    /// What renders now.
    #[arg(value_name = "OLD")]
    old: Chain,
    /// What would render.
    #[arg(value_name = "NEW")]
    new: Chain,
    #[command(flatten)]
    sources: SourceFlags,
    /// Parameters of OLD, as in `render --parameters`. Repeatable.
    #[arg(long, value_name = "[PLUGIN=]FILE")]
    old_parameters: Vec<PluginFile>,
    /// What OLD is granted, as in `render --grants`. Repeatable.
    #[arg(long, value_name = "[PLUGIN=]FILE")]
    old_grants: Vec<PluginFile>,
    /// Parameters of NEW. Repeatable.
    #[arg(long, value_name = "[PLUGIN=]FILE")]
    new_parameters: Vec<PluginFile>,
    /// What NEW is granted. Repeatable.
    #[arg(long, value_name = "[PLUGIN=]FILE")]
    new_grants: Vec<PluginFile>,
    #[command(flatten)]
    cluster: ClusterFlags,
    /// Print the table without the differences.
    #[arg(long)]
    summary: bool,
    /// The output's format; without it, differences and a table for people.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

/// Components with commas between them.
#[derive(Clone)]
struct Chain(Vec<PluginSource>);

impl From<OsString> for Chain {
    fn from(word: OsString) -> Self {
        let sources = word.to_str().map(|word| word.split(',').map(|one| OsString::from(one).into()).collect());
        Self(sources.unwrap_or_else(|| vec![word.into()]))
    }
}

pub fn run(flags: &Flags, cache: &CacheFlags) -> anyhow::Result<ExitCode> {
    let mut findings = Findings::default();
    let settings = |parameters: &[PluginFile], grants: &[PluginFile]| Settings {
        parameters: parameters.to_vec(),
        grants: grants.to_vec(),
    };
    let sandbox = cache.sandbox()?;
    let old = settings(&flags.old_parameters, &flags.old_grants);
    let new = settings(&flags.new_parameters, &flags.new_grants);
    let old = flags.cluster.surroundings(&sandbox, &flags.old.0, &old, &mut findings)?;
    let new = flags.cluster.surroundings(&sandbox, &flags.new.0, &new, &mut findings)?;
    if findings.has_errors() {
        tell_all(&findings);
        return Ok(ExitCode::from(UNUSABLE));
    }
    let bar = progress::bar("servers");
    let sources = flags.sources.sources();
    let comparison = offline::compare(&sources, &old, &new.chain, &mut findings, &progress::on(&bar));
    bar.finish_and_clear();
    tell_all(&findings);
    match flags.output {
        Some(format) => print(&offline::in_format(&comparison, format))?,
        None if flags.summary => print(&comparison.to_string())?,
        None => print_coloured(&(comparison.differences() + &comparison.to_string()))?,
    }
    let unreadable = findings.worst() == Some(Severity::Unreadable);
    Ok(match comparison.worst() {
        Some(Verdict::RefusedByBoth) | None => ExitCode::from(UNUSABLE),
        _ if unreadable => ExitCode::from(UNUSABLE),
        Some(Verdict::NoChange) => ExitCode::SUCCESS,
        Some(_) => ExitCode::from(DIFFERENT),
    })
}
