//! Namespaces: their labels, by which a RenderPlugin can select servers, and which of them are ending.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use super::servers::Labels;

/// All namespaces by name.
#[derive(Default)]
pub struct Namespaces {
    labels: RwLock<HashMap<String, Labels>>,
    ending: RwLock<HashSet<String>>,
}

impl Namespaces {
    /// The labels of a namespace; none when it is not known.
    pub fn labels(&self, name: &str) -> Labels {
        self.labels.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
    }

    /// Whether a namespace is being deleted: nothing can be made in it any more.
    pub fn is_ending(&self, name: &str) -> bool {
        self.ending.read().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    /// Takes over what a watch says. Tells whether the labels changed.
    pub fn observe(&self, name: &str, labels: &Labels, is_ending: bool) -> bool {
        let mut ending = self.ending.write().unwrap_or_else(PoisonError::into_inner);
        if is_ending {
            ending.insert(name.to_owned())
        } else {
            ending.remove(name)
        };
        let mut known = self.labels.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(name.to_owned(), labels.clone()).unwrap_or_default() != *labels
    }

    /// Forgets a deleted namespace; its servers go with it.
    pub fn forget(&self, name: &str) {
        self.labels.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.ending.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
