//! The operator as a process: the real binary, its log in a file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::command::{http, run};
use crate::wait::within;
use crate::{LONG, Lab, manifests};

/// A running operator; it is killed when this is dropped.
pub struct Operator {
    child: Child,
    log: PathBuf,
    address: String,
}

impl Operator {
    /// Starts `mcp-operator run` and does not wait for anything.
    pub async fn start(binary: &Path, kubeconfig: &Path, log: PathBuf, flags: &[&str]) -> Result<Self> {
        // The port is free again when the listener is dropped, and nobody else in these namespaces looks for one just now.
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string();
        let child = Command::new(binary)
            .args(["run", "--listen", &address])
            .args(flags)
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        Ok(Self { child, log, address })
    }

    /// Waits until it knows the cluster.
    pub(crate) async fn until_ready(&mut self) -> Result<()> {
        let url = format!("http://{}/readyz", self.address);
        within(LONG, "the operator is ready", async || http("GET", &url).await.map(drop)).await
    }

    /// Its metrics, in the Prometheus text format.
    pub async fn metrics(&self) -> Result<String> {
        http("GET", &format!("http://{}/metrics", self.address)).await
    }

    /// Waits until its metrics contain each of `parts`. It counts what it wrote once that is answered, which others may have
    /// seen before.
    pub async fn until_metrics_tell(&self, parts: &[impl AsRef<str>]) -> Result<()> {
        within(LONG, "the metrics tell it", async || {
            let metrics = self.metrics().await?;
            let missing = parts.iter().map(AsRef::as_ref).find(|part| !metrics.contains(part));
            missing.map_or(Ok(()), |part| bail!("{part} is missing:\n{metrics}"))
        })
        .await
    }

    /// How many reconciles it has made, whatever came of them.
    pub async fn reconciles(&self) -> Result<usize> {
        let metrics = self.metrics().await?;
        let series = metrics.lines().filter(|line| line.starts_with("mcp_operator_reconciles_total"));
        let counts = series.map(|line| Ok(line.rsplit(' ').next().context("a value")?.parse::<usize>()?));
        let counts = counts.collect::<Result<Vec<_>>>()?;
        ensure!(!counts.is_empty(), "the metric is not there");
        Ok(counts.iter().sum())
    }

    /// Waits until it has made at least so many: after a start, until it has looked at every server.
    pub async fn until_reconciled(&self, count: usize) -> Result<()> {
        within(LONG, "every server was reconciled", async || {
            let done = self.reconciles().await?;
            ensure!(done >= count, "{done} reconciles");
            Ok(())
        })
        .await
    }

    /// Host and port of its endpoints.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process id.
    pub fn pid(&self) -> Result<u32> {
        self.child.id().context("it has ended already")
    }

    /// Fails when it has ended.
    pub fn expect_running(&mut self) -> Result<()> {
        self.child.try_wait()?.map_or(Ok(()), |status| bail!("the operator ended with {status}"))
    }

    /// Everything it wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGKILL: no time for anything.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }

    /// SIGTERM, as a pod's end is announced; returns how it exited.
    pub async fn terminate(mut self) -> Result<ExitStatus> {
        let pid = self.pid()?.to_string();
        run("kill", &["-TERM", &pid], "").await?;
        self.exit().await
    }

    /// Waits until it ends by itself.
    pub async fn exit(&mut self) -> Result<ExitStatus> {
        match tokio::time::timeout(Duration::from_mins(1), self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("the operator did not end"),
        }
    }
}

impl Lab {
    /// An operator for this namespace, with the rights of `deploy/install.yaml` and these flags; returns when it knows the
    /// cluster.
    pub async fn operator(&self, flags: &[&str]) -> Result<Operator> {
        let kubeconfig = self.operator_account().await?;
        let mut all = vec!["--namespaces", self.namespace()];
        all.extend(flags);
        let mut operator = self.operator_as(&kubeconfig, &all).await?;
        operator.until_ready().await?;
        Ok(operator)
    }

    /// An operator that asks for no handshakes, and a Ready server, on fake pods where there are any.
    pub async fn running(&self, server: &str, spec: &Value) -> Result<Operator> {
        self.fake_pods().await?;
        let operator = self.operator(&["--verify", "false"]).await?;
        self.apply(&manifests::server(server, spec)).await?;
        self.ready(server).await?;
        Ok(operator)
    }

    /// An operator with these rights and flags and nothing else; returns at once.
    pub async fn operator_as(&self, kubeconfig: &Path, flags: &[&str]) -> Result<Operator> {
        Operator::start(&self.program("mcp-operator"), kubeconfig, self.next_log(), flags).await
    }
}
