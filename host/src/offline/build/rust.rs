//! Rust: cargo, with the profile and the toolchain that the default plugin is built with.

use std::path::{Path, PathBuf};

use anyhow::Context;
use plugin_build::{Crate, Toolchain};
use serde::Deserialize;

use super::Failure;
use super::tool::Tool;

/// What `cargo metadata` says of a workspace.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

/// The component of the crate in this folder.
pub(super) fn build(project: &Path) -> Result<Vec<u8>, Failure> {
    let metadata = Tool::new("cargo", project, "install Rust 1.95 or newer from https://rustup.rs");
    let metadata = metadata.args(["metadata", "--no-deps", "--format-version=1"]).output()?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("cannot read what cargo says of the crate")?;
    let toolchain = Toolchain::find().map_err(Failure::NotTried)?;
    let (package, library) = metadata.plugin(&project.join("Cargo.toml"))?;
    let root = metadata.workspace_root.join("Cargo.toml");
    let plugin = Crate { directory: project, package, library, root: &root };
    plugin_build::rust(toolchain, plugin, &metadata.target_directory)
        .map_err(|error| Failure::Broken(format!("{error:#}")))
}

impl Metadata {
    /// The names of the package with this manifest and of its library, which has to be one for WebAssembly.
    fn plugin(&self, manifest: &Path) -> Result<(&str, &str), Failure> {
        let package = self.packages.iter().find(|package| package.manifest_path == manifest);
        let package = package.ok_or_else(|| {
            let path = manifest.display();
            Failure::NotTried(format!("{path} is a workspace without a crate of its own: name the folder of a crate"))
        })?;
        let library = package.targets.iter().find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"));
        let library = library.ok_or_else(|| {
            let lines = "[lib]\ncrate-type = [\"cdylib\", \"rlib\"]";
            Failure::Broken(format!("{} makes no component of its library: it needs\n{lines}", manifest.display()))
        })?;
        Ok((&package.name, &library.name))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn plugin(manifest: &str, crate_types: &[&str]) -> Result<(String, String), String> {
        let target = json!({"name": "my_policy", "crate_types": crate_types});
        let package = json!({"name": "my-policy", "manifest_path": "/w/my-policy/Cargo.toml", "targets": [target]});
        let metadata = json!({"packages": [package], "workspace_root": "/w", "target_directory": "/w/target"});
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        let found = metadata.plugin(Path::new(manifest)).map_err(|failure| failure.to_string());
        found.map(|(package, library)| (package.to_owned(), library.to_owned()))
    }

    #[test]
    fn the_crate_in_the_folder_is_found_among_those_of_its_workspace() {
        let found = plugin("/w/my-policy/Cargo.toml", &["cdylib", "rlib"]);
        assert_eq!(found, Ok(("my-policy".to_owned(), "my_policy".to_owned())));
        assert!(plugin("/w/Cargo.toml", &["cdylib"]).unwrap_err().contains("name the folder of a crate"));
    }

    #[test]
    fn a_crate_that_makes_no_component_is_told_the_lines_that_it_needs() {
        let message = plugin("/w/my-policy/Cargo.toml", &["lib"]).unwrap_err();
        assert!(message.contains("crate-type = [\"cdylib\", \"rlib\"]"), "{message}");
    }
}
