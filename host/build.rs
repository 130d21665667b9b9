//! Builds the default plugin from `guest-default/` and leaves it where the library embeds it.
//!
//! A packager who has built the component elsewhere names it in `MCP_DEFAULT_PLUGIN`; then no wasm target is needed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs};

use plugin_build::{Crate, Toolchain};

const PREBUILT: &str = "MCP_DEFAULT_PLUGIN";

fn main() {
    println!("cargo::rerun-if-env-changed={PREBUILT}");
    for input in ["../guest-default", "../plugins/rust", "../wit"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let component = match env::var_os(PREBUILT) {
        Some(path) => prebuilt(&path),
        None => build(&out.join("guest")),
    };
    fs::write(out.join("default.wasm"), component).expect("OUT_DIR is writable");
}

fn prebuilt(path: &OsStr) -> Vec<u8> {
    let path = Path::new(path);
    println!("cargo::rerun-if-changed={}", path.display());
    let bytes = fs::read(path).unwrap_or_else(|error| fail(&format!("{PREBUILT}={}: {error}", path.display())));
    plugin_build::component(bytes).unwrap_or_else(|error| fail(&format!("{PREBUILT}={}: {error:#}", path.display())))
}

fn build(target_dir: &Path) -> Vec<u8> {
    let toolchain = Toolchain::find().unwrap_or_else(|advice| {
        fail(&format!(
            "the default plugin cannot be built: {advice}\nor name a component that was built elsewhere in {PREBUILT}"
        ))
    });
    let host = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let root = Path::new(&host).with_file_name("Cargo.toml");
    let directory = root.with_file_name("guest-default");
    let plugin = Crate { directory: &directory, package: "guest-default", library: "guest-default", root: &root };
    plugin_build::rust(toolchain, plugin, target_dir)
        .unwrap_or_else(|error| fail(&format!("the default plugin in guest-default/: {error:#}")))
}

/// Ends the build with one message for a person.
fn fail(message: &str) -> ! {
    for line in message.lines() {
        println!("cargo::error={line}");
    }
    std::process::exit(1)
}
