//! The operator's cache volume: components by digest, and which versions of each plugin were good, so that a restart
//! needs neither registry nor compiler. Files only; no cluster.
//!
//! A record is written before the version renders its first server, and read once, when the operator starts.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::RenderPluginSpec;
use crate::api::render_plugin::{Grants, PluginLimits};
use crate::private_files;
use crate::sandbox::Digest;

/// What decides a plugin's output: two equal records render the same.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct VersionRecord {
    /// Digest of the component.
    pub digest: String,
    /// What it is told.
    pub parameters: Option<Map<String, Value>>,
    /// What it may use.
    pub limits: Option<PluginLimits>,
    /// What it may return besides what every plugin may.
    pub grants: Option<Grants>,
}

impl VersionRecord {
    /// The version that a spec asks for.
    pub fn of(spec: &RenderPluginSpec) -> Self {
        let RenderPluginSpec { digest, parameters, limits, grants, .. } = spec.clone();
        Self { digest, parameters, limits, grants }
    }
}

/// The good versions of one plugin.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Record {
    /// The one that renders.
    pub active: Option<VersionRecord>,
    /// The last good one before it.
    pub previous: Option<VersionRecord>,
}

impl Record {
    fn digests(&self) -> impl Iterator<Item = Digest> {
        self.active.iter().chain(&self.previous).filter_map(|version| version.digest.parse().ok())
    }
}

/// The cache volume.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

impl Store {
    /// A store in `directory`, which is made if it is not there.
    pub fn new(directory: &Path) -> io::Result<Self> {
        let store = Self { directory: directory.to_owned() };
        for directory in [store.components(), store.records(), store.code()] {
            private_files::directory(&directory)?;
        }
        Ok(store)
    }

    /// The store in a directory that somebody else keeps, only to be read.
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Where compiled code belongs.
    pub fn code(&self) -> PathBuf {
        self.directory.join("code")
    }

    /// A component's bytes, if they are here and are what they were.
    pub fn component(&self, digest: &Digest) -> Option<Vec<u8>> {
        let bytes = fs::read(self.component_file(digest)).ok()?;
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }

    /// Keeps a component under its digest.
    pub fn keep_component(&self, digest: &Digest, component: &[u8]) -> io::Result<()> {
        private_files::write(&self.component_file(digest), component)
    }

    /// The good versions of a plugin; empty when nothing readable is known.
    pub fn record(&self, plugin: &str) -> Record {
        let bytes = fs::read(self.record_file(plugin)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Keeps the good versions of a plugin.
    pub fn keep_record(&self, plugin: &str, record: &Record) -> io::Result<()> {
        private_files::write(&self.record_file(plugin), serde_json::to_string(record)?.as_bytes())
    }

    /// Forgets a deleted plugin.
    pub fn forget(&self, plugin: &str) -> io::Result<()> {
        match fs::remove_file(self.record_file(plugin)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the components that no record names, except those in `keep`; returns the digests that stay.
    pub fn collect_garbage(&self, keep: &[Digest]) -> io::Result<Vec<Digest>> {
        let mut named: BTreeSet<Digest> = keep.iter().copied().collect();
        for entry in fs::read_dir(self.records())? {
            let bytes = fs::read(entry?.path())?;
            named.extend(serde_json::from_slice::<Record>(&bytes).unwrap_or_default().digests());
        }
        let files: BTreeSet<_> = named.iter().map(|digest| self.component_file(digest)).collect();
        for entry in fs::read_dir(self.components())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "wasm") && !files.contains(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(named.into_iter().collect())
    }

    fn components(&self) -> PathBuf {
        self.directory.join("components")
    }

    fn records(&self) -> PathBuf {
        self.directory.join("plugins")
    }

    fn component_file(&self, digest: &Digest) -> PathBuf {
        self.components().join(format!("{}.wasm", digest.file_name()))
    }

    fn record_file(&self, plugin: &str) -> PathBuf {
        self.records().join(format!("{plugin}.json"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn version(component: &[u8]) -> VersionRecord {
        VersionRecord { digest: Digest::of(component).to_string(), parameters: None, limits: None, grants: None }
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let record = Record { active: Some(version(b"new")), previous: Some(version(b"old")) };
        let store = Store::new(directory.path()).unwrap();
        store.keep_component(&Digest::of(b"new"), b"new").unwrap();
        store.keep_record("spread", &record).unwrap();
        let store = Store::new(directory.path()).unwrap();
        assert_eq!(store.record("spread"), record);
        assert_eq!(store.component(&Digest::of(b"new")).unwrap(), b"new");
        assert_eq!(store.record("other"), Record::default());
    }

    #[test]
    fn a_component_that_was_changed_on_the_volume_is_not_taken() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path()).unwrap();
        store.keep_component(&Digest::of(b"new"), b"new").unwrap();
        fs::write(store.component_file(&Digest::of(b"new")), "other").unwrap();
        assert_eq!(store.component(&Digest::of(b"new")), None);
    }

    #[test]
    fn only_what_nobody_names_is_collected() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path()).unwrap();
        for component in [b"one".as_slice(), b"two", b"three"] {
            store.keep_component(&Digest::of(component), component).unwrap();
        }
        store.keep_record("spread", &Record { active: Some(version(b"one")), previous: None }).unwrap();
        store.collect_garbage(&[Digest::of(b"two")]).unwrap();
        let has = |component: &[u8]| store.component(&Digest::of(component)).is_some();
        assert!(has(b"one") && has(b"two") && !has(b"three"));
        store.forget("spread").unwrap();
        store.collect_garbage(&[]).unwrap();
        assert!(!has(b"one") && !has(b"two"));
    }
}
