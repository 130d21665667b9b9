//! The watches of everything but the servers themselves: they fill the cache and say whose server changed.

mod children;
pub(super) mod granted;
mod sources;

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;

use futures::{Stream, StreamExt, future};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret};
use kube::api::ApiResource;
use kube::core::DynamicResourceScope;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Resource, ResourceExt};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

pub use self::granted::{GrantedKindRequests, GrantedKinds};
use super::{Scope, Signals};
use crate::api;
use crate::cache::children::{Child, ChildKey};
use crate::cache::pods::PodView;
use crate::cache::views::MetadataView;
use crate::metrics::Metrics;
use crate::reconcile::gather::references::SourceKind;
use crate::reconcile::{Context, Kind};

/// Objects of a page when everything is listed. A page is in memory as a whole, and that many times as large as what is kept.
const PAGE: u32 = 100;

/// How everything is listed before it is watched.
pub(crate) fn by_page() -> watcher::Config {
    watcher::Config::default().page_size(PAGE)
}

/// Becomes true when a watch has listed everything once.
pub(super) struct Synced(oneshot::Receiver<()>);

impl Synced {
    /// When this is told.
    pub(super) fn when(listed: oneshot::Receiver<()>) -> Self {
        Self(listed)
    }

    /// Waits for all of them. A watch that ended early is the concern of whoever joins it.
    pub(super) async fn all(synced: Vec<Self>) {
        future::join_all(synced.into_iter().map(|Self(done)| done)).await;
    }
}

/// Starts all watches.
pub(super) fn start(ctx: &Arc<Context>, scope: &Scope, signals: &Arc<Signals>, tasks: &mut JoinSet<()>) -> Vec<Synced> {
    let mut start = Start { ctx, signals, tasks, synced: Vec::new() };
    for kind in &Kind::UNGRANTED {
        start.children(scope, kind);
    }
    start.pods(scope);
    start.sources(scope, SourceKind::ConfigMap, &ApiResource::erase::<ConfigMap>(&()));
    start.sources(scope, SourceKind::Secret, &ApiResource::erase::<Secret>(&()));
    start.namespaces();
    start.synced
}

struct Start<'a> {
    ctx: &'a Arc<Context>,
    signals: &'a Arc<Signals>,
    tasks: &'a mut JoinSet<()>,
    synced: Vec<Synced>,
}

impl Start<'_> {
    fn pods(&mut self, scope: &Scope) {
        let resource = ApiResource::erase::<Pod>(&());
        for (namespace, api) in scope.apis(|namespace| projected::<PodView>(&self.ctx.client, namespace, &resource)) {
            let (ctx, signals) = (Arc::clone(self.ctx), Arc::clone(self.signals));
            let objects = watch(api, by_page().labels(api::SERVER_LABEL));
            let mut listed = HashSet::new();
            self.follow("Pod", objects, move |event| {
                let changed = match event {
                    Event::Init => {
                        listed.clear();
                        Vec::new()
                    }
                    Event::InitApply(pod) => {
                        listed.extend(pod.uid());
                        ctx.cache.pods.observe(&pod).into_iter().collect()
                    }
                    Event::InitDone => ctx.cache.pods.retain(namespace.as_deref(), &mem::take(&mut listed)),
                    Event::Apply(pod) => ctx.cache.pods.observe(&pod).into_iter().collect(),
                    Event::Delete(pod) => ctx.cache.pods.forget(&pod).into_iter().collect(),
                };
                for server in changed {
                    signals.observed(server);
                }
            });
        }
    }

    /// Namespaces are few, and all of them are watched whatever the scope: by name alone none could be.
    fn namespaces(&mut self) {
        let api = projected::<MetadataView>(&self.ctx.client, None, &ApiResource::erase::<Namespace>(&()));
        let (ctx, signals) = (Arc::clone(self.ctx), Arc::clone(self.signals));
        self.follow("Namespace", watch(api, by_page()), move |event| match event {
            Event::InitApply(namespace) | Event::Apply(namespace) => {
                let name = namespace.name_any();
                let is_ending = namespace.metadata.deletion_timestamp.is_some();
                let changed = ctx.cache.namespaces.observe(&name, namespace.labels(), is_ending);
                if changed && ctx.plugins.look_at_namespaces() {
                    for server in ctx.cache.servers.select(|namespace, _| namespace == name) {
                        signals.shared(server);
                    }
                    ctx.plugin_news.notify_one();
                }
            }
            Event::Delete(namespace) => ctx.cache.namespaces.forget(&namespace.name_any()),
            Event::Init | Event::InitDone => {}
        });
    }

    /// Runs a watch in a task of its own and tells when it has listed everything once.
    fn follow<T: Send + 'static>(
        &mut self,
        what: impl Into<String>,
        objects: impl Stream<Item = watcher::Result<Event<T>>> + Send + 'static,
        mut take: impl FnMut(Event<T>) + Send + 'static,
    ) {
        let (what, (done, synced)) = (what.into(), oneshot::channel());
        let metrics = self.ctx.metrics.clone();
        self.synced.push(Synced(synced));
        self.tasks.spawn(async move {
            let mut done = Some(done);
            let mut objects = std::pin::pin!(objects.default_backoff());
            while let Some(event) = objects.next().await {
                match event {
                    Ok(event) => {
                        let complete = matches!(event, Event::InitDone);
                        take(event);
                        if let Some(done) = done.take_if(|_| complete) {
                            let _ = done.send(()); // nobody waits any more when the operator is stopping
                        }
                    }
                    Err(error) => report(&what, &error, &metrics),
                }
            }
        });
    }
}

impl Signals {
    /// A child changed: its server by owner reference, or the server whose name a foreign object has.
    fn child(&self, key: &ChildKey, child: &Child) {
        let owner = child.controller.as_ref().filter(|controller| controller.kind == api::KIND);
        let name = owner.map_or_else(|| key.name.clone(), |owner| owner.name.clone());
        self.observed((key.namespace.clone(), name));
    }

    fn observed(&self, server: (String, String)) {
        let _ = self.observed.send(server); // the operator is stopping
    }

    fn shared(&self, server: (String, String)) {
        let _ = self.shared.send(server); // the operator is stopping
    }
}

pub(super) fn namespaced<K>(client: &kube::Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match namespace {
        None => Api::all(client.clone()),
        Some(namespace) => Api::namespaced(client.clone(), namespace),
    }
}

/// For kinds of our own that read only a part of `resource`.
fn projected<K>(client: &kube::Client, namespace: Option<&str>, resource: &ApiResource) -> Api<K>
where
    K: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>,
{
    match namespace {
        None => Api::all_with(client.clone(), resource),
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
    }
}

/// A watch that failed starts again by itself; its error is for the log and the metrics.
pub(crate) fn report(what: &str, error: &watcher::Error, metrics: &Metrics) {
    metrics.watch_restarted(what);
    let message = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => status.message.clone(),
        _ => "the API server could not be reached".to_owned(),
    };
    tracing::warn!(kind = what, error = message, "Watch was interrupted and starts again");
}
