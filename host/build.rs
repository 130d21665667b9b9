//! Builds the default plugin from `guest-default/` and leaves it where the library embeds it.
//!
//! A packager who has built the component elsewhere names it in `MCP_DEFAULT_PLUGIN`; then no wasm target is needed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const TARGET: &str = "wasm32-unknown-unknown";
const PREBUILT: &str = "MCP_DEFAULT_PLUGIN";

fn main() {
    println!("cargo::rerun-if-env-changed={PREBUILT}");
    for input in ["../guest-default", "../wit"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let module = match env::var_os(PREBUILT) {
        Some(path) => {
            println!("cargo::rerun-if-changed={}", path.display());
            fs::read(&path).unwrap_or_else(|error| fail(&format!("{PREBUILT}={}: {error}", path.display())))
        }
        None => build(&out.join("guest")),
    };
    fs::write(out.join("default.wasm"), component(module)).expect("OUT_DIR is writable");
}

/// Compiles the guest to a core module and returns its bytes.
fn build(target_dir: &Path) -> Vec<u8> {
    let toolchain = Toolchain::find().unwrap_or_else(|| {
        fail(&format!(
            "the default plugin needs Rust's {TARGET} target. Install it with\n    rustup target add {TARGET}\n\
             or, where rustup cannot download it, on Debian with\n    apt-get install rustc-web rust-web-src cargo-web lld\n\
             or name a component that was built elsewhere in {PREBUILT}"
        ))
    });
    let status = toolchain
        .cargo()
        .args(["build", "--package", "guest-default", "--profile", "guest", "--target", TARGET, "--target-dir"])
        .arg(target_dir)
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(_) => fail("the default plugin in guest-default/ does not compile; the errors are above"),
        Err(error) => fail(&format!("cannot start cargo for the default plugin: {error}")),
    }
    fs::read(target_dir.join(TARGET).join("guest/guest_default.wasm")).expect("cargo has just built it")
}

/// Which Rust can compile for wasm on this machine.
enum Toolchain {
    /// The one that runs this build.
    Current,
    /// Debian's, which brings the standard library as source.
    Debian,
}

impl Toolchain {
    fn find() -> Option<Self> {
        let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC");
        let libdir = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output().ok()?;
        if Path::new(String::from_utf8_lossy(&libdir.stdout).trim()).is_dir() {
            return Some(Self::Current);
        }
        let debian = ["/usr/bin/cargo", "/usr/bin/rustc", "/usr/bin/wasm-ld"];
        debian.iter().all(|path| Path::new(path).exists()).then_some(Self::Debian)
    }

    /// A cargo without this build's own settings: with the same target directory it would wait for a lock that we hold.
    fn cargo(&self) -> Command {
        let mut command = match self {
            Self::Current => Command::new(env::var_os("CARGO").expect("cargo sets CARGO")),
            Self::Debian => Command::new("/usr/bin/cargo"),
        };
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            let ours = ["CARGO_TARGET_DIR", "CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WRAPPER"];
            if ours.contains(&&*text) || text == "RUSTC_WORKSPACE_WRAPPER" || text.starts_with("CARGO_BUILD_") {
                command.env_remove(&name);
            }
        }
        // Half of the default stack of 1 MiB would be cleared for nothing in every instance; 64 KiB are plenty.
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Clink-arg=-zstack-size=65536");
        if matches!(self, Self::Debian) {
            command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld");
            command.env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort");
        }
        command.current_dir(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
        command
    }
}

/// A component from a core module that carries its WIT; a component is returned as it is.
fn component(bytes: Vec<u8>) -> Vec<u8> {
    const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";
    if !bytes.starts_with(CORE_MODULE) {
        return bytes;
    }
    wit_component::ComponentEncoder::default()
        .module(&bytes)
        .and_then(|encoder| encoder.validate(true).encode())
        .unwrap_or_else(|error| fail(&format!("the default plugin does not fit its WIT: {error:#}")))
}

/// Ends the build with one message for a person.
fn fail(message: &str) -> ! {
    for line in message.lines() {
        println!("cargo::error={line}");
    }
    std::process::exit(1)
}
