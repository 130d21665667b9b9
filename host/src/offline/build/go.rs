//! Go: the stock compiler makes a core module for WASI preview 1, with our package in the project's module; we make the
//! component of it, with the adapter that translates preview 1 to what components import.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as ADAPTER, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as REACTOR,
};
use wit_component::ComponentEncoder;

use super::tool::Tool;
use super::{Failure, contract, go_package};

/// The oldest Go whose output is tested, 1.x.
const MINOR: u32 = 26;
const INSTALL: &str = "install Go 1.26 or newer from https://go.dev/dl";

/// The component of package main in this folder.
pub(super) fn build(project: &Path) -> Result<Vec<u8>, Failure> {
    let version = Tool::new("go", project, INSTALL).args(["env", "GOVERSION"]).output()?;
    check(&version)?;
    go_package::write(project, &module_path(project)?)?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let module = folder.path().join("module.wasm");
    // The checked names are those of the runtime: our package allocates memory before the runtime can.
    Tool::new("go", project, INSTALL)
        .args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-checklinkname=0", "-o"])
        .args([&module])
        .args(["."])
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .run()?;
    let module = fs::read(&module).with_context(|| module.display().to_string())?;
    component(module).map_err(|error| Failure::Broken(format!("the module does not fit its WIT: {error:#}")))
}

/// Of `go1.26.8`. A development version is believed.
fn check(version: &str) -> Result<(), Failure> {
    let minor = version.strip_prefix("go1.").and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    match minor.and_then(|minor| minor.parse::<u32>().ok()) {
        Some(minor) if minor < MINOR => Err(Failure::NotTried(format!("{version} is too old: {INSTALL}"))),
        _ => Ok(()),
    }
}

/// The name in the line `module` of go.mod.
fn module_path(project: &Path) -> Result<String, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Manifest {
        module: Module,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Module {
        path: String,
    }
    let manifest = Tool::new("go", project, INSTALL).args(["mod", "edit", "-json"]).output()?;
    let manifest: Manifest = serde_json::from_str(&manifest).context("cannot read what go says of go.mod")?;
    Ok(manifest.module.path)
}

fn component(mut module: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    contract::embed(&mut module)?;
    ComponentEncoder::default().module(&module)?.adapter(ADAPTER, REACTOR)?.validate(true).encode()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_old_go_is_refused() {
        for version in ["go1.26", "go1.26.8", "go1.27rc1", "go2.0", "devel go1.25-0a1b"] {
            assert!(check(version).is_ok(), "{version}");
        }
        for version in ["go1.25.9", "go1.9"] {
            let message = check(version).unwrap_err().to_string();
            assert_eq!(message, format!("{version} is too old: install Go 1.26 or newer from https://go.dev/dl"));
        }
    }
}
