//! What the component exports: takes the request apart, calls the renderers, puts the answer together.

use mcp_render_plugin::{
    Failure, Info, Kind, NETWORK_POLICY, NoParameters, Objects, Plugin, Rendering, Request, SERVICE, WORKLOAD,
};

use crate::server::Spec;
use crate::{deployment, network_policy, service};

/// The fact that rolls the pods when referenced configuration changes.
const CONFIG_HASH: &str = "config.hash";

/// The plugin.
pub struct DefaultPlugin;

impl Plugin for DefaultPlugin {
    type Spec = Spec;
    type Parameters = NoParameters;

    const INFO: Info = Info {
        name: "default",
        version: env!("CARGO_PKG_VERSION"),
        description: "One Deployment, one Service and one NetworkPolicy for each MCPServer.",
        emits: &[Kind::DEPLOYMENT, Kind::SERVICE, Kind::NETWORK_POLICY],
        facts: &[CONFIG_HASH],
        parameters_schema: None,
    };

    fn render(Request { server, facts, .. }: Request<Self>) -> Result<Rendering, Failure> {
        let config_hash = facts.get(CONFIG_HASH).map(String::as_str);
        let mut objects = Objects::default();
        objects.set(WORKLOAD, &deployment::render(&server, config_hash))?;
        objects.set(SERVICE, &service::render(&server))?;
        objects.set(NETWORK_POLICY, &network_policy::render(&server))?;
        Ok(objects.into())
    }
}

#[cfg(feature = "component")]
mcp_render_plugin::export!(DefaultPlugin);
