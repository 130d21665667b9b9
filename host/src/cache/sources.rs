//! ConfigMaps and Secrets: which version each has, which servers refer to it, and what was hashed lately. No contents.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::api::status::InputStatus;
use crate::reconcile::Identity;
use crate::reconcile::gather::Resolved;
use crate::reconcile::gather::references::{Reference, Source, SourceKind};

/// Namespace and name of a server.
pub type ServerName = (String, String);

/// One version of a ConfigMap or Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceVersion {
    /// Its uid.
    pub uid: String,
    /// Its resourceVersion.
    pub resource_version: String,
}

/// What is known of ConfigMaps and Secrets.
#[derive(Default)]
pub struct Sources(Mutex<Known>);

#[derive(Default)]
struct Known {
    versions: HashMap<(String, Source), SourceVersion>,
    referrers: HashMap<(String, Source), HashSet<ServerName>>,
    references: HashMap<ServerName, Vec<Source>>,
    hashed: HashMap<String, Resolved>,
}

/// How many hashes are remembered; one more, and all are forgotten, and made again where they are needed.
const HASHES: usize = 4096;

impl Sources {
    /// The version of one, if it exists.
    pub fn get(&self, namespace: &str, source: &Source) -> Option<SourceVersion> {
        self.known().versions.get(&(namespace.to_owned(), source.clone())).cloned()
    }

    /// The versions of those that exist, sorted by kind and name, each once.
    pub fn versions(&self, namespace: &str, references: &[Reference]) -> Vec<InputStatus> {
        let sources: BTreeSet<_> = references.iter().map(|reference| &reference.source).collect();
        let version = |source: &Source| {
            let SourceVersion { uid, resource_version } = self.get(namespace, source)?;
            let (kind, name) = (source.kind.to_string(), source.name.clone());
            Some(InputStatus { kind, name, uid, resource_version, ..InputStatus::default() })
        };
        sources.into_iter().filter_map(version).collect()
    }

    /// Takes over what a watch says; returns the servers that refer to it.
    pub fn observe(&self, namespace: &str, source: Source, version: SourceVersion) -> Vec<ServerName> {
        let mut known = self.known();
        let key = (namespace.to_owned(), source);
        let old = known.versions.insert(key.clone(), version.clone());
        if old == Some(version) {
            return Vec::new();
        }
        known.referrers.get(&key).into_iter().flatten().cloned().collect()
    }

    /// Forgets a deleted one; returns the servers that refer to it.
    pub fn forget(&self, namespace: &str, source: Source) -> Vec<ServerName> {
        let mut known = self.known();
        let key = (namespace.to_owned(), source);
        known.versions.remove(&key);
        known.referrers.get(&key).into_iter().flatten().cloned().collect()
    }

    /// Forgets those of `kind` that a complete list, of one namespace or all, did not have; returns the servers that
    /// refer to them.
    pub fn retain(
        &self,
        kind: SourceKind,
        namespace: Option<&str>,
        listed: &HashSet<(String, Source)>,
    ) -> Vec<ServerName> {
        let in_scope = |key: &(String, Source)| namespace.is_none_or(|namespace| namespace == key.0);
        let gone = |key: &&(String, Source)| key.1.kind == kind && in_scope(key) && !listed.contains(*key);
        let gone: Vec<_> = self.known().versions.keys().filter(gone).cloned().collect();
        gone.into_iter().flat_map(|(namespace, source)| self.forget(&namespace, source)).collect()
    }

    /// Remembers what a server refers to, existing or not, instead of what it referred to before.
    pub fn remember(&self, server: &Identity, references: impl Iterator<Item = Source>) {
        let mut known = self.known();
        let name = (server.namespace.clone(), server.name.clone());
        unlink(&mut known, &name);
        let sources: Vec<_> = references.collect();
        for source in &sources {
            known.referrers.entry((server.namespace.clone(), source.clone())).or_default().insert(name.clone());
        }
        known.references.insert(name, sources);
    }

    /// Remembers what `question` was answered: for its server until that stands in the status, and for others that refer to
    /// the same.
    pub fn remember_hash(&self, question: String, resolved: &Resolved) {
        let hashed = &mut self.known().hashed;
        if hashed.len() >= HASHES {
            hashed.clear();
        }
        hashed.insert(question, resolved.clone());
    }

    /// The remembered answer.
    pub fn hashed(&self, question: &str) -> Option<Resolved> {
        self.known().hashed.get(question).cloned()
    }

    /// Forgets a deleted server.
    pub fn forget_server(&self, namespace: &str, name: &str) {
        let mut known = self.known();
        unlink(&mut known, &(namespace.to_owned(), name.to_owned()));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unlink(known: &mut Known, server: &ServerName) {
    for source in known.references.remove(server).into_iter().flatten() {
        let key = (server.0.clone(), source);
        if let Some(referrers) = known.referrers.get_mut(&key) {
            referrers.remove(server);
            if referrers.is_empty() {
                known.referrers.remove(&key);
            }
        }
    }
}
