//! What one test works with: a namespace and a folder, each its own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::{Namespace, Node, ServiceAccount};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::suite::Inside;
use crate::wait::within;
use crate::{Kind, LONG, Skip, condition, looks};

/// A namespace in the cluster, a folder for logs, and what is needed to start operators.
pub struct Lab {
    client: kube::Client,
    namespace: String,
    folder: PathBuf,
    binaries: PathBuf,
    account: OnceCell<PathBuf>,
    logs: AtomicUsize,
}

impl Lab {
    pub(crate) async fn new(inside: &Inside, test: &str) -> Result<Self> {
        let short: String = test.rsplit("::").next().unwrap_or(test).replace('_', "-").chars().take(40).collect();
        let lab = Self {
            client: inside.client.clone(),
            namespace: format!("{}-{:06x}", short.trim_end_matches('-'), rand::random_range(0..0x0100_0000)),
            folder: inside.folder.join(test.replace("::", "-")),
            binaries: inside.folder.clone(),
            account: OnceCell::new(),
            logs: AtomicUsize::new(1),
        };
        std::fs::create_dir_all(&lab.folder)?;
        create_namespace(lab.client(), &lab.namespace).await?;
        Ok(lab)
    }

    /// A client with all rights.
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// The name of the namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A folder for this test's files. It stays after the test, until the next run.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A program under test: `mcp-operator` or `mcp-render`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// The component of a plugin in `plugins/`, or of a new project: `new-LANGUAGE`.
    ///
    /// # Errors
    /// [`Skip`] where it was not built.
    pub fn plugin(&self, name: &str) -> Result<Vec<u8>> {
        let file = self.binaries.join(format!("{name}.wasm"));
        std::fs::read(file).map_err(|_| Skip("the plugins are not built; `make plugins templates` does that").into())
    }

    /// A file for the log of the next operator.
    pub(crate) fn next_log(&self) -> PathBuf {
        self.folder.join(format!("operator-{}.log", self.logs.fetch_add(1, Ordering::Relaxed)))
    }

    /// The kubeconfig of an account with the operator's rights in this namespace; all its operators share it.
    pub async fn operator_account(&self) -> Result<PathBuf> {
        let create = async || {
            let file = self.account("operator").await?;
            self.bind("operator").await?;
            anyhow::Ok(file)
        };
        self.account.get_or_try_init(create).await.cloned()
    }

    /// A second namespace; it ends with the first.
    pub async fn second_namespace(&self) -> Result<Self> {
        let lab = Self {
            client: self.client(),
            namespace: format!("{}-2", self.namespace),
            folder: self.folder.join("second"),
            binaries: self.binaries.clone(),
            account: OnceCell::new(),
            logs: AtomicUsize::new(1),
        };
        std::fs::create_dir_all(&lab.folder)?;
        create_namespace(lab.client(), &lab.namespace).await?;
        Ok(lab)
    }

    /// From now on pods of this namespace are ready at once, without anything running, where the cluster has fake nodes.
    /// Elsewhere they stay real.
    pub async fn fake_pods(&self) -> Result<()> {
        match self.only_fake_pods().await {
            Err(error) if error.is::<Skip>() => Ok(()),
            outcome => outcome,
        }
    }

    /// The same, for tests that make so many pods that they cannot be real.
    ///
    /// # Errors
    /// [`Skip`] where there is no fake node.
    pub async fn only_fake_pods(&self) -> Result<()> {
        let nodes: Api<Node> = Api::all(self.client());
        if nodes.list(&ListParams::default().labels("type=kwok")).await?.items.is_empty() {
            return Err(Skip("the cluster has no fake nodes").into());
        }
        let annotations = json!({ "metadata": { "annotations": {
            "scheduler.alpha.kubernetes.io/node-selector": "type=kwok",
            "scheduler.alpha.kubernetes.io/defaultTolerations": r#"[{"key": "kwok.x-k8s.io/node", "operator": "Exists"}]"#,
        }}});
        let namespaces: Api<Namespace> = Api::all(self.client());
        namespaces.patch(&self.namespace, &PatchParams::default(), &Patch::Merge(annotations)).await?;
        Ok(())
    }

    /// For tests of what an operator reaches inside the cluster: pods, Services, their names.
    ///
    /// # Errors
    /// [`Skip`] where this process is outside.
    pub fn needs_to_be_inside(&self) -> Result<()> {
        let outside = std::env::var("CLUSTER").is_ok_and(|choice| choice == "current");
        if outside { Err(Skip("the tests run outside of the cluster").into()) } else { Ok(()) }
    }

    /// What there is when a test has failed: servers, events, and the ends of the operators' logs.
    pub(crate) async fn report(&self) -> String {
        let mut report = format!("--- namespace {}, logs in {}\n", self.namespace, self.folder.display());
        for server in self.list(Kind::Server, "").await.unwrap_or_default().iter().take(5) {
            let name = server["metadata"]["name"].as_str().unwrap_or_default();
            let _ = writeln!(report, "server {name}: {:?}", looks(server));
            for kind in ["Accepted", "Rendered", "Available", "Verified", "Ready"] {
                let _ = writeln!(report, "  {kind}: {}", condition(server, kind)["message"]);
            }
            for (kind, reason, note) in self.events(name).await.unwrap_or_default() {
                let _ = writeln!(report, "  event {kind} {reason}: {note}");
            }
        }
        for number in 1..self.logs.load(Ordering::Relaxed) {
            let log = std::fs::read_to_string(self.folder.join(format!("operator-{number}.log"))).unwrap_or_default();
            let end: Vec<&str> = log.lines().rev().take(15).collect();
            let _ = writeln!(report, "operator-{number}.log ends:");
            end.iter().rev().for_each(|line| report.extend(["  ", line, "\n"]));
        }
        report
    }

    /// Removes the namespaces and does not wait for it.
    pub(crate) async fn end(&self) {
        if std::env::var_os("KEEP").is_some() {
            return;
        }
        let namespaces: Api<Namespace> = Api::all(self.client());
        for name in [self.namespace.clone(), format!("{}-2", self.namespace)] {
            // The second rarely exists, and what remains ends with the cluster.
            let _ = namespaces.delete(&name, &DeleteParams::background()).await;
        }
    }
}

async fn create_namespace(client: kube::Client, name: &str) -> Result<()> {
    let manifest: Namespace = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.create(&PostParams::default(), &manifest).await.with_context(|| format!("creating namespace {name}"))?;
    // Pods are refused before it exists.
    let accounts: Api<ServiceAccount> = Api::namespaced(client, name);
    within(LONG, "the namespace has its service account", async || Ok(accounts.get("default").await.map(drop)?)).await
}
