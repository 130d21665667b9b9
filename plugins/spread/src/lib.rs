//! A render plugin that spreads a server's pods, lets nodes be drained one pod at a time, and lets pods end gently:
//! [`parameters`] is what can be set, [`pods`] is what becomes of the pod template, [`budget`] is what is added to it.

pub mod budget;
pub mod parameters;
pub mod pods;

use mcp_render_plugin::{Failure, Info, Kind, Plugin, Rendering, Request, Value};

use crate::parameters::Parameters;

/// The plugin.
pub struct Spread;

impl Plugin for Spread {
    type Spec = Value;
    type Parameters = Parameters;

    const INFO: Info = Info {
        name: "spread",
        version: env!("CARGO_PKG_VERSION"),
        description: "Spreads a server's pods over zones and nodes, and lets them end without cutting off requests.",
        emits: &[Kind::DEPLOYMENT, Kind::STATEFUL_SET, budget::KIND],
        facts: &[],
        parameters_schema: Some(include_str!("../parameters.schema.json")),
    };

    fn render(Request { mut base, parameters, .. }: Request<Self>) -> Result<Rendering, Failure> {
        let workload = base.workload()?;
        pods::spread(workload, &parameters)?;
        pods::end_gently(workload, &parameters)?;
        budget::allow_drains(&mut base, &parameters)?;
        Ok(base.into())
    }
}

mcp_render_plugin::export!(Spread);
