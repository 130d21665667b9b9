//! The default plugin, compiled from `guest-default/` by the build script.

/// The component's bytes.
pub const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/default.wasm"));

#[cfg(test)]
mod tests;
