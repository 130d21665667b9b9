//! `mcp-render render`: the objects that MCPServers become.

use std::path::PathBuf;
use std::process::ExitCode;

use mcp_operator::offline::{self, Explanation, Findings, Format, Severity, Sources};
use mcp_operator::reconcile::gather::Surroundings;
use mcp_operator::stdout::print;

use crate::{REFUSED, UNUSABLE, tell};

pub const HELP: &str = "\
Examples:
  mcp-render render -f server.yaml                             what the operator would apply
  mcp-render render -f examples/ --explain                     which plugin made what
  mcp-render render -f server.yaml --plugin policy.wasm        by another policy
  mcp-render render -f . --plugin base.wasm --plugin team.wasm by a chain of two
  kubectl get mcpservers -A -o yaml | mcp-render render -f -   what is in the cluster, with owner references
  mcp-render render -f . | kubectl diff -f -                   what a policy would change

Exit codes: 0 all rendered; 1 some servers were refused or failed, the others are printed; 2 wrong usage, or some input
could not be read.";

#[derive(clap::Args)]
pub struct Flags {
    /// A file or directory with manifests, or - for the standard input. Repeatable. MCPServers are rendered; ConfigMaps
    /// and Secrets that they refer to give the pods' config-hash; other kinds are passed over.
    #[arg(short = 'f', long = "filename", required = true, value_name = "PATH")]
    filenames: Vec<PathBuf>,
    /// Read the directories below those of -f as well.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// A component to render with. Repeatable: they form a chain in this order, each gets the objects of the one before.
    /// Without it, the default plugin renders.
    #[arg(long = "plugin", value_name = "FILE")]
    plugins: Vec<PathBuf>,
    /// A file with manifests of ConfigMaps. Repeatable.
    #[arg(long = "config-map", value_name = "FILE")]
    config_maps: Vec<PathBuf>,
    /// A file with manifests of Secrets. Repeatable. Their contents go into the config-hash and nowhere else.
    #[arg(long = "secret", value_name = "FILE")]
    secrets: Vec<PathBuf>,
    /// The namespace of manifests that name none.
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// The cluster's DNS domain, for plugins that ask for it.
    #[arg(long, default_value = "cluster.local", value_name = "DOMAIN")]
    cluster_domain: String,
    /// The API server's version, such as 1.36, for plugins that ask for it.
    #[arg(long, value_name = "MAJOR.MINOR")]
    kubernetes_version: Option<String>,
    /// The output's format. yaml: documents for kubectl apply. json: one List.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
    /// Instead of the objects, print which plugin rendered each of them and which ones changed it: as tables, or in the
    /// format of -o.
    #[arg(long)]
    explain: bool,
}

pub fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let Flags { filenames: manifests, recursive, config_maps, secrets, namespace, .. } = flags;
    let surroundings = Surroundings {
        cluster_domain: flags.cluster_domain,
        kubernetes_version: flags.kubernetes_version,
        chain: offline::load_plugins(&flags.plugins)?,
    };
    let mut findings = Findings::default();
    let sources = Sources { manifests, recursive, config_maps, secrets, namespace };
    let servers = offline::render(&sources, &surroundings, &mut findings);
    findings.iter().for_each(|finding| tell(format_args!("{finding}")));
    let text = if flags.explain {
        let explanation = Explanation::of(&surroundings.chain, &servers);
        flags.output.map_or_else(|| explanation.tables(), |format| offline::in_format(&explanation, format))
    } else {
        offline::objects(&servers, flags.output.unwrap_or(Format::Yaml))
    };
    print(&text)?;
    Ok(match findings.worst() {
        Some(Severity::Unreadable) => ExitCode::from(UNUSABLE),
        Some(Severity::Error) => ExitCode::from(REFUSED),
        _ => ExitCode::SUCCESS,
    })
}
