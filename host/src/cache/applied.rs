//! What each server's objects were last made from, as a fingerprint: while that and they are the same, there is nothing to
//! render. Of servers that plugins warned of, nothing is remembered.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A SHA-256.
pub type Fingerprint = [u8; 32];

/// By uid of the server.
#[derive(Default)]
pub struct AppliedFrom(Mutex<HashMap<String, Fingerprint>>);

impl AppliedFrom {
    /// Remembers what was applied.
    pub fn remember(&self, uid: &str, fingerprint: Fingerprint) {
        self.known().insert(uid.to_owned(), fingerprint);
    }

    /// Whether that was applied last.
    pub fn is(&self, uid: &str, fingerprint: &Fingerprint) -> bool {
        self.known().get(uid) == Some(fingerprint)
    }

    /// Forgets what was applied, or a deleted server.
    pub fn forget(&self, uid: &str) {
        self.known().remove(uid);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Fingerprint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
