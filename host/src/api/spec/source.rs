//! `spec.source`: where the server's program comes from.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the server's program comes from.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.containerImage) == (self.type == 'ContainerImage')")
        .message("containerImage must be set when type is ContainerImage, and only then")
        .field_path(".containerImage")
)]
pub struct Source {
    /// The kind of source: `ContainerImage`.
    #[serde(rename = "type")]
    pub type_: SourceType,

    /// The container image to run. Required when `type` is `ContainerImage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_image: Option<ContainerImage>,
}

/// The kinds of source.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum SourceType {
    /// A container image from a registry.
    #[default]
    ContainerImage,
}

/// A container image and how to pull it.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerImage {
    /// The image: registry domain, repository and either a tag or a digest, such as
    /// `ghcr.io/example/weather-mcp:1.4.2` or `ghcr.io/example/weather-mcp@sha256:...`. Short names without a domain
    /// are refused, because what they mean depends on the node.
    #[serde(rename = "ref")]
    #[schemars(length(min = 1, max = 1000))]
    #[x_kube(validation = Rule::new(IMAGE_NAME_RULE).message(
        "must begin with a registry domain and a repository in lower case, such as ghcr.io/example/server"
    ))]
    #[x_kube(validation = Rule::new(IMAGE_VERSION_RULE).message(
        "must end in a tag (at most 127 letters, digits, '_', '.' or '-') or a digest (such as sha256: and at least 32 hex digits)"
    ))]
    pub reference: String,

    /// When the node pulls the image: `Always`, `IfNotPresent` or `Never`. Left out, Kubernetes decides: always for
    /// the tag `latest`, else if not present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<PullPolicy>,

    /// Secrets of type `kubernetes.io/dockerconfigjson` in the server's namespace with credentials for the registry.
    /// The operator never reads them, the node does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub image_pull_secrets: Vec<SecretReference>,
}

/// Domain, optional port, and one or more repository components, as the OCI distribution specification spells them.
const IMAGE_NAME_RULE: &str = "self.matches('^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?([.][a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*(:[0-9]+)?(/[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*)+(:|@|$)')";

/// After the first slash: a tag, a digest, or both.
const IMAGE_VERSION_RULE: &str = "self.matches('^[^/]*/[^:@]*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,126})?(@[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$') && self.matches('/.*[:@]')";

/// When the node pulls the image.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum PullPolicy {
    /// At every start of a pod.
    Always,
    /// When the node does not have the image yet.
    IfNotPresent,
    /// Never; the image must be on the node.
    Never,
}

/// A Secret in the server's namespace.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct SecretReference {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
