//! Namespaces: their labels, by which a RenderPlugin can select servers, and which of them are ending.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::servers::Labels;

/// All namespaces by name.
#[derive(Default)]
pub struct Namespaces(RwLock<HashMap<String, Namespace>>);

#[derive(Default)]
struct Namespace {
    labels: Labels,
    is_ending: bool,
}

impl Namespaces {
    /// The labels of a namespace; none when it is not known.
    pub fn labels(&self, name: &str) -> Labels {
        self.known().get(name).map(|namespace| namespace.labels.clone()).unwrap_or_default()
    }

    /// Whether a namespace is being deleted: nothing can be made in it any more.
    pub fn is_ending(&self, name: &str) -> bool {
        self.known().get(name).is_some_and(|namespace| namespace.is_ending)
    }

    /// Takes over what a watch says. Tells whether the labels changed.
    pub fn observe(&self, name: &str, labels: &Labels, is_ending: bool) -> bool {
        let news = Namespace { labels: labels.clone(), is_ending };
        self.known_mut().insert(name.to_owned(), news).unwrap_or_default().labels != *labels
    }

    /// Forgets a deleted namespace; its servers go with it.
    pub fn forget(&self, name: &str) {
        self.known_mut().remove(name);
    }

    fn known(&self) -> RwLockReadGuard<'_, HashMap<String, Namespace>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_mut(&self) -> RwLockWriteGuard<'_, HashMap<String, Namespace>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
