//! Builds a render plugin that is written in Rust: compiles its crate for WebAssembly and makes the module a component.
//!
//! Used by the operator's build script for the default plugin, and by `make plugins` for those in `plugins/`.

mod toolchain;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

pub use self::toolchain::{TARGET, Toolchain};

/// Builds a package of the workspace that `directory` is in, and returns the component. `target_dir` must not be one that
/// a running cargo has locked.
///
/// # Errors
/// When the package does not compile, which cargo has explained on the standard error, or is no plugin.
pub fn rust(toolchain: Toolchain, package: &str, directory: &Path, target_dir: &Path) -> Result<Vec<u8>> {
    let status = toolchain
        .cargo()
        .args(["build", "--package", package, "--profile", "guest", "--target", TARGET, "--target-dir"])
        .arg(target_dir)
        .current_dir(directory)
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "{package} does not compile; the errors are above");
    let module = target_dir.join(TARGET).join("guest").join(format!("{}.wasm", package.replace('-', "_")));
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
