//! Which Rust on this machine can compile for WebAssembly.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// What plugins are compiled for, best first. The first one needs no WASI; the second gives a component right away.
const TARGETS: [&str; 2] = ["wasm32-unknown-unknown", "wasm32-wasip2"];

/// A Rust that can compile for WebAssembly.
#[derive(Clone, Copy, Debug)]
pub enum Toolchain {
    /// The one that runs this build, with a target that it has.
    Current(&'static str),
    /// Debian's, which brings the standard library as source.
    Debian,
}

impl Toolchain {
    /// Looks for one.
    ///
    /// # Errors
    /// When there is none: how to install one, for a person.
    pub fn find() -> Result<Self, String> {
        if let Some(target) = TARGETS.into_iter().find(|target| has_target(target)) {
            return Ok(Self::Current(target));
        }
        let debian = ["/usr/bin/cargo", "/usr/bin/rustc", "/usr/bin/wasm-ld"];
        if debian.iter().all(|path| Path::new(path).exists()) {
            return Ok(Self::Debian);
        }
        let target = TARGETS[0];
        Err(format!(
            "Rust's {target} target is missing. Install it with\n    rustup target add {target}\n\
             or, where rustup cannot download it, on Debian with\n    apt-get install rustc-web rust-web-src cargo-web lld"
        ))
    }

    /// What it compiles for.
    pub fn target(self) -> &'static str {
        match self {
            Self::Current(target) => target,
            Self::Debian => TARGETS[0],
        }
    }

    /// A cargo without this build's own settings: with the same target directory it would wait for a lock that we hold.
    pub(crate) fn cargo(self) -> Command {
        let mut command = match self {
            Self::Current(_) => Command::new(tool("CARGO")),
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
        command
    }
}

fn has_target(target: &str) -> bool {
    let libdir = Command::new(tool("RUSTC")).args(["--print", "target-libdir", "--target", target]).output();
    libdir.is_ok_and(|libdir| Path::new(String::from_utf8_lossy(&libdir.stdout).trim()).is_dir())
}

/// The tool that cargo names in this variable, or the one in the path.
fn tool(variable: &str) -> OsString {
    env::var_os(variable).unwrap_or_else(|| variable.to_lowercase().into())
}
