//! What every measurement works with.

use std::path::PathBuf;

use anyhow::Result;

use crate::plane::Plane;
use crate::process::Process;
use crate::servers::Servers;

/// A control plane with the definitions installed, and the program to measure.
pub struct Bench {
    /// The control plane.
    pub plane: Plane,
    /// Its admin, who makes the servers.
    pub admin: kube::Client,
    /// `mcp-operator`.
    pub binary: PathBuf,
    /// Where logs go.
    pub folder: PathBuf,
}

impl Bench {
    /// A new control plane.
    pub async fn on_new_plane(name: &str, binary: PathBuf, folder: PathBuf) -> Result<Self> {
        let plane = Plane::up(name)?;
        std::fs::create_dir_all(&folder)?;
        let admin = plane.client("admin").await?;
        Ok(Self { plane, admin, binary, folder })
    }

    /// A new namespace for so many servers.
    pub async fn servers(&self, namespace: &str, count: usize) -> Result<Servers> {
        Servers::in_namespace(&self.admin, namespace, count).await
    }

    /// Starts the operator; `log` names its log.
    pub async fn operator(&self, log: &str, flags: &[&str]) -> Result<Process> {
        Process::start(&self.binary, &self.plane.kubeconfig(), &self.folder.join(format!("{log}.log")), flags).await
    }
}
