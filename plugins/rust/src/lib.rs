//! What a render plugin of the MCP operator is written with in Rust.
//!
//! A plugin is a type that implements [`Plugin`] and one line that exports it. This one, whole, gives every server's pods
//! a priority:
//!
//! ```
//! use mcp_render_plugin::{Failure, Fields, Info, Kind, NoParameters, Plugin, Rendering, Request, Value};
//!
//! struct Priority;
//!
//! impl Plugin for Priority {
//!     type Spec = Value;
//!     type Parameters = NoParameters;
//!
//!     const INFO: Info = Info {
//!         name: "priority",
//!         version: env!("CARGO_PKG_VERSION"),
//!         description: "Gives the pods of every MCP server the priority class `mcp`.",
//!         emits: &[Kind::DEPLOYMENT],
//!         facts: &[],
//!         parameters_schema: None,
//!     };
//!
//!     fn render(request: Request<Self>) -> Result<Rendering, Failure> {
//!         let mut objects = request.base;
//!         let pod = objects.workload()?.object("spec.template.spec")?;
//!         pod.insert("priorityClassName".to_owned(), "mcp".into());
//!         Ok(objects.into())
//!     }
//! }
//!
//! mcp_render_plugin::export!(Priority);
//! ```
//!
//! Its crate is a `cdylib` for the target `wasm32-wasip2`, which gives a component, or for `wasm32-unknown-unknown`, which
//! gives a module that `wasm-tools component new` makes one of. On other targets nothing is exported and everything else
//! is the same, so that unit tests call [`Plugin::render`] with a [`Request`] like any other function.

mod component;
mod fields;
mod finding;
mod log;
mod objects;
mod plugin;
mod request;

/// The interface as it crosses the boundary, generated from `wit/render.wit`. Its comments say what each item means.
#[allow(missing_docs, unsafe_code, clippy::pedantic, reason = "generated from wit/render.wit")]
pub mod wit {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "plugin",
        pub_export_macro: true,
        additional_derives: [PartialEq, Eq],
    });
}

pub use serde_json::{Value, json};

pub use self::component::Component;
pub use self::fields::Fields;
pub use self::log::log;
pub use self::objects::{NETWORK_POLICY, Objects, SERVICE, WORKLOAD};
pub use self::plugin::{Info, Kind, NoParameters, Plugin, Rendering};
pub use self::request::{Request, Server};
pub use self::wit::mcp::render::log::Level;
pub use self::wit::mcp::render::types::{Diagnostic, Failure, Severity};

/// Makes a type that implements [`Plugin`] what the component exports. Once in a crate.
///
/// A macro because the exports are functions with fixed names, which no generic code can have.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Exported = $crate::Component<$plugin>;
    $crate::wit::export!(Exported with_types_in $crate::wit);
        };
    };
}
