//! The flags of `mcp-operator run`. Each can be given as an environment variable as well.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use crate::controller::Scope;
use crate::handshake::ConnectTo;
use crate::reconcile::gather::verify_from::VerifyFrom;
use crate::sandbox::{Bytes, Limits};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// What `mcp-operator run` can be told.
#[derive(Args, Clone, Debug)]
pub struct Flags {
    /// Watch only these namespaces. Without it: all of them, which needs rights in the whole cluster.
    #[arg(long, value_name = "NAMESPACE", env = "MCP_NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,

    /// The cluster's DNS domain, which ends the URLs in the servers' status.
    #[arg(long, value_name = "DOMAIN", env = "MCP_CLUSTER_DOMAIN", default_value = "cluster.local")]
    pub cluster_domain: String,

    /// Whether a server must answer the MCP handshake to become Ready.
    #[arg(long, env = "MCP_VERIFY", default_value_t = true, action = ArgAction::Set, value_name = "true|false")]
    pub verify: bool,

    /// The operator as a `NetworkPolicyPeer`, in JSON or YAML, such as
    /// `{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: mcp-system}}}`. It is added to `spec.network.ingressFrom`
    /// of servers that let in only some: where the network enforces NetworkPolicies, handshakes would not get in.
    #[arg(long, value_name = "PEER", env = "MCP_VERIFY_FROM")]
    pub verify_from: Option<VerifyFrom>,

    /// For development, when Service names do not resolve: connect to another address for handshakes, as curl does.
    /// Empty parts match anything, so that `::127.0.0.1:8080` sends every handshake to one local port.
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2", env = "MCP_CONNECT_TO", value_delimiter = ',')]
    pub connect_to: Vec<ConnectTo>,

    /// Render every server with this component instead of the embedded default plugin. Try it offline first:
    /// `mcp-render render --plugin FILE -f servers/`.
    #[arg(long, value_name = "FILE", env = "MCP_DEFAULT_PLUGIN_FILE")]
    pub default_plugin: Option<PathBuf>,

    /// Where components of RenderPlugins, their compiled code and the record of their good versions are kept, so that a
    /// restart needs neither registry nor compiler. One directory for each operator. Without it: a temporary one.
    #[arg(long, value_name = "DIRECTORY", env = "MCP_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,

    /// What RenderPlugins may use, and where they come from.
    #[command(flatten)]
    pub plugins: PluginFlags,

    /// How many servers are reconciled at a time.
    #[arg(long, value_name = "N", env = "MCP_CONCURRENT_RECONCILES", default_value_t = 16,
          value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrent_reconciles: u16,

    /// How many handshakes run at a time.
    #[arg(long, value_name = "N", env = "MCP_CONCURRENT_HANDSHAKES", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrent_handshakes: u16,

    /// How many plugins run at a time; 0 is one for each CPU.
    #[arg(long, value_name = "N", env = "MCP_CONCURRENT_RENDERS", default_value_t = 0)]
    pub concurrent_renders: u16,

    /// Where /healthz, /readyz and /metrics are served.
    #[arg(long, value_name = "ADDRESS:PORT", env = "MCP_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,

    /// How log lines look.
    #[arg(long, value_enum, env = "MCP_LOG_FORMAT", default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What is logged: a level, or levels by module, such as `info,mcp_operator=debug`.
    #[arg(long, value_name = "FILTER", env = "MCP_LOG", default_value = "info,rmcp=off")]
    pub log: String,

    /// The name of this instance in events; in a pod, its name.
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pub instance: Option<String>,
}

/// What RenderPlugins may use, and where they come from.
#[derive(Args, Clone, Debug)]
pub struct PluginFlags {
    /// The most memory that a RenderPlugin may ask for.
    #[arg(long, value_name = "QUANTITY", env = "MCP_PLUGIN_MEMORY", default_value = "256Mi")]
    pub plugin_memory: Bytes,

    /// The most time to answer that a RenderPlugin may ask for, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", env = "MCP_PLUGIN_TIME", default_value_t = 1000)]
    pub plugin_time: u64,

    /// Registries, as host or host:port, that plugins may be fetched from over plain HTTP, where anybody on the way can read
    /// the credentials.
    #[arg(long, value_name = "HOST", env = "MCP_PLAIN_HTTP_REGISTRIES", value_delimiter = ',')]
    pub plain_http_registries: Vec<String>,
}

impl PluginFlags {
    /// What no RenderPlugin may exceed.
    pub fn limits(&self) -> Limits {
        Limits { memory: self.plugin_memory.0, time: Duration::from_millis(self.plugin_time), ..Limits::default() }
    }
}

impl Flags {
    /// What to watch.
    pub fn scope(&self) -> Scope {
        let names: Vec<_> = self.namespaces.iter().filter(|name| !name.is_empty()).cloned().collect();
        if names.is_empty() { Scope::Cluster } else { Scope::Namespaces(names) }
    }

    /// How many plugins run at a time.
    pub fn concurrent_renders(&self) -> u16 {
        let cpus = || thread::available_parallelism().map_or(1, |count| u16::try_from(count.get()).unwrap_or(u16::MAX));
        if self.concurrent_renders == 0 { cpus() } else { self.concurrent_renders }
    }
}
