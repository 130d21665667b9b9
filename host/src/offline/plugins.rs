//! Makes the chain out of component files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::default_plugin;
use crate::reconcile::gather::Stage;
use crate::sandbox::{Limits, Sandbox};

/// Loads the components of these files as a chain, in this order; without files, the default plugin alone.
pub fn load(files: &[PathBuf]) -> Result<Vec<Stage>> {
    let sandbox = Sandbox::new(1)?;
    if files.is_empty() {
        return Ok(vec![stage(&sandbox, default_plugin::COMPONENT).context("the embedded default plugin")?]);
    }
    files.iter().map(|file| from_file(&sandbox, file).with_context(|| file.display().to_string())).collect()
}

fn from_file(sandbox: &Sandbox, file: &Path) -> Result<Stage> {
    stage(sandbox, &fs::read(file)?)
}

fn stage(sandbox: &Sandbox, component: &[u8]) -> Result<Stage> {
    let plugin = sandbox.load(component, Limits::default())?;
    Ok(Stage { name: plugin.info().name.clone(), plugin, parameters: None, last_good: None })
}
