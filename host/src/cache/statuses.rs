//! Our own latest status writes, so that a reconcile that runs before the watch brings them back does not work from an
//! older status.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kube::ResourceExt;

use super::version;
use crate::api::{MCPServer, MCPServerStatus};

/// By uid: the version of the server that a write made, and what was written.
#[derive(Default)]
pub struct Statuses(Mutex<HashMap<String, (u64, MCPServerStatus)>>);

impl Statuses {
    /// Remembers a write until the watch has brought it back.
    pub fn wrote(&self, written: &MCPServer) {
        let (Some(uid), Some(status)) = (written.uid(), written.status.clone()) else { return };
        let version = version(written.resource_version().as_deref());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uid, (version, status));
    }

    /// The server as the watch shows it, with our newer status if there is one.
    pub fn newest(&self, server: &MCPServer) -> MCPServer {
        let mut server = server.clone();
        let Some(uid) = server.uid() else { return server };
        let mut statuses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match statuses.get(&uid) {
            Some((written, status)) if *written > version(server.resource_version().as_deref()) => {
                server.status = Some(status.clone());
            }
            _ => {
                statuses.remove(&uid);
            }
        }
        server
    }

    /// Forgets a deleted server.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}
