//! The labels of namespaces, by which a RenderPlugin can select servers.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::servers::Labels;

/// All namespaces by name.
#[derive(Default)]
pub struct Namespaces(RwLock<HashMap<String, Labels>>);

impl Namespaces {
    /// The labels of a namespace; none when it is not known.
    pub fn labels(&self, name: &str) -> Labels {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned().unwrap_or_default()
    }

    /// Takes over what a watch says. Tells whether the labels changed.
    pub fn observe(&self, name: &str, labels: &Labels) -> bool {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(name.to_owned(), labels.clone()).unwrap_or_default() != *labels
    }

    /// Forgets a deleted namespace; its servers go with it.
    pub fn forget(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
