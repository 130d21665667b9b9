//! `MCPServer`'s status: what the operator observed and did.
//!
//! Doc comments are user documentation (`kubectl explain`). Only types; `reconcile::status` fills them in.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// What the operator observed and did.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MCPServerStatus {
    /// The conditions in one word: `Pending`, `Running`, `ScaledToZero`, `Degraded`, `Invalid` or `Failed`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "if_readable")]
    pub phase: Option<Phase>,

    /// The `metadata.generation` that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Name of the server's Deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_name: Option<String>,

    /// Name of the server's Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,

    /// Where clients in the cluster find the server; present while it is known to answer.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "if_readable")]
    pub address: Option<Address>,

    /// What the server said about itself in the MCP handshake.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "if_readable")]
    pub server_info: Option<ServerInfo>,

    /// The number of pods that should run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,

    /// The number of pods that are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,

    /// The label selector of the pods, as text, for autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,

    /// `Accepted`: the spec is valid. `Rendered`: the render plugins made objects of it. `Available`: pods serve.
    /// `Verified`: the server answers the MCP handshake. `Ready`: all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// How the server's objects came about: which plugins made them, from what, and what was applied.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "if_readable")]
    pub render: Option<RenderStatus>,
}

/// A stored status may come from another operator or a later version. What cannot be read is as good as absent: the
/// next reconcile writes it anew, and until then the server must not be lost from sight.
fn if_readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(|value| serde_json::from_str(value.get()).ok())
}

/// The conditions in one word.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub enum Phase {
    /// Pods are starting, or the first handshake has not been answered yet.
    Pending,
    /// Pods serve and the server answers.
    Running,
    /// No pods, because the spec asks for none.
    ScaledToZero,
    /// Something serves, but not as the spec asks.
    Degraded,
    /// The spec is invalid, or refers to something that does not exist.
    Invalid,
    /// Nothing serves.
    Failed,
}

/// Where clients in the cluster find the server.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Address {
    /// The URL of the MCP endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What the server said about itself in the MCP handshake.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerInfo {
    /// The server's name for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,

    /// The server's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,

    /// The revision of the MCP specification it speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,

    /// How the server asks to be used, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,

    /// What the server offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
}

/// What the server offers.
#[expect(clippy::struct_excessive_bools, reason = "five independent facts, named by the MCP specification")]
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Capabilities {
    /// Tools to call.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tools: bool,
    /// Resources to read.
    #[serde(default, skip_serializing_if = "is_false")]
    pub resources: bool,
    /// Prompts to use.
    #[serde(default, skip_serializing_if = "is_false")]
    pub prompts: bool,
    /// Log messages.
    #[serde(default, skip_serializing_if = "is_false")]
    pub logging: bool,
    /// Completion of arguments.
    #[serde(default, skip_serializing_if = "is_false")]
    pub completions: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_false(value: &bool) -> bool {
    !value
}

/// How the server's objects came about.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RenderStatus {
    /// The plugins that made the objects as last applied, in their order: `name@digest`, shortened, joined by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,

    /// The same plugins with their full digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub plugins: Vec<PluginStatus>,

    /// What was applied: the operator removes what is listed here and no longer rendered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub objects: Vec<ObjectStatus>,

    /// The ConfigMaps and Secrets that the server refers to, as last read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub inputs: Vec<InputStatus>,

    /// SHA-256, in hex, over the contents of `inputs`; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
}

/// One render plugin.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct PluginStatus {
    /// Name of the RenderPlugin, or `default`.
    pub name: String,
    /// Digest of its component: `sha256:` and 64 hex digits.
    pub digest: String,
}

/// One object that was applied.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStatus {
    /// Its apiVersion.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name; the namespace is the server's.
    pub name: String,
    /// What the object is for, as the plugin named it.
    pub slot: String,
    /// Hash of the object as rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Hash of the fields the operator owned after applying it: differs when somebody touched one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<String>,
}

/// One ConfigMap or Secret that the server refers to.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputStatus {
    /// `ConfigMap` or `Secret`.
    pub kind: String,
    /// Its name; the namespace is the server's.
    pub name: String,
    /// Its uid when it was read.
    pub uid: String,
    /// Its resourceVersion when it was read.
    pub resource_version: String,
    /// Of the keys that the server refers to one by one, those that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub keys: Vec<String>,
    /// And those that it has not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub missing_keys: Vec<String>,
}

impl InputStatus {
    /// Whether the two are of the same version of the same object.
    pub fn is_version_of(&self, other: &Self) -> bool {
        (&self.kind, &self.name, &self.uid, &self.resource_version)
            == (&other.kind, &other.name, &other.uid, &other.resource_version)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn status_of_another_operator_never_hides_a_server() {
        let foreign =
            json!({"phase": "Sleeping", "serverInfo": {"capabilities": {"tools": {}}}, "deploymentName": "a"});
        let status: MCPServerStatus = serde_json::from_value(foreign).unwrap();
        assert_eq!(status, MCPServerStatus { deployment_name: Some("a".to_owned()), ..MCPServerStatus::default() });
    }

    #[test]
    fn absent_fields_are_not_written() {
        assert_eq!(serde_json::to_value(MCPServerStatus::default()).unwrap(), json!({}));
        let serves_tools = Capabilities { tools: true, ..Capabilities::default() };
        assert_eq!(serde_json::to_value(serves_tools).unwrap(), json!({"tools": true}));
    }
}
