//! A render plugin that renders everything itself: a StatefulSet whose pods each have storage of their own, where the
//! default plugin has a Deployment.
//!
//! It ignores what earlier stages rendered. What it has in common with the default plugin it takes from that one's crate:
//! the pod template, the Service and the NetworkPolicy. [`parameters`] is what can be set, [`workload`] is the difference.

pub mod parameters;
pub mod workload;

use guest_default::server::Spec;
use guest_default::{deployment, network_policy, service};
use mcp_render_plugin::{Failure, Info, Kind, NETWORK_POLICY, Objects, Plugin, Rendering, Request, SERVICE, WORKLOAD};

use crate::parameters::Parameters;

/// The fact that rolls the pods when referenced configuration changes.
const CONFIG_HASH: &str = "config.hash";

/// The slot of the Service that gives each pod a name of its own.
const PODS: &str = "pods";

/// The plugin.
pub struct Stateful;

impl Plugin for Stateful {
    type Spec = Spec;
    type Parameters = Parameters;

    const INFO: Info = Info {
        name: "stateful",
        version: env!("CARGO_PKG_VERSION"),
        description: "Runs each server as a StatefulSet whose pods have storage that stays.",
        emits: &[Kind::STATEFUL_SET, Kind::SERVICE, Kind::NETWORK_POLICY],
        facts: &[CONFIG_HASH],
        parameters_schema: Some(include_str!("../parameters.schema.json")),
    };

    fn render(Request { server, parameters, facts, .. }: Request<Self>) -> Result<Rendering, Failure> {
        let config_hash = facts.get(CONFIG_HASH).map(String::as_str);
        let deployment = deployment::render(&server, config_hash);
        let mut objects = Objects::default();
        objects.set(WORKLOAD, &workload::stateful(deployment, &server, &parameters)?)?;
        objects.set(SERVICE, &service::render(&server))?;
        objects.set(PODS, &workload::pods_service(&server))?;
        objects.set(NETWORK_POLICY, &network_policy::render(&server))?;
        Ok(objects.into())
    }
}

mcp_render_plugin::export!(Stateful);
