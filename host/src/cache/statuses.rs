//! Our own latest status writes, so that a reconcile that runs before the watch brings them back does not work from an
//! older status.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;
use kube::core::object::HasStatus;

use super::version;
use super::views::StatusView;

/// By uid: the version of the object that a write made, and what was written.
pub struct Statuses<K: HasStatus>(Mutex<HashMap<String, (u64, K::Status)>>);

impl<K: HasStatus> Default for Statuses<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: HasStatus<Status: Clone> + ResourceExt + Clone> Statuses<K> {
    /// Remembers a write until the watch has brought it back.
    pub fn wrote(&self, written: StatusView<K::Status>) {
        let (Some(uid), Some(status)) = (written.metadata.uid, written.status) else { return };
        let version = version(written.metadata.resource_version.as_deref());
        self.statuses().insert(uid, (version, status));
    }

    /// Takes over what the watch shows: our write is not needed any more when it shows that or something newer.
    pub fn seen(&self, object: &K) {
        let Some(uid) = object.uid() else { return };
        let shown = version(object.resource_version().as_deref());
        let mut statuses = self.statuses();
        if statuses.get(&uid).is_some_and(|(written, _)| *written <= shown) {
            statuses.remove(&uid);
        }
    }

    /// The object as the watch shows it by now, with our newer status if there is one. `latest` reads what the watch shows;
    /// without it, that is `object`.
    pub fn newest(&self, object: &K, latest: impl FnOnce() -> Option<K>) -> K {
        let written = object.uid().and_then(|uid| self.statuses().get(&uid).cloned());
        // Read after what was written: where that is not remembered any more, the watch has shown it.
        let mut object = latest().unwrap_or_else(|| object.clone());
        if let Some((written, status)) = written
            && written > version(object.resource_version().as_deref())
        {
            *object.status_mut() = Some(status);
        }
        object
    }

    /// Forgets a deleted object.
    pub fn forget(&self, uid: &str) {
        self.statuses().remove(uid);
    }

    fn statuses(&self) -> MutexGuard<'_, HashMap<String, (u64, K::Status)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
