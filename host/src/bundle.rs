//! A bundle: one rendering in one file, with everything that decided it and what came of it.
//!
//! `mcp-operator export` writes it, `mcp-render replay` renders it again and compares. The components are in it, the
//! contents of ConfigMaps and Secrets are not: rendering needs only their hash. [`redaction`] takes out the other values
//! that may be secret. Nothing here knows a cluster.

mod component;
mod grants;
mod outcome;
mod read;
pub mod redaction;
mod rendering;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::component::Component;
pub(crate) use self::outcome::object_differences;
pub use self::outcome::{ObjectDigest, Outcome};
pub use self::read::{MOST_BYTES, read};
pub use self::rendering::{Rendering, render};
use crate::api::render_plugin::Grants;
use crate::sandbox::Limits;

/// What this version writes and reads. Another number is another format.
pub const FORMAT: &str = "mcp-render-bundle/1";

/// One rendering.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bundle {
    /// [`FORMAT`].
    pub format: String,
    /// The program that wrote it, with its version.
    pub written_by: String,
    /// The server as plugins see it: `request.server`.
    pub server: Value,
    /// The server's uid, which its objects' owner references have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Every fact that is known, whoever asks for it.
    pub facts: BTreeMap<String, String>,
    /// The plugins, first stage first.
    pub chain: Vec<Stage>,
    /// The fields of the server whose values were taken out.
    pub redacted: Vec<String>,
    /// What came of rendering exactly what is in this file.
    pub outcome: Outcome,
    /// What the operator said of its own rendering, in the server's status.
    pub recorded: Recorded,
    /// The components of the plugins, by digest.
    pub components: BTreeMap<String, Component>,
}

/// One plugin of the chain.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// Its name in the chain.
    pub name: String,
    /// Which component.
    pub digest: String,
    /// `request.parameters`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
    /// What it may return besides what every plugin may.
    #[serde(default, deserialize_with = "grants::read", skip_serializing_if = "grants::are_none")]
    pub grants: Grants,
    /// What one call may use.
    pub limits: StageLimits,
}

/// What one call of a plugin may use.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "the same as in `Limits`, with units")]
pub struct StageLimits {
    pub memory_bytes: usize,
    pub time_milliseconds: u64,
    pub output_bytes: usize,
    pub objects: usize,
    pub log_bytes: usize,
    pub component_bytes: usize,
}

/// What the server's status says of the operator's rendering.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recorded {
    /// The plugins that made what was applied last, with the digests of their components.
    pub plugins: Vec<Link>,
    /// What was applied last.
    pub objects: Vec<ObjectDigest>,
    /// The condition `Rendered`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendered: Option<Condition>,
    /// How rendering the server with all its values differs from that; empty when it does not.
    pub differences: Vec<String>,
}

/// A plugin and its component.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The plugin's name in the chain.
    pub name: String,
    /// Digest of its component.
    pub digest: String,
}

/// A condition, as far as it is about rendering.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in a word.
    pub reason: String,
    /// Why.
    pub message: String,
}

impl Bundle {
    /// The text of the file.
    ///
    /// # Panics
    /// Never: what a bundle holds is JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a bundle is JSON") + "\n"
    }
}

impl From<&Limits> for StageLimits {
    fn from(limits: &Limits) -> Self {
        let Limits { memory, time, output, objects, log, component } = limits;
        Self {
            memory_bytes: *memory,
            time_milliseconds: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            output_bytes: *output,
            objects: *objects,
            log_bytes: *log,
            component_bytes: *component,
        }
    }
}

impl From<&StageLimits> for Limits {
    fn from(limits: &StageLimits) -> Self {
        let StageLimits { memory_bytes, time_milliseconds, output_bytes, objects, log_bytes, component_bytes } = limits;
        Self {
            memory: *memory_bytes,
            time: Duration::from_millis(*time_milliseconds),
            output: *output_bytes,
            objects: *objects,
            log: *log_bytes,
            component: *component_bytes,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;
    use crate::api::render_plugin::PodSecurity;
    use crate::sandbox::Digest;

    /// A bundle of a server named `a` and one plugin with this component, whose outcome nobody has looked at.
    pub(crate) fn bundle(component: &[u8]) -> Bundle {
        let digest = Digest::of(component).to_string();
        Bundle {
            format: FORMAT.to_owned(),
            written_by: "mcp-operator 0.1.0".to_owned(),
            server: json!({
                "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer",
                "metadata": {"name": "a", "namespace": "team"},
                "spec": {
                    "source": {"type": "ContainerImage", "containerImage": {"ref": "example.com/a:1"}},
                    "config": {"port": 80, "path": "/mcp"},
                },
            }),
            uid: Some("3e1f".to_owned()),
            facts: [("cluster.domain", "cluster.local"), ("config.hash", "5d41"), ("k8s.version", "1.36")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            chain: vec![Stage {
                name: "default".to_owned(),
                digest: digest.clone(),
                parameters: Some(json!({"zones": ["a"]})),
                grants: Grants { pod_security: Some(PodSecurity::Baseline), ..Grants::default() },
                limits: (&Limits::default()).into(),
            }],
            redacted: vec!["spec.config.env[0].value".to_owned()],
            outcome: Outcome::Failed {
                plugin: Some("default".to_owned()),
                reason: "RenderFailed".to_owned(),
                class: "Trap".to_owned(),
                message: "plugin default: the plugin crashed".to_owned(),
            },
            recorded: Recorded {
                plugins: vec![Link { name: "default".to_owned(), digest: digest.clone() }],
                objects: vec![ObjectDigest {
                    api_version: "v1".to_owned(),
                    kind: "Service".to_owned(),
                    name: "a".to_owned(),
                    slot: "service".to_owned(),
                    digest: "77ab".to_owned(),
                }],
                rendered: Some(Condition {
                    status: "False".to_owned(),
                    reason: "RenderFailed".to_owned(),
                    message: "plugin default: the plugin crashed".to_owned(),
                }),
                differences: Vec::new(),
            },
            components: [(digest, Component(component.to_vec()))].into(),
        }
    }

    /// Whoever changes this changes the format's number, or reads both.
    #[test]
    fn the_format_is_this() {
        let golden = include_str!("bundle/golden.json");
        let text = bundle(b"\0asm").to_json();
        assert_eq!(text, golden, "{text}");
        assert_eq!(read(golden.as_bytes()).unwrap(), bundle(b"\0asm"));
    }
}
