//! Who wants to know how far a transfer is. Pure.

use std::sync::Arc;

type Listener = dyn Fn(u64, u64) + Send + Sync;

/// Is told how many bytes of the component have been transferred, and how many there are. By default nobody listens.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<Listener>>);

impl Progress {
    /// Tells `listener`: bytes transferred, bytes in all. A retry begins at 0 again.
    pub fn to(listener: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    pub(super) fn tell(&self, done: usize, all: usize) {
        if let Some(listener) = &self.0 {
            listener(done as u64, all as u64);
        }
    }
}
