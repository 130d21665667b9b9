//! The objects that servers were rendered to: who controls them, whether somebody touched our fields, how they do.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::previous::Previous;
use super::workload::Workload;
use super::{fields, version};
use crate::reconcile::Kind;

/// Which child.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChildKey {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What is known of one child.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// Its uid.
    pub uid: String,
    /// Its resourceVersion, see [`version`].
    pub version: u64,
    /// Its controller's owner reference.
    pub controller: Option<OwnerReference>,
    /// The drift hash, see [`fields::hash`].
    pub fields: Option<String>,
    /// Whether we own its `spec.replicas`.
    pub owns_replicas: bool,
    /// How its pods do, for workloads.
    pub workload: Option<Workload>,
    /// What the previous operator is recorded for.
    pub previous: Option<Box<Previous>>,
}

impl Child {
    /// The projection of an object's metadata.
    pub fn of(metadata: &ObjectMeta, workload: Option<Workload>) -> Self {
        let owners = metadata.owner_references.iter().flatten();
        Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            version: version(metadata.resource_version.as_deref()),
            controller: owners.clone().find(|owner| owner.controller == Some(true)).cloned(),
            fields: fields::hash(metadata.managed_fields.as_deref()),
            owns_replicas: fields::own_replicas(metadata.managed_fields.as_deref()),
            workload,
            previous: Previous::of(metadata).map(Box::new),
        }
    }

    fn controller_uid(&self) -> Option<&str> {
        self.controller.as_ref().map(|controller| controller.uid.as_str())
    }
}

/// All children of all servers, and objects of the same kinds that are not ours.
#[derive(Default)]
pub struct Children(Mutex<Known>);

#[derive(Default)]
struct Known {
    children: HashMap<ChildKey, Arc<Child>>,
    by_controller: HashMap<String, Vec<ChildKey>>,
    watched: HashSet<Kind>,
}

impl Known {
    fn remove(&mut self, key: &ChildKey) {
        let Some(child) = self.children.remove(key) else { return };
        let Some(uid) = child.controller_uid() else { return };
        if let Some(keys) = self.by_controller.get_mut(uid) {
            keys.retain(|known| known != key);
            if keys.is_empty() {
                self.by_controller.remove(uid);
            }
        }
    }
}

impl Children {
    /// Remembers that objects of this kind are watched from now on.
    pub fn watch(&self, kind: Kind) {
        self.known().watched.insert(kind);
    }

    /// Whether objects of this kind are watched: of others nothing is known.
    pub fn are_watched(&self, kind: &Kind) -> bool {
        self.known().watched.contains(kind)
    }

    /// The child of that name.
    pub fn get(&self, key: &ChildKey) -> Option<Arc<Child>> {
        self.known().children.get(key).cloned()
    }

    /// The children that a server controls.
    pub fn controlled_by(&self, uid: &str) -> Vec<ChildKey> {
        self.known().by_controller.get(uid).cloned().unwrap_or_default()
    }

    /// Takes over what a watch or a reply says, unless something newer is known. Tells whether anything but the
    /// version changed.
    pub fn observe(&self, key: ChildKey, child: impl Into<Arc<Child>>) -> bool {
        let child = child.into();
        let mut known = self.known();
        let changed = match known.children.get(&key) {
            Some(old) if old.uid == child.uid && old.version > child.version => return false,
            Some(old) => Child { version: child.version, ..Child::clone(old) } != *child,
            None => true,
        };
        known.remove(&key);
        if let Some(uid) = child.controller_uid() {
            known.by_controller.entry(uid.to_owned()).or_default().push(key.clone());
        }
        known.children.insert(key, child);
        changed
    }

    /// Forgets a deleted child; a namesake created since stays.
    pub fn forget(&self, key: &ChildKey, uid: &str) -> bool {
        let mut known = self.known();
        let same = known.children.get(key).is_some_and(|child| child.uid == uid);
        if same {
            known.remove(key);
        }
        same
    }

    /// Forgets the children of `kind` that a complete list, of one namespace or all, did not have; returns them.
    pub fn retain(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        listed: &HashSet<ChildKey>,
    ) -> Vec<(ChildKey, Arc<Child>)> {
        let mut known = self.known();
        let in_scope = |key: &ChildKey| namespace.is_none_or(|namespace| namespace == key.namespace);
        let gone = |key: &&ChildKey| key.kind == *kind && in_scope(key) && !listed.contains(*key);
        let keys: Vec<_> = known.children.keys().filter(gone).cloned().collect();
        keys.into_iter()
            .filter_map(|key| {
                let child = known.children.get(&key).cloned()?;
                known.remove(&key);
                Some((key, child))
            })
            .collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn key() -> ChildKey {
        ChildKey { kind: Kind::Service, namespace: "default".into(), name: "a".into() }
    }

    fn child(uid: &str, version: &str, owner: &str) -> Arc<Child> {
        let metadata = json!({"uid": uid, "resourceVersion": version, "ownerReferences": [
            {"apiVersion": "v1", "kind": "X", "name": "x", "uid": owner, "controller": true},
        ]});
        Arc::new(Child::of(&serde_json::from_value(metadata).unwrap(), None))
    }

    #[test]
    fn an_older_event_does_not_undo_a_newer_reply() {
        let children = Children::default();
        assert!(children.observe(key(), child("u", "9", "o2")));
        assert!(!children.observe(key(), child("u", "10", "o2")), "a new version alone is no change");
        assert!(!children.observe(key(), child("u", "8", "o1")));
        assert_eq!(children.get(&key()).unwrap().version, 10);
        assert_eq!(children.controlled_by("o2"), [key()]);
        assert!(children.controlled_by("o1").is_empty());
    }

    #[test]
    fn a_deletion_spares_the_namesake_created_since() {
        let children = Children::default();
        children.observe(key(), child("new", "12", "o"));
        assert!(!children.forget(&key(), "old"));
        assert!(children.forget(&key(), "new"));
        assert!(children.controlled_by("o").is_empty());
    }
}
