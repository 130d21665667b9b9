//! `MCPServer` and its spec: the Rust types from which the CRD is generated.
//!
//! Doc comments are user documentation (`kubectl explain`). Rules are CEL where the API server's cost budget allows;
//! what it does not allow is in [`validate`](super::validate). Every object that the CRD admits deserialises into these types.

mod config;
mod network;
mod runtime;
mod source;
mod storage;
mod transport;

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

pub use config::Config;
pub use network::Network;
pub use runtime::{Health, Runtime, Security};
pub use source::{ContainerImage, PullPolicy, SecretReference, Source, SourceType};
pub use storage::{Permissions, Storage, StorageSource, StorageType};
pub use transport::{Gateway, Mcp, Tls, Transport};

use super::status::MCPServerStatus;

/// What to run as an MCP server, and how.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "mcp.x-k8s.io",
    version = "v1beta1",
    kind = "MCPServer",
    plural = "mcpservers",
    category = "mcp",
    namespaced,
    status = "MCPServerStatus",
    scale(
        spec_replicas_path = ".spec.runtime.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    derive = "PartialEq",
    derive = "Default",
    doc = "MCPServer runs a server of the Model Context Protocol: a Deployment, a Service and a NetworkPolicy, and a status that says whether the server answers and under which URL."
)]
#[serde(rename_all = "camelCase")]
pub struct MCPServerSpec {
    /// Where the server's program comes from.
    pub source: Source,

    /// How the server is started: its port, path, arguments, environment and files.
    pub config: Config,

    /// Labels to add to the Deployment, its pods, the Service and the NetworkPolicy. Selectors never use them. The
    /// keys `app` and `mcp-server` belong to the operator and are ignored here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_labels: BTreeMap<String, String>,

    /// Annotations to add to the Deployment, its pods, the Service and the NetworkPolicy. Keys that begin with
    /// `mcp.x-k8s.io/` belong to the operator and are ignored here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_annotations: BTreeMap<String, String>,

    /// How many pods run, with which rights, resources and health checks. Leave it out for the defaults; an empty
    /// object is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Box<Runtime>>, // most servers have none, and it is three quarters of the type

    /// How the server uses the protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp: Option<Mcp>,

    /// Who may connect to the server, and where the server may connect to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,

    /// How clients and the operator reach the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,

    /// Publishing the server through a gateway. Accepted for compatibility: this operator does not act on it yet and
    /// says so in the message of the condition `Accepted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
}
