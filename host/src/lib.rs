//! The MCP operator as a library: the pipeline gather → render → vet → apply → status, and what it stands on.
//!
//! `mcp-operator` runs the pipeline in a cluster, `mcp-render` runs its first three steps on files. Both go through the
//! same code, so what a policy's author sees offline is what the cluster gets.

mod apart;
pub mod api;
pub mod bundle;
pub mod cache;
pub mod canonical;
pub mod completion;
pub mod controller;
pub mod default_plugin;
pub mod events;
pub mod examples;
pub mod handshake;
pub mod metrics;
pub mod offline;
pub mod operator;
pub mod parameters;
pub mod plugins;
mod private_files;
pub mod reconcile;
pub mod registry;
pub mod sandbox;
pub mod stdout;
mod strict;
pub mod verification;
