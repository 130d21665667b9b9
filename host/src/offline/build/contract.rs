//! The plugin interface for languages whose tools read it from files: the project's own `wit/`, or this program's.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

/// `wit/render.wit`.
const TEXT: &str = include_str!("../../../../wit/render.wit");

/// The world that plugins target.
pub(super) const WORLD: &str = "plugin";

/// A folder with the interface; a temporary one is gone with this.
pub(super) enum Contract {
    Own(PathBuf),
    Ours(TempDir),
}

impl Contract {
    /// For this project.
    pub(super) fn of(project: &Path) -> anyhow::Result<Self> {
        let own = project.join("wit");
        if own.is_dir() {
            return Ok(Self::Own(own));
        }
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        write(folder.path())?;
        Ok(Self::Ours(folder))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Ours(folder) => folder.path(),
        }
    }
}

/// Puts `wit/render.wit` into a project that has no `wit/`, for tools that the project itself calls.
pub(super) fn provide(project: &Path) -> anyhow::Result<()> {
    let folder = project.join("wit");
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
    write(&folder)
}

fn write(folder: &Path) -> anyhow::Result<()> {
    let file = folder.join("render.wit");
    fs::write(&file, TEXT).with_context(|| file.display().to_string())
}

/// Puts the interface into a core module that keeps to it, so that a component can be made of it.
pub(super) fn embed(module: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("render.wit", TEXT)?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    wit_component::embed_component_metadata(module, &resolve, world, wit_component::StringEncoding::UTF8, false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_project_without_interface_gets_ours_and_one_with_keeps_its_own() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(fs::read_to_string(Contract::of(folder.path()).unwrap().path().join("render.wit")).unwrap(), TEXT);
        assert!(!folder.path().join("wit").exists(), "tools that are told a path need no file in the project");
        provide(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("wit/render.wit")).unwrap(), TEXT);
        fs::write(folder.path().join("wit/render.wit"), "their own").unwrap();
        provide(folder.path()).unwrap();
        let contract = Contract::of(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(contract.path().join("render.wit")).unwrap(), "their own");
    }
}
