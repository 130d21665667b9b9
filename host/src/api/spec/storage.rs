//! `spec.config.storage`: files and scratch space in the container.

use k8s_openapi::api::core::v1::{ConfigMapVolumeSource, EmptyDirVolumeSource, SecretVolumeSource};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One volume and the path at which the server sees it.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// The absolute path in the container, without colons. Each path may be used once.
    #[schemars(length(min = 1, max = 4096))]
    #[x_kube(validation = Rule::new("self.startsWith('/') && !self.contains(':')").message("must be an absolute path without ':'"))]
    pub path: String,

    /// Whether the server may write: `ReadOnly`, `ReadWrite`, or `RecursiveReadOnly`, which makes mounts below the
    /// path read-only as well and needs a node that supports it.
    #[serde(default)]
    pub permissions: Permissions,

    /// What is mounted.
    pub source: StorageSource,
}

/// Whether the server may write to a volume.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum Permissions {
    /// Reading only.
    #[default]
    ReadOnly,
    /// Reading and writing.
    ReadWrite,
    /// Reading only, including everything mounted below.
    RecursiveReadOnly,
}

/// What is mounted: exactly one of a ConfigMap, a Secret or an empty directory, named by `type`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.configMap) == (self.type == 'ConfigMap')")
        .message("configMap must be set when type is ConfigMap, and only then")
        .field_path(".configMap"),
    validation = Rule::new("has(self.secret) == (self.type == 'Secret')")
        .message("secret must be set when type is Secret, and only then")
        .field_path(".secret"),
    validation = Rule::new("has(self.emptyDir) == (self.type == 'EmptyDir')")
        .message("emptyDir must be set when type is EmptyDir, and only then")
        .field_path(".emptyDir")
)]
pub struct StorageSource {
    /// The kind of volume: `ConfigMap`, `Secret` or `EmptyDir`.
    #[serde(rename = "type")]
    pub type_: StorageType,

    /// A ConfigMap of the server's namespace. It must exist unless marked optional; when it changes, the pods are
    /// replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapVolumeSource>,

    /// A Secret of the server's namespace. It must exist unless marked optional; when it changes, the pods are
    /// replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretVolumeSource>,

    /// A directory that lives as long as the pod. Use it with the permission `ReadWrite`: the container's root
    /// filesystem is read-only by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_dir: Option<EmptyDirVolumeSource>,
}

/// The kinds of volume.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum StorageType {
    /// Keys of a ConfigMap as files.
    #[default]
    ConfigMap,
    /// Keys of a Secret as files.
    Secret,
    /// An empty directory.
    EmptyDir,
}
