//! `RenderPlugin`: the Rust types from which its CRD is generated. Doc comments are user documentation.
//!
//! Every plugin that this definition admits deserialises into these types. What the definition cannot judge (whether the
//! component is what the digest says, whether the parameters fit the plugin's own schema) ends in its conditions.

mod grants;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::grants::{GrantedKind, Grants, NetworkPolicyGrant, PodSecurity};

/// A WebAssembly component, which servers it renders, and how.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "render.mcp.x-k8s.io",
    version = "v1alpha1",
    kind = "RenderPlugin",
    plural = "renderplugins",
    category = "mcp",
    status = "RenderPluginStatus",
    derive = "PartialEq",
    derive = "Default",
    printcolumn(name = "Digest", type_ = "string", json_path = ".status.digest"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Servers", type_ = "integer", json_path = ".status.servers"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 63")
        .message("the name must be a DNS label of at most 63 characters: it stands in status.render.chain"),
    validation = Rule::new("self.metadata.name != 'default'")
        .message("the name default is the operator's own plugin"),
    doc = "RenderPlugin changes how MCPServers are rendered to Kubernetes objects: a WebAssembly component gets the objects of the stage before it and returns what they shall be."
)]
#[serde(rename_all = "camelCase")]
pub struct RenderPluginSpec {
    /// Where the component is.
    pub source: PluginSource,

    /// SHA-256 of the component's bytes, as `mcp-render inspect` prints it. Nothing else is ever run.
    #[schemars(regex(pattern = r"^sha256:[0-9a-f]{64}$"))]
    pub digest: String,

    /// What the plugin is told for every server. Has to fit the plugin's own JSON Schema, which `mcp-render inspect`
    /// shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub parameters: Option<Map<String, Value>>,

    /// Which servers the plugin renders: those that all given parts select. Left out, or empty: every server.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<Match>,

    /// The plugin's place in the chain, after the operator's own plugin: lower numbers first, and by name among equal ones.
    #[serde(default = "middle")]
    #[schemars(range(min = 0, max = 1000))]
    pub order: i32,

    /// What the plugin may return besides a Deployment, a Service and a NetworkPolicy within what the server's spec says.
    /// A grant holds for what this plugin hands on to those after it in the chain as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Grants>,

    /// What one call of the plugin may use. The operator has limits of its own that these cannot exceed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<PluginLimits>,

    /// What becomes of a server for which the plugin fails. `KeepLast`: the plugin's last good version renders it, and
    /// the server's condition `Rendered` says so. `Block`: its objects stay as they are until the plugin is mended; and
    /// servers wait for a plugin that has never been ready.
    #[serde(default)]
    pub on_failure: OnFailure,
}

/// Where a component is: exactly one of the fields.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.oci), has(self.configMap), has(self.file)].filter(given, given).size() == 1")
        .message("exactly one of oci, configMap and file must be set")
)]
pub struct PluginSource {
    /// An artifact in an OCI registry, as `mcp-render push` publishes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oci: Option<OciSource>,

    /// A key in the `binaryData` of a ConfigMap, for components up to 1 MiB. Best an immutable one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapSource>,

    /// A file in the operator's own pod, such as one on a mounted volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileSource>,
}

/// An artifact in an OCI registry.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OciSource {
    /// Registry, repository and tag or digest, such as `ghcr.io/example/spread:1.2.0`. A digest here is the manifest's.
    #[serde(rename = "ref")]
    #[schemars(length(min = 1, max = 1000))]
    pub reference: String,

    /// Secrets of type `kubernetes.io/dockerconfigjson` with credentials for the registry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["namespace".into(), "name".into()]))]
    pub pull_secrets: Vec<ObjectName>,

    /// A Secret whose key `ca.crt` has the certificates, in PEM, of the authorities to trust, and no others. Left out: those
    /// that the operator's image brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret: Option<ObjectName>,
}

/// An object in some namespace.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct ObjectName {
    /// Its namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A key in the `binaryData` of a ConfigMap.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct ConfigMapSource {
    /// The ConfigMap's namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// The ConfigMap's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// A file in the operator's own pod.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct FileSource {
    /// The absolute path.
    #[schemars(length(min = 2, max = 4096), regex(pattern = "^/"))]
    pub path: String,
}

/// Which servers: those that every given part selects.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    /// Names of namespaces. Left out, or empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub namespaces: Vec<String>,

    /// Labels of the server's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,

    /// Labels of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_selector: Option<LabelSelector>,
}

/// What one call may use.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginLimits {
    /// Memory, summed over all memories of the component. Default: 64Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,

    /// Wall time to answer, in milliseconds; rounded up to the next 10. Default: 250.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 10_000))]
    pub time_milliseconds: Option<i32>,
}

/// What becomes of a server for which a plugin fails.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum OnFailure {
    /// The last good version renders it.
    #[default]
    KeepLast,
    /// Its objects stay as they are.
    Block,
}

/// What became of a plugin.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RenderPluginStatus {
    /// The `metadata.generation` that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Digest of the component that renders now: `spec.digest`, or the one before it while that is not ready. Stays while
    /// no component can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,

    /// The plugin's own name and version, such as `spread 1.2.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,

    /// How many servers it selects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub servers: Option<i32>,

    /// `Fetched`: the component was read. `Verified`: it has the digest, is a render plugin for this operator, and the
    /// parameters fit it. `Compiled`: it is machine code. `Granted`: the operator can keep what it was granted.
    /// `SelfTested`: it rendered examples, twice the same, and nothing had to be refused. `Ready`: it renders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

fn middle() -> i32 {
    500
}

/// An object that the definition does not look into.
fn any_object(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}
