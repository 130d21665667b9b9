//! Builds a plugin project to a component, with the tools of the project's own language.
//!
//! A driver for each language knows which tool to call and what to install when it is missing. What the tools print goes
//! to the standard error, as they print it. The component is inspected before it is written: what is no render plugin is
//! refused.

mod contract;
mod failure;
mod go;
mod go_package;
mod language;
mod npm;
mod python;
mod rust;
mod tool;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::{Serialize, Serializer};

pub use self::failure::Failure;
pub use self::language::Language;
use super::inspection::{self, About, Description};
use crate::sandbox::{Bytes, Sandbox};

/// A component that was built.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Built {
    /// Where it is.
    file: PathBuf,
    language: Language,
    /// The plugin's own name and version.
    name: String,
    version: String,
    digest: String,
    /// In bytes.
    size: usize,
    #[serde(rename = "seconds", serialize_with = "seconds")]
    took: Duration,
}

/// Builds the project in a folder, and writes the component to `output`, or to NAME.wasm in the folder of that name.
pub fn build(sandbox: &Sandbox, project: &Path, output: Option<&Path>) -> Result<Built, Failure> {
    let start = Instant::now();
    let language = Language::of(project)?;
    let folder = project.canonicalize().with_context(|| project.display().to_string())?;
    let component = match language {
        Language::Rust => rust::build(&folder),
        Language::Go => go::build(&folder),
        Language::JavaScript => npm::build(&folder),
        Language::Python => python::build(&folder),
    }?;
    let description = inspection::inspect(sandbox, &component);
    let About { name, version, .. } = about(project, &description)?;
    let file = output.map_or_else(|| project.join(file_name(&folder)), Path::to_owned);
    fs::write(&file, &component).with_context(|| file.display().to_string())?;
    let (name, version) = (name.clone(), version.clone());
    let Description { digest, size, .. } = description;
    Ok(Built { file, language, name, version, digest, size, took: start.elapsed() })
}

/// What the plugin says of itself; a component that cannot is no render plugin.
fn about<'a>(project: &Path, description: &'a Description) -> Result<&'a About, Failure> {
    description.about.as_ref().ok_or_else(|| {
        let problem = description.problem().unwrap_or("it says nothing of itself");
        Failure::Broken(format!("{}: what was built is no render plugin: {problem}", project.display()))
    })
}

/// `policy.wasm` for `/home/me/policy`.
pub(super) fn file_name(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or("plugin".as_ref());
    let mut file = name.to_owned();
    file.push(".wasm");
    file.into()
}

fn seconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((took.as_secs_f64() * 10.0).round() / 10.0)
}

impl Built {
    /// Where the component is.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, language, name, version, digest, size, took } = self;
        writeln!(f, "built:     {} ({}, {language}, {:.1} s)", file.display(), Bytes(*size), took.as_secs_f64())?;
        writeln!(f, "plugin:    {name} {version}")?;
        writeln!(f, "digest:    {digest}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_component_is_named_like_its_folder() {
        assert_eq!(file_name(Path::new("/home/me/policy")), Path::new("policy.wasm"));
        assert_eq!(file_name(Path::new("/home/me/policy-1.2")), Path::new("policy-1.2.wasm"));
        assert_eq!(file_name(Path::new("/")), Path::new("plugin.wasm"));
    }

    #[test]
    fn a_component_that_is_no_plugin_is_refused_with_the_reason() {
        let description = inspection::inspect(&Sandbox::new(1).unwrap(), b"\0asm\x01\0\0\0");
        let failure = about(Path::new("policy"), &description).err().unwrap();
        assert!(
            matches!(&failure, Failure::Broken(message) if message.contains("core WebAssembly module")),
            "{failure}"
        );
    }

    #[test]
    fn what_was_built_is_told_to_people_and_programs() {
        let built = Built {
            file: "policy.wasm".into(),
            language: Language::Go,
            name: "ownership".to_owned(),
            version: "0.1.0".to_owned(),
            digest: "sha256:0a".to_owned(),
            size: 2048,
            took: Duration::from_millis(1234),
        };
        let text = "built:     policy.wasm (2 KiB, Go, 1.2 s)\nplugin:    ownership 0.1.0\ndigest:    sha256:0a\n";
        assert_eq!(built.to_string(), text);
        let document = serde_json::json!({"file": "policy.wasm", "language": "Go", "name": "ownership", "version": "0.1.0",
            "digest": "sha256:0a", "size": 2048, "seconds": 1.2});
        assert_eq!(serde_json::to_value(built).unwrap(), document);
    }
}
