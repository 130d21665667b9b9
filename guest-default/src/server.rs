//! The MCPServer as this plugin reads it: the fields that it renders, with the host's defaults already filled in.
//!
//! Fields that steer the operator instead of the objects (`config.path`, `transport`, `gateway`) are not listed here.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, EnvFromSource, EnvVar, LocalObjectReference, PodSecurityContext,
    Probe, ResourceRequirements, SecretVolumeSource, SecurityContext,
};
use k8s_openapi::api::networking::v1::{NetworkPolicyPeer, NetworkPolicyPort};
use serde::Deserialize;

/// One `MCPServer`.
pub type Server = mcp_render_plugin::Server<Spec>;

/// `spec`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// Labels for every child and the pods.
    #[serde(default)]
    pub extra_labels: BTreeMap<String, String>,
    /// Annotations for every child and the pods.
    #[serde(default)]
    pub extra_annotations: BTreeMap<String, String>,
    /// Where the server's code comes from.
    pub source: Source,
    /// How the server is started.
    pub config: Config,
    /// How its pods run.
    #[serde(default)]
    pub runtime: Runtime,
    /// How it speaks MCP.
    #[serde(default)]
    pub mcp: Mcp,
    /// Whom it may talk to.
    #[serde(default)]
    pub network: Network,
}

/// `spec.source`; the only type so far is a container image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// `spec.source.containerImage`.
    pub container_image: ContainerImage,
}

/// `spec.source.containerImage`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerImage {
    /// The OCI reference.
    pub r#ref: String,
    /// `Always`, `IfNotPresent` or `Never`.
    pub pull_policy: Option<String>,
    /// Secrets of the registry.
    pub image_pull_secrets: Option<Vec<LocalObjectReference>>,
}

/// `spec.config`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// The port that the container listens on.
    pub port: i32,
    /// Arguments for the image's entrypoint.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Environment variables, in the given order.
    #[serde(default)]
    pub env: Vec<EnvVar>,
    /// Whole ConfigMaps and Secrets as environment variables.
    #[serde(default)]
    pub env_from: Vec<EnvFromSource>,
    /// Files to mount.
    #[serde(default)]
    pub storage: Vec<Storage>,
}

/// One entry of `spec.config.storage`.
#[derive(Debug, Deserialize)]
pub struct Storage {
    /// The mount path in the container.
    pub path: String,
    /// What the container may do there.
    #[serde(default)]
    pub permissions: Permissions,
    /// What is mounted.
    pub source: StorageSource,
}

/// `spec.config.storage[].permissions`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub enum Permissions {
    /// A read-only mount.
    #[default]
    ReadOnly,
    /// A writable mount.
    ReadWrite,
    /// A read-only mount, mounts below it included.
    RecursiveReadOnly,
}

/// `spec.config.storage[].source`: exactly one of them is set.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageSource {
    /// For type `ConfigMap`.
    pub config_map: Option<ConfigMapVolumeSource>,
    /// For type `Secret`.
    pub secret: Option<SecretVolumeSource>,
    /// For type `EmptyDir`.
    pub empty_dir: Option<EmptyDirVolumeSource>,
}

/// `spec.runtime`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Runtime {
    /// How many pods; unset leaves the number to the API server or an autoscaler.
    pub replicas: Option<i32>,
    /// As whom the pods run.
    pub security: Security,
    /// What the container may use.
    pub resources: Option<ResourceRequirements>,
    /// How Kubernetes tells that it is well.
    pub health: Health,
}

/// `spec.runtime.security`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Security {
    /// The pods' ServiceAccount.
    pub service_account_name: Option<String>,
    /// For the pod.
    pub pod_security_context: Option<PodSecurityContext>,
    /// For the container; replaces the restricted default whole.
    pub security_context: Option<SecurityContext>,
}

/// `spec.runtime.health`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Health {
    /// There is none by default.
    pub liveness_probe: Option<Probe>,
    /// A TCP connection to the port by default.
    pub readiness_probe: Option<Probe>,
}

/// `spec.mcp`.
#[derive(Debug, Default, Deserialize)]
pub struct Mcp {
    /// Whether any pod can answer any request.
    #[serde(default)]
    pub stateless: bool,
}

/// `spec.network`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Network {
    /// Who may connect; empty means anyone.
    pub ingress_from: Vec<NetworkPolicyPeer>,
    /// Whom the pods may connect to; empty means anyone.
    pub egress_to: Vec<NetworkPolicyPeer>,
    /// On which ports; empty means any.
    pub egress_ports: Vec<NetworkPolicyPort>,
    /// Where DNS is answered, for restricted egress.
    pub dns_egress_peer: Option<NetworkPolicyPeer>,
}
