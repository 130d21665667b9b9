//! What every measurement works with.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

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
    /// What the operator keeps from start to start, as in a pod: empty before the first.
    cache: TempDir,
}

impl Bench {
    /// A new control plane.
    pub async fn on_new_plane(name: &str, binary: PathBuf, folder: PathBuf) -> Result<Self> {
        let plane = Plane::up(name)?;
        std::fs::create_dir_all(&folder)?;
        let admin = plane.client("admin").await?;
        let cache = tempfile::tempdir().context("making a directory")?;
        Ok(Self { plane, admin, binary, folder, cache })
    }

    /// A new namespace for so many servers.
    pub async fn servers(&self, namespace: &str, count: usize) -> Result<Servers> {
        Servers::in_namespace(&self.admin, namespace, count).await
    }

    /// Starts the operator; `log` names its log.
    pub async fn operator(&self, log: &str, flags: &[&str]) -> Result<Process> {
        self.operator_with_cache(self.cache.path(), log, flags).await
    }

    /// The same with another place for what it keeps: no two that run at a time may share one.
    pub async fn operator_with_cache(&self, cache: &Path, log: &str, flags: &[&str]) -> Result<Process> {
        let cache = cache.to_str().context("a path in UTF-8")?;
        let flags = [&["--cache-dir", cache], flags].concat();
        Process::start(&self.binary, &self.plane.kubeconfig(), &self.folder.join(format!("{log}.log")), &flags).await
    }
}
