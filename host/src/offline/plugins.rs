//! Makes the chain out of component files.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use super::project;
use crate::default_plugin;
use crate::reconcile::gather::Stage;
use crate::sandbox::{Limits, Sandbox};

/// What stands for the embedded default plugin wherever a component is named; `./default` is a file.
pub(super) const DEFAULT: &str = "default";

/// A word at least this similar (Jaro-Winkler, 0 to 1) is meant to be [`DEFAULT`].
const SIMILAR: f64 = 0.8;

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
            Self::File(path) => fs::read(path).map_err(|error| unread(path, &error)),
        }
    }

    /// That the component is older than the sources beside it, and what to do.
    pub fn stale(&self) -> Option<String> {
        match self {
            Self::Default => None,
            Self::File(path) => project::stale(path),
        }
    }
}

/// Why there is no component, and what to do where that can be guessed.
fn unread(path: &Path, error: &io::Error) -> anyhow::Error {
    let is_default = || strsim::jaro_winkler(&path.to_string_lossy().to_lowercase(), DEFAULT) >= SIMILAR;
    let advice = match path.extension() {
        _ if error.kind() != ErrorKind::NotFound => None,
        None if is_default() => Some(format!("did you mean `{DEFAULT}`, the embedded default plugin?")),
        _ => project::command(path).map(|command| format!("run `{command}` first")),
    };
    let advice = advice.map(|advice| format!("; {advice}")).unwrap_or_default();
    anyhow!("{}: {error}{advice}", path.display())
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_component_that_is_missing_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("policy");
        fs::create_dir(&project).unwrap();
        fs::write(project.join("go.mod"), "").unwrap();
        let told = |path: &Path| PluginSource::File(path.to_owned()).read().unwrap_err().to_string();
        let at = project.display();
        let built = told(&project.join("policy.wasm"));
        assert!(built.ends_with(&format!("; run `mcp-render build {at}` first")), "{built}");
        let other = told(&project.join("other.wasm"));
        assert!(other.ends_with(&format!("; run `mcp-render build {at} -o {at}/other.wasm` first")), "{other}");
        assert!(told(Path::new("defualt")).ends_with("; did you mean `default`, the embedded default plugin?"));
        let elsewhere = told(&folder.path().join("policy.wasm"));
        assert!(elsewhere.ends_with("policy.wasm: No such file or directory (os error 2)"), "{elsewhere}");
    }
}
