//! The `MCPServer` API and that of `RenderPlugin`: Rust types, CRDs, and the checks a manifest goes through.
//!
//! Everything here is pure: no Kubernetes client, no clock, no files.
//!
//! - [`spec`] and [`status`] are the types, and [`render_plugin`] those of the second kind, `RenderPlugin`. Their doc comments are what `kubectl explain mcpserver` prints.
//! - [`crd`] turns them into the CustomResourceDefinitions that are checked in under `deploy/crds/`.
//! - [`schema`] does offline what the API server does with a manifest: unknown fields, types, defaults, CEL rules.
//! - [`validate`] holds the rules that CEL cannot express within the API server's cost budget.
//!
//! The constants below are names that other programs rely on: selectors of users, field managers of earlier
//! operators. Changing one breaks an upgrade.

pub mod crd;
#[cfg(test)]
mod examples;
pub mod render_plugin;
#[cfg(test)]
pub(crate) mod rules;
pub mod schema;
pub mod spec;
pub mod status;
pub mod validate;
pub(crate) mod violation;

pub use render_plugin::{RenderPlugin, RenderPluginSpec, RenderPluginStatus};
pub use spec::{MCPServer, MCPServerSpec};
pub use status::MCPServerStatus;
pub use violation::Violation;

/// API group of `MCPServer`.
pub const GROUP: &str = "mcp.x-k8s.io";
/// The version that is stored, and that everything in this crate speaks.
pub const VERSION: &str = "v1beta1";
/// The older version: served with a warning, with the same schema.
pub const DEPRECATED_VERSION: &str = "v1alpha1";
/// Kind of the resource.
pub const KIND: &str = "MCPServer";

/// Label key on every child of an `MCPServer`, with the value [`APP_LABEL_VALUE`].
pub const APP_LABEL: &str = "app";
/// Value of [`APP_LABEL`].
pub const APP_LABEL_VALUE: &str = "mcp-server";
/// Label key on every child, its value is the server's name. Alone it is every selector.
pub const SERVER_LABEL: &str = "mcp-server";

/// Prefix of the annotations that belong to the operator; users cannot set them through `extraAnnotations`.
pub const ANNOTATION_PREFIX: &str = "mcp.x-k8s.io/";
/// Pod template annotation: hash of all referenced ConfigMaps and Secrets, so that a change rolls the pods.
pub const CONFIG_HASH_ANNOTATION: &str = "mcp.x-k8s.io/config-hash";
/// Annotation in which the previous operator remembered the extra labels it set: a JSON map. Read, never written.
pub const MANAGED_EXTRA_LABELS_ANNOTATION: &str = "mcp.x-k8s.io/managed-extra-labels";
/// Annotation in which the previous operator remembered the extra annotations it set: a JSON map. Read, never written.
pub const MANAGED_EXTRA_ANNOTATIONS_ANNOTATION: &str = "mcp.x-k8s.io/managed-extra-annotations";
/// Annotation on an `MCPServer`; the value `"true"` stops all writes for this server.
pub const PAUSED_ANNOTATION: &str = "render.mcp.x-k8s.io/paused";

/// Field manager of everything we apply, except status.
pub const FIELD_MANAGER: &str = "mcp-operator";
/// Field manager that keeps a Deployment's replicas when a server stops giving a number, until an autoscaler writes one.
pub const HANDOVER_FIELD_MANAGER: &str = "mcp-operator-handover";
/// Field manager of the status we apply.
pub const STATUS_FIELD_MANAGER: &str = "mcp-operator-status";
/// Field manager with which the previous operator updated children (operation Update).
pub const PREVIOUS_FIELD_MANAGER: &str = "manager";
/// Field manager with which the previous operator applied status.
pub const PREVIOUS_STATUS_FIELD_MANAGER: &str = "mcpserver-controller";
