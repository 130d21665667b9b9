//! The sandbox: loads render plugins (components of the world `mcp:render/plugin`) and calls them with limits on every
//! axis. Nothing in here knows Kubernetes, and nothing a plugin does gets out but its answer, its log, or a [`Failure`].
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use mcp_operator::sandbox::{Limits, Request, Sandbox};
//!
//! let sandbox = Sandbox::new(4)?;
//! let plugin = sandbox.load(&std::fs::read("plugin.wasm")?, Limits::default())?;
//! let request = Request { server: "{}".to_owned(), base: vec![], parameters: None, facts: vec![] };
//! for (slot, object) in plugin.render(&request)?.objects {
//!     println!("{slot}: {object}");
//! }
//! # Ok(())
//! # }
//! ```

mod about;
mod bindings;
mod clock;
mod code;
mod contract;
mod digest;
mod engine;
mod failure;
mod json;
mod limits;
mod log;
mod output;
mod places;
mod plugin;
#[cfg(test)]
mod tests;
mod usage;
mod wasi;

use std::sync::Arc;

use wasmtime::Engine;

pub use bindings::exports::mcp::render::info::{ObjectKind, PluginInfo};
pub use bindings::mcp::render::types::{Diagnostic, Fact, Request, Response, Severity, SlotObject};
pub use code::{CodeCache, compile};
pub use contract::{Checked, Inspection, inspect};
pub use digest::{Digest, DigestError};
pub use failure::Failure;
pub use limits::{Bytes, Limits};
pub use log::{LastWords, Line, Log, Source};
pub use output::Output;
pub use plugin::Plugin;
pub use usage::Usage;
pub use wasi::Seed;

/// The engine that plugins run in. Cloning is cheap; plugins keep it alive.
#[derive(Clone)]
pub struct Sandbox(Arc<Shared>);

/// What a sandbox and its plugins share.
struct Shared {
    engine: Engine,
    places: places::Places,
    code: Option<CodeCache>,
    counting: bool,
    clock: clock::Clock,
}

impl Sandbox {
    /// A sandbox for `concurrency` calls at a time; further ones wait. Fails only where WebAssembly cannot run at all.
    pub fn new(concurrency: usize) -> anyhow::Result<Self> {
        let concurrency = concurrency.max(1);
        Self::with_engine(engine::new(concurrency)?, concurrency, None, false)
    }

    /// The same, with a place for compiled code. See [`CodeCache`].
    pub fn with_code_cache(concurrency: usize, code: CodeCache) -> anyhow::Result<Self> {
        let concurrency = concurrency.max(1);
        Self::with_engine(engine::new(concurrency)?, concurrency, Some(code), false)
    }

    /// A sandbox for one call at a time that counts [fuel](Usage::fuel). Plugins run slower in it, and so may take ten
    /// times their time limit. `code` is a place for compiled code.
    pub fn counting(code: Option<CodeCache>) -> anyhow::Result<Self> {
        Self::with_engine(engine::counting()?, 1, code, true)
    }

    fn with_engine(
        engine: Engine,
        concurrency: usize,
        code: Option<CodeCache>,
        counting: bool,
    ) -> anyhow::Result<Self> {
        let clock = clock::Clock::start(&engine)?;
        let places = places::Places::new(concurrency);
        Ok(Self(Arc::new(Shared { engine, places, code, counting, clock })))
    }

    /// Checks, compiles and links a component, and asks it to describe itself. Compiling takes from milliseconds to
    /// tens of seconds, with the component's size.
    pub fn load(&self, component: &[u8], limits: Limits) -> Result<Plugin, Failure> {
        plugin::within(&limits, component)?; // before anything reads it
        self.load_checked(Checked::new(component, Digest::of(component))?, limits)
    }

    /// The same of a component that was checked already.
    pub fn load_checked(&self, component: Checked<'_>, limits: Limits) -> Result<Plugin, Failure> {
        Plugin::load(&self.0, component, limits)
    }
}
