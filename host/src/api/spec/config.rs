//! `spec.config`: how the server is started.

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::Storage;

/// How the server is started: its port, path, arguments, environment and files.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// The TCP port on which the server listens for Streamable HTTP. It is also the port of the Service, of the
    /// NetworkPolicy, of the URL in the status and of the default readiness probe.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,

    /// The URL path of the MCP endpoint. Begins with a slash; no spaces, no query, no fragment.
    #[serde(default = "Config::default_path")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(PATH_RULE).message("must begin with '/' and contain no space, '?', '#', tab or line break"))]
    pub path: String,

    /// Arguments of the server. They replace the image's `CMD`; its `ENTRYPOINT` stays. No argument may be empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(min = 1)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub arguments: Vec<String>,

    /// Environment variables, as in a pod: literal values, or values from ConfigMaps, Secrets, pod fields, resources
    /// and files. Objects referred to must exist unless marked optional. When one changes, the pods are replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub env: Vec<EnvVar>,

    /// ConfigMaps and Secrets whose keys all become environment variables. Variables in `env` win. When one changes,
    /// the pods are replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub env_from: Vec<EnvFromSource>,

    /// Files and scratch space in the container, each at its own path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["path".into()]))]
    pub storage: Vec<Storage>,
}

const PATH_RULE: &str = "self.startsWith('/') && !self.matches('[ ?#\\\\n\\\\r\\\\t]')";

impl Config {
    /// The URL path when the spec gives none.
    pub fn default_path() -> String {
        "/mcp".to_owned()
    }
}

impl Default for Config {
    /// The CRD's defaults; the port has none and is 0, which the CRD refuses.
    fn default() -> Self {
        Self {
            port: 0,
            path: Self::default_path(),
            arguments: Vec::new(),
            env: Vec::new(),
            env_from: Vec::new(),
            storage: Vec::new(),
        }
    }
}
