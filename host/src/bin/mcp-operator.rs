//! The operator's command line. What it does is in the library.

use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use mcp_operator::api::crd::{self, Definition};
use mcp_operator::completion;
use mcp_operator::operator::flags::LogFormat;
use mcp_operator::operator::{self, Flags, export, install};
use mcp_operator::stdout::print;
use mcp_operator::{handshake, parameters, sandbox};
use tracing_subscriber::EnvFilter;

/// With the C library's, what a change costs grows with the number of servers, see `docs/performance.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs MCP servers on Kubernetes; WebAssembly components decide how.
///
/// A server is an MCPServer object. The operator renders it to a Deployment, a Service and a NetworkPolicy, keeps them,
/// checks that a real MCP server answers, and publishes its URL in the status.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the operator, in a pod or, with KUBECONFIG, anywhere.
    #[command(after_help = RUN_HELP)]
    Run(Box<Flags>),
    /// Print the definitions of the kinds MCPServer and RenderPlugin, for `kubectl apply --server-side -f -`.
    Crd {
        /// Only this one.
        definition: Option<Definition>,
    },
    /// Print all manifests that install the operator in a cluster, with the definition.
    Install {
        /// The operator's image.
        #[arg(long, default_value = install::IMAGE)]
        image: String,
    },
    /// Write a server's last render, failed or not, to one file that `mcp-render replay` renders again.
    #[command(after_help = export::HELP)]
    Export(Box<export::Flags>),
    /// Print a script that completes this command in a shell.
    #[command(after_help = completion::help("mcp-operator"))]
    Completion(completion::Flags),
    /// Compile the component on the standard input; what the operator starts for each plugin.
    #[command(hide = true)]
    Compile {
        /// The file to write.
        image: PathBuf,
    },
    /// Judge parameters on the standard input by a plugin's schema; what the operator starts for each plugin.
    #[command(hide = true)]
    Judge,
    /// Make the attempts on the standard input; what the operator starts to ask servers for an MCP handshake.
    #[command(hide = true)]
    Handshakes {
        /// As of `run`.
        connect_to: Vec<handshake::ConnectTo>,
        /// Most bytes of memory.
        #[arg(long)]
        memory: u64,
    },
}

const RUN_HELP: &str = "\
Examples:
  mcp-operator run                              all namespaces, with the default plugin
  mcp-operator run --namespaces team-a,team-b   only these, which needs rights only there
  mcp-operator run --default-plugin other.wasm  every server by another rendering policy
  mcp-operator run --verify false               do not ask servers for an MCP handshake

Endpoints: /healthz (the process works), /readyz (the cluster has been listed), /metrics (Prometheus).";

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Compile { image } => return compile(&image),
        Command::Judge => parameters::judge().and_then(|judgement| print(&judgement)),
        Command::Handshakes { connect_to, memory } => handshake::serve(connect_to, memory),
        Command::Run(flags) => run(*flags),
        Command::Crd { definition } => print(&definition.map_or_else(crd::to_yaml, Definition::to_yaml)),
        Command::Install { image } => print(&install::to_yaml(&image)),
        Command::Export(flags) => export(*flags),
        Command::Completion(flags) => print(&flags.script("mcp-operator", &Cli::command())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compile(image: &Path) -> ExitCode {
    match sandbox::compile(image) {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(flags: Flags) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&flags.log)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(stderr().is_terminal());
    match flags.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    operator::run(flags).await
}

#[tokio::main]
async fn export(flags: export::Flags) -> anyhow::Result<()> {
    for note in export::run(flags).await? {
        eprintln!("{note}");
    }
    Ok(())
}
