//! Our own latest status writes, so that a reconcile that runs before the watch brings them back does not work from an
//! older status.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kube::ResourceExt;
use kube::core::object::HasStatus;

use super::version;

/// By uid: the version of the object that a write made, and what was written.
pub struct Statuses<K: HasStatus>(Mutex<HashMap<String, (u64, K::Status)>>);

impl<K: HasStatus> Default for Statuses<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: HasStatus<Status: Clone> + ResourceExt + Clone> Statuses<K> {
    /// Remembers a write until the watch has brought it back.
    pub fn wrote(&self, written: &K) {
        let (Some(uid), Some(status)) = (written.uid(), written.status().cloned()) else { return };
        let version = version(written.resource_version().as_deref());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uid, (version, status));
    }

    /// The object as the watch shows it, with our newer status if there is one.
    pub fn newest(&self, object: &K) -> K {
        let mut object = object.clone();
        let Some(uid) = object.uid() else { return object };
        let mut statuses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match statuses.get(&uid) {
            Some((written, status)) if *written > version(object.resource_version().as_deref()) => {
                *object.status_mut() = Some(status.clone());
            }
            _ => {
                statuses.remove(&uid);
            }
        }
        object
    }

    /// Forgets a deleted object.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}
