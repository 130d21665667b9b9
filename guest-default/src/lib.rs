//! The default render plugin: one Deployment, one Service and one NetworkPolicy for each MCPServer.
//!
//! A good place to start your own full renderer from: [`server`] is what comes in, [`deployment`], [`service`] and
//! [`network_policy`] are what goes out, [`metadata`] is what all three share. Everything is pure: a server in, typed
//! Kubernetes objects out. Only [`component`] knows that the code runs behind a WebAssembly interface.

#[cfg(all(feature = "component", target_family = "wasm"))]
mod allocator;
pub mod component;
pub mod deployment;
pub mod metadata;
pub mod network_policy;
pub mod server;
pub mod service;
