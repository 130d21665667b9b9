//! `mcp-render render`: the objects that MCPServers become.

use std::process::ExitCode;

use mcp_operator::offline::{self, Explanation, Findings, Format, Severity};
use mcp_operator::stdout::print;

use crate::cache::CacheFlags;
use crate::flags::{ChainFlags, SourceFlags};
use crate::{REFUSED, UNUSABLE, tell_all};

pub const HELP: &str = "\
Examples:
  mcp-render render -f server.yaml                             # what the operator would apply
  mcp-render render -f examples/ --explain                     # which plugin made what
  mcp-render render -f server.yaml --plugin policy.wasm        # by another policy
  mcp-render render -f . --plugin default --plugin team.wasm   # by a chain of two: team.wasm changes what default rendered
  mcp-render render -f . --plugin team.wasm --parameters team.yaml
                                                               # with parameters, for the chain's last plugin
  mcp-render render -f . --plugin base.wasm --parameters base=base.yaml --plugin team.wasm --parameters team=team.yaml
                                                               # for each plugin by its name
  kubectl get mcpservers -A -o yaml | mcp-render render -f -   # what is in the cluster, with owner references
  mcp-render render -f . | kubectl diff -f -                   # what a policy would change

Exit codes: 0 all rendered; 1 some servers were refused or failed, the others are printed; 2 wrong usage, or some input
could not be read.";

#[derive(clap::Args)]
pub struct Flags {
    #[command(flatten)]
    sources: SourceFlags,
    #[command(flatten)]
    chain: ChainFlags,
    /// The output's format. yaml: documents for kubectl apply. json: one List.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
    /// Instead of the objects, print which plugin rendered each of them and which ones changed it: as tables, or in the
    /// format of -o.
    #[arg(long)]
    explain: bool,
}

pub fn run(flags: &Flags, cache: &CacheFlags) -> anyhow::Result<ExitCode> {
    let mut findings = Findings::default();
    let surroundings = flags.chain.surroundings(&cache.sandbox()?, &mut findings)?;
    if findings.has_errors() {
        tell_all(&findings);
        return Ok(ExitCode::from(UNUSABLE));
    }
    let servers = offline::render(Some(&flags.sources.sources()), &surroundings, &mut findings);
    tell_all(&findings);
    let text = if flags.explain {
        let explanation = Explanation::of(&surroundings.chain, &servers);
        flags.output.map_or_else(|| explanation.tables(), |format| offline::in_format(&explanation, format))
    } else {
        offline::objects(&servers, flags.output.unwrap_or(Format::Yaml))
    };
    print(&text)?;
    Ok(match findings.worst() {
        Some(Severity::Unreadable) => ExitCode::from(UNUSABLE),
        Some(Severity::Error | Severity::Fault) => ExitCode::from(REFUSED),
        _ => ExitCode::SUCCESS,
    })
}
