//! Makes the chain out of component files.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::default_plugin;
use crate::reconcile::gather::Stage;
use crate::sandbox::{Limits, Sandbox};

/// What stands for the embedded default plugin wherever a component is named; `./default` is a file.
const DEFAULT: &str = "default";

/// Where the component of a plugin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginSource {
    /// In this program.
    Default,
    /// In a file.
    File(PathBuf),
}

impl From<OsString> for PluginSource {
    fn from(word: OsString) -> Self {
        if word == DEFAULT { Self::Default } else { Self::File(word.into()) }
    }
}

impl fmt::Display for PluginSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str(DEFAULT),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl PluginSource {
    /// The component's bytes.
    pub fn read(&self) -> Result<Vec<u8>> {
        match self {
            Self::Default => Ok(default_plugin::COMPONENT.to_vec()),
            Self::File(path) => fs::read(path).with_context(|| self.to_string()),
        }
    }
}

/// Loads components as a chain, in this order; of none, the default plugin alone.
pub fn load(sandbox: &Sandbox, sources: &[PluginSource]) -> Result<Vec<Stage>> {
    or_default(sources).iter().map(|source| stage(sandbox, source, &source.read()?)).collect()
}

/// The sources of a chain, which is never empty.
pub(super) fn or_default(sources: &[PluginSource]) -> &[PluginSource] {
    if sources.is_empty() { &[PluginSource::Default] } else { sources }
}

/// The component of this source, loaded.
pub(super) fn stage(sandbox: &Sandbox, source: &PluginSource, component: &[u8]) -> Result<Stage> {
    let plugin = sandbox.load(component, Limits::default()).with_context(|| source.to_string())?;
    Ok(Stage::new(plugin.info().name.clone(), plugin))
}
