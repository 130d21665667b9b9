//! What an author implements, and what they return.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Diagnostic, Failure, Objects, Request};

/// A render plugin.
pub trait Plugin: Sized + 'static {
    /// What the plugin reads of the server's `spec`: [`Value`](crate::Value), or a type of its own with the fields that
    /// it needs.
    type Spec: DeserializeOwned;
    /// What the plugin's users can set. Without parameters it is read from `{}`, so give the fields serde defaults; and
    /// `deny_unknown_fields`, so that a misspelt one is found. [`NoParameters`] when there are none.
    type Parameters: DeserializeOwned;

    /// What the plugin says of itself.
    const INFO: Info;

    /// Renders one server. Must depend on nothing but the request.
    fn render(request: Request<Self>) -> Result<Rendering, Failure>;
}

/// What a plugin says of itself when it is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// A DNS label that names the policy, such as `spread`.
    pub name: &'static str,
    /// The plugin's semantic version; most often `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// One sentence on what the plugin does.
    pub description: &'static str,
    /// Every kind that the plugin adds or changes.
    pub emits: &'static [Kind],
    /// The names of the facts that the plugin wants.
    pub facts: &'static [&'static str],
    /// A JSON Schema (draft 2020-12) of [`Plugin::Parameters`]; most often `include_str!` of a file.
    pub parameters_schema: Option<&'static str>,
}

/// A kind of Kubernetes object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Such as `apps/v1`.
    pub api_version: &'static str,
    /// Such as `Deployment`.
    pub kind: &'static str,
}

impl Kind {
    /// Of the slot [`WORKLOAD`](crate::WORKLOAD).
    pub const DEPLOYMENT: Self = Self { api_version: "apps/v1", kind: "Deployment" };
    /// Of the same slot, where it is granted. A plugin that changes either says both.
    pub const STATEFUL_SET: Self = Self { api_version: "apps/v1", kind: "StatefulSet" };
    /// Of the slot [`SERVICE`](crate::SERVICE).
    pub const SERVICE: Self = Self { api_version: "v1", kind: "Service" };
    /// Of the slot [`NETWORK_POLICY`](crate::NETWORK_POLICY).
    pub const NETWORK_POLICY: Self = Self { api_version: "networking.k8s.io/v1", kind: "NetworkPolicy" };
}

/// The parameters of a plugin that has none.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct NoParameters {}

/// A successful rendering.
#[derive(Clone, Debug, Default)]
pub struct Rendering {
    /// The complete set of objects. What is absent here and was applied earlier will be deleted.
    pub objects: Objects,
    /// Findings that do not stop the server.
    pub diagnostics: Vec<Diagnostic>,
}

impl From<Objects> for Rendering {
    fn from(objects: Objects) -> Self {
        Self { objects, diagnostics: Vec::new() }
    }
}
