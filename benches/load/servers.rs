//! The servers that are measured: each mounts a ConfigMap, which many of them share, and has labels of its own.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use anyhow::{Result, anyhow};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use mcp_operator::api::MCPServer;
use serde_json::{Value, json};

use crate::{PATIENCE, until};

/// How many requests are sent at a time.
pub const WORKERS: usize = 16;
/// How many servers share a ConfigMap, where there are enough.
const SHARERS: usize = 1000;
/// How many objects a page of a list has.
const PAGE: u32 = 500;

/// A namespace full of servers.
#[derive(Clone)]
pub struct Servers {
    client: kube::Client,
    /// Its name.
    pub namespace: String,
    /// How many there are.
    pub count: usize,
    sharers: usize,
}

impl Servers {
    /// An empty namespace for so many.
    pub async fn in_namespace(client: &kube::Client, namespace: &str, count: usize) -> Result<Self> {
        let object: Namespace = serde_json::from_value(json!({ "metadata": { "name": namespace } }))?;
        Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &object).await?;
        let accounts = Api::<k8s_openapi::api::core::v1::ServiceAccount>::namespaced(client.clone(), namespace);
        until("the namespace has its service account", async || Ok(accounts.get_opt("default").await?.is_some()))
            .await?;
        let sharers = SHARERS.min(count.div_ceil(2));
        Ok(Self { client: client.clone(), namespace: namespace.to_owned(), count, sharers })
    }

    /// The same namespace with fewer servers.
    #[must_use]
    pub fn with_count(&self, count: usize) -> Self {
        Self { count, ..self.clone() }
    }

    /// Creates the servers `from..to` and the ConfigMaps that they mount; returns the seconds that took.
    pub async fn create(&self, from: usize, to: usize) -> Result<f64> {
        for group in from.div_ceil(self.sharers)..=self.group(to - 1) {
            self.configure(group, "1").await?;
        }
        let start = Instant::now();
        let api: Api<MCPServer> = self.api();
        let creations = (from..to).map(|index| {
            let api = api.clone();
            async move {
                api.create(&PostParams::default(), &serde_json::from_value(self.manifest(index))?)
                    .await
                    .map_err(anyhow::Error::from)
            }
        });
        stream::iter(creations).buffer_unordered(WORKERS).try_for_each(async |_| Ok(())).await?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// The name of a server.
    pub fn name(index: usize) -> String {
        format!("server-{index:05}")
    }

    /// How many servers use the first ConfigMap.
    pub fn sharers(&self) -> usize {
        self.sharers.min(self.count)
    }

    fn group(&self, index: usize) -> usize {
        index / self.sharers
    }

    /// The whole manifest of a server, as its author writes it.
    pub fn manifest(&self, index: usize) -> Value {
        let settings = json!({ "name": format!("settings-{}", self.group(index)) });
        json!({
            "apiVersion": "mcp.x-k8s.io/v1beta1",
            "kind": "MCPServer",
            "metadata": { "name": Self::name(index), "namespace": self.namespace },
            "spec": {
                "source": { "type": "ContainerImage", "containerImage": { "ref": "example.com/mcp:1" } },
                "config": { "port": 8080, "storage": [
                    { "path": "/etc/settings", "source": { "type": "ConfigMap", "configMap": settings } },
                ]},
                "extraLabels": { "team": "maps", "cost-centre": "4711" },
            },
        })
    }

    /// Writes the ConfigMap of a group of servers.
    pub async fn configure(&self, group: usize, value: &str) -> Result<()> {
        let name = format!("settings-{group}");
        let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name },
            "data": { "settings.yaml": format!("version: {value}\n{}", "# a line of a usual length in a file\n".repeat(20)) } });
        self.api::<ConfigMap>().patch(&name, &PatchParams::apply("author").force(), &Patch::Apply(object)).await?;
        Ok(())
    }

    /// Gives a server another image.
    pub async fn change_image(&self, index: usize, image: &str) -> Result<()> {
        let patch = json!({ "spec": { "source": { "containerImage": { "ref": image } } } });
        self.api::<MCPServer>().patch(&Self::name(index), &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// All of them, by name.
    pub async fn all(&self) -> Result<BTreeMap<String, MCPServer>> {
        let mut servers = BTreeMap::new();
        let mut params = ListParams::default().limit(PAGE);
        loop {
            let page = self.api::<MCPServer>().list(&params).await?;
            let (items, next) = (page.items, page.metadata.continue_);
            servers.extend(items.into_iter().filter_map(|server| Some((server.metadata.name.clone()?, server))));
            match next.filter(|token| !token.is_empty()) {
                Some(token) => params = ListParams::default().limit(PAGE).continue_token(&token),
                None => return Ok(servers),
            }
        }
    }

    /// Waits until all are Ready with an address.
    pub async fn until_ready(&self) -> Result<()> {
        let watched = watcher(self.api::<MCPServer>(), watcher::Config::default()).default_backoff();
        let (mut watched, mut ready) = (std::pin::pin!(watched), HashSet::new());
        let every_server = async {
            while ready.len() < self.count {
                match watched.next().await {
                    Some(Ok(Event::InitApply(server) | Event::Apply(server))) if is_ready(&server) => {
                        ready.insert(server.name_any());
                    }
                    Some(_) => {}
                    None => break,
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, every_server).await;
        let stuck = || format!("{} of {} servers are Ready and have an address", ready.len(), self.count);
        waited.map_err(|_| anyhow!(stuck()))
    }

    /// The API of a kind in this namespace.
    pub fn api<K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

fn is_ready(server: &MCPServer) -> bool {
    let Some(status) = &server.status else { return false };
    let ready = status.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    ready && status.address.is_some()
}
