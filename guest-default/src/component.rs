//! The WebAssembly side: takes the request apart, calls the renderers, puts the answer together.

#[allow(missing_docs, unsafe_code, clippy::pedantic, reason = "generated from wit/render.wit")]
mod bindings {
    wit_bindgen::generate!({ path: "../wit", world: "plugin" });
}

use bindings::exports::mcp::render::info::{self, ObjectKind, PluginInfo};
use bindings::exports::mcp::render::renderer::{self, Failure, Request, Response};
use bindings::mcp::render::types::SlotObject;
use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde::Serialize;

use crate::server::Server;
use crate::{deployment, network_policy, service};

/// The fact that rolls the pods when referenced configuration changes.
const CONFIG_HASH: &str = "config.hash";

/// What the component exports.
pub struct DefaultPlugin;

impl info::Guest for DefaultPlugin {
    fn describe() -> PluginInfo {
        PluginInfo {
            name: "default".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "One Deployment, one Service and one NetworkPolicy for each MCPServer.".into(),
            emits: vec![kind::<Deployment>(), kind::<Service>(), kind::<NetworkPolicy>()],
            facts: vec![CONFIG_HASH.into()],
            parameters_schema: None,
        }
    }
}

impl renderer::Guest for DefaultPlugin {
    fn render(request: Request) -> Result<Response, Failure> {
        let server: Server = serde_json::from_str(&request.server)
            .map_err(|error| Failure::Internal(format!("the server is not what this plugin expects: {error}")))?;
        let config_hash = request.facts.iter().find(|fact| fact.name == CONFIG_HASH).map(|fact| fact.value.as_str());
        let objects = vec![
            slot("workload", &deployment::render(&server, config_hash))?,
            slot("service", &service::render(&server))?,
            slot("network-policy", &network_policy::render(&server))?,
        ];
        Ok(Response { objects, diagnostics: Vec::new() })
    }
}

fn kind<K: Resource>() -> ObjectKind {
    ObjectKind { api_version: K::API_VERSION.into(), kind: K::KIND.into() }
}

fn slot(slot: &str, object: &impl Serialize) -> Result<SlotObject, Failure> {
    let object = serde_json::to_string(object).map_err(|error| Failure::Internal(error.to_string()))?;
    Ok(SlotObject { slot: slot.into(), object })
}

/// Only for WebAssembly: the names of these exports mean nothing to other linkers.
#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "generated from wit/render.wit")]
mod export {
    super::bindings::export!(DefaultPlugin with_types_in super::bindings);
    use super::DefaultPlugin;
}
