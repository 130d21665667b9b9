//! Builds a render plugin that is written in Rust: compiles its crate for WebAssembly and makes the module a component.
//!
//! Used by the operator's build script for the default plugin, and by `mcp-render build`.

mod toolchain;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

pub use self::toolchain::Toolchain;

/// How plugins are compiled: fast first, since they run for every render.
const PROFILE: &str = "guest";

/// [`PROFILE`] for workspaces that have none.
const SETTINGS: [&str; 6] =
    ["inherits = 'release'", "codegen-units = 1", "lto = true", "opt-level = 3", "panic = 'abort'", "strip = true"];

/// A crate with a plugin.
#[derive(Clone, Copy, Debug)]
pub struct Crate<'a> {
    /// Its folder.
    pub directory: &'a Path,
    /// Its package.
    pub package: &'a str,
    /// Its library.
    pub library: &'a str,
    /// The manifest with the profiles: the workspace's.
    pub root: &'a Path,
}

/// Builds a plugin, and returns the component. `target_dir` must not be one that a running cargo has locked.
///
/// # Errors
/// When the package does not compile, which cargo has explained on the standard error, or is no plugin.
pub fn rust(toolchain: Toolchain, plugin: Crate<'_>, target_dir: &Path) -> Result<Vec<u8>> {
    let Crate { directory, package, library, root } = plugin;
    let mut cargo = toolchain.cargo();
    cargo.args(["build", "--package", package, "--lib", "--profile", PROFILE, "--target", toolchain.target()]);
    let manifest = fs::read_to_string(root).with_context(|| root.display().to_string())?;
    if !manifest.contains(&format!("[profile.{PROFILE}]")) {
        cargo.args(SETTINGS.map(|setting| format!("--config=profile.{PROFILE}.{setting}")));
    }
    let status = cargo.arg("--target-dir").arg(target_dir).current_dir(directory).status();
    ensure!(status.context("cannot start cargo")?.success(), "{package} does not compile; the errors are above");
    let module = target_dir.join(toolchain.target()).join(PROFILE).join(format!("{}.wasm", library.replace('-', "_")));
    component(fs::read(&module).with_context(|| module.display().to_string())?)
}

/// A component from a core module that carries its WIT; a component is returned as it is.
///
/// # Errors
/// When the module does not export what its WIT says.
pub fn component(bytes: Vec<u8>) -> Result<Vec<u8>> {
    const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";
    if !bytes.starts_with(CORE_MODULE) {
        return Ok(bytes);
    }
    wit_component::ComponentEncoder::default()
        .module(&bytes)
        .and_then(|encoder| encoder.validate(true).encode())
        .context("the module does not fit its WIT")
}
