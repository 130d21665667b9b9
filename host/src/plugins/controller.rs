//! Decides when a RenderPlugin is looked at: when it changes, when a failed attempt is due again, and when there is news
//! about the servers that it renders. Then sees that the wanted version renders, and says so in the plugin's status.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::{StreamExt, future, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::runtime::controller::{Action, Config};
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{Controller, PredicateConfig, WatchStreamExt, predicates, watcher as watch};
use kube::{Api, ResourceExt};
use tokio::sync::{mpsc, oneshot};

use super::prepare::{Setback, Workshop};
use super::status::{self, Observation};
use super::store::{Record, VersionRecord};
use crate::api::{RenderPlugin, RenderPluginSpec};
use crate::cache::sources::ServerName;
use crate::controller::Scope;
use crate::reconcile::Context;
use crate::sandbox::Digest;

/// News about servers are gathered for this long before plugins' statuses are written.
const NEWS: Duration = Duration::from_secs(2);
/// After a start, servers are all rendered within this time, if they are not very many.
const SETTLING: Duration = Duration::from_mins(1);
/// Plugins that are prepared at a time. Each may compile, in a process of its own.
const CONCURRENCY: u16 = 2;

/// What the work needs besides the shared context.
struct Works {
    ctx: Arc<Context>,
    scope: Scope,
    workshop: Workshop,
    servers: mpsc::UnboundedSender<ServerName>,
    started: Instant,
    /// What could not be prepared and will not be by trying again, with the spec that it was about.
    hopeless: Mutex<HashMap<String, (RenderPluginSpec, Setback)>>,
}

/// Runs for ever, and may be ended at any time: everything is done again at the next start. Servers that have to be rendered anew go to `servers`; `listed` is told once all
/// plugins are known.
pub async fn run(
    ctx: Arc<Context>,
    scope: Scope,
    workshop: Workshop,
    servers: mpsc::UnboundedSender<ServerName>,
    listed: oneshot::Sender<()>,
) {
    let started = Instant::now();
    let works =
        Arc::new(Works { ctx: Arc::clone(&ctx), scope, workshop, servers, started, hopeless: Mutex::default() });
    let (store, writer) = reflector::store();
    let observer = Arc::clone(&works);
    let (mut listed, mut seen) = (Some(listed), HashSet::new());
    let plugins = watch(Api::<RenderPlugin>::all(ctx.client.clone()), watcher::Config::default())
        .default_backoff()
        .reflect(writer)
        .inspect(move |event| match event {
            Ok(event) => {
                observer.observe(event, &mut seen);
                if matches!(event, Event::InitDone)
                    && let Some(listed) = listed.take()
                {
                    let _ = listed.send(()); // nobody waits any more when the operator is stopping
                }
            }
            Err(error) => crate::controller::report("RenderPlugin", error, &observer.ctx.metrics),
        })
        .touched_objects()
        .predicate_filter(predicates::generation, PredicateConfig::default());
    let all = store.clone();
    let news = stream::unfold(ctx, async |ctx| {
        ctx.plugin_news.notified().await;
        tokio::time::sleep(NEWS).await;
        Some(((), ctx))
    });
    let news = news
        .flat_map(move |()| stream::iter(all.state().iter().map(|p| ObjectRef::from_obj(&**p)).collect::<Vec<_>>()));
    Controller::for_stream(plugins, store)
        .with_config(Config::default().concurrency(CONCURRENCY))
        .reconcile_on(news)
        .run(
            async |plugin, works: Arc<Works>| Ok(works.reconcile(&plugin).await),
            |_, never: &Infallible, _| match *never {},
            works,
        )
        .for_each(|_| future::ready(()))
        .await;
}

impl Works {
    /// What is known of a plugin at once, before anything is fetched.
    fn observe(&self, event: &Event<RenderPlugin>, seen: &mut HashSet<String>) {
        match event {
            Event::Init => seen.clear(),
            Event::InitApply(plugin) | Event::Apply(plugin) if !self.concerns(plugin) => {
                self.remove(&plugin.name_any());
            }
            Event::InitApply(plugin) => {
                seen.insert(plugin.name_any());
                self.announce(plugin);
            }
            Event::Apply(plugin) => {
                self.ctx.cache.plugin_statuses.seen(plugin);
                self.announce(plugin);
            }
            Event::InitDone => {
                let names = self.ctx.plugins.names();
                names.iter().filter(|name| !seen.contains(*name)).for_each(|name| self.remove(name));
            }
            Event::Delete(plugin) => {
                let uid = plugin.uid().unwrap_or_default();
                self.ctx.backoff.forget(&uid);
                self.ctx.cache.plugin_statuses.forget(&uid);
                self.remove(&plugin.name_any());
            }
        }
    }

    /// Whether the plugin can select servers in the namespaces that are watched. Other plugins, and their statuses, are the
    /// concern of the operators of other namespaces.
    fn concerns(&self, plugin: &RenderPlugin) -> bool {
        let namespaces = plugin.spec.matches.as_ref().map(|matches| matches.namespaces.as_slice()).unwrap_or_default();
        match &self.scope {
            Scope::Namespaces(watched) if !namespaces.is_empty() => {
                namespaces.iter().any(|name| watched.contains(name))
            }
            _ => true,
        }
    }

    fn announce(&self, plugin: &RenderPlugin) {
        let name = plugin.name_any();
        let before = self.selected(&name);
        if self.ctx.plugins.announce(plugin) {
            self.rerender(before.into_iter().chain(self.selected(&name)));
        }
    }

    fn remove(&self, name: &str) {
        let selected = self.selected(name);
        if !self.ctx.plugins.remove(name) {
            return;
        }
        tracing::info!(plugin = name, "Plugin removed");
        self.hopeless().remove(name);
        self.rerender(selected.into_iter());
        if let Err(error) = self.workshop.store.forget(name) {
            tracing::warn!(plugin = name, error = %error, "The record of a deleted plugin could not be removed");
        }
        self.collect_garbage();
    }

    fn selected(&self, plugin: &str) -> Vec<ServerName> {
        let ctx = &self.ctx;
        ctx.cache.servers.select(|namespace, labels| {
            ctx.plugins.selects(plugin, namespace, &ctx.cache.namespaces.labels(namespace), labels)
        })
    }

    fn rerender(&self, servers: impl Iterator<Item = ServerName>) {
        for server in servers.collect::<BTreeSet<_>>() {
            let _ = self.servers.send(server); // the operator is stopping
        }
    }

    async fn reconcile(&self, plugin: &RenderPlugin) -> Action {
        if !self.concerns(plugin) {
            return Action::await_change();
        }
        let plugin = &self.ctx.cache.plugin_statuses.newest(plugin, || None);
        let name = plugin.name_any();
        let setback = self.make_current(&name, plugin).await.err();
        let (active, _) = self.ctx.plugins.versions(&name);
        let failing = self.ctx.plugins.failing(&name);
        let until_settled = SETTLING.saturating_sub(self.started.elapsed());
        let seen = Observation {
            plugin,
            setback: setback.as_ref(),
            active: active.map(|version| version.digest),
            about: self.ctx.plugins.about(&name),
            servers: self.selected(&name).len(),
            failing: &failing,
            settling: !until_settled.is_zero(),
            now: Time(k8s_openapi::jiff::Timestamp::now()),
        };
        let doubtful = seen.settling && failing.is_empty() && status::said_to_fail(&seen).is_some();
        if let Err(error) = status::write_if_different(plugin, status::status(&seen), &self.ctx).await {
            tracing::warn!(plugin = name, error = %error, "Status could not be written");
            return self.ctx.backoff.after_failure(plugin);
        }
        match setback {
            Some(Setback { passes: true, .. }) => self.ctx.backoff.after_failure(plugin),
            _ if doubtful => self.ctx.backoff.after_success(plugin, Action::requeue(until_settled)),
            _ => self.ctx.backoff.after_success(plugin, Action::await_change()),
        }
    }

    /// Sees that the wanted version renders; the one that renders goes on until then.
    async fn make_current(&self, name: &str, plugin: &RenderPlugin) -> Result<(), Setback> {
        let (mut active, _) = self.ctx.plugins.versions(name);
        if active.is_none() {
            self.restore(name).await;
            (active, _) = self.ctx.plugins.versions(name);
        }
        if active == Some(VersionRecord::of(&plugin.spec)) {
            return Ok(());
        }
        if let Some(setback) = self.known_setback(name, &plugin.spec) {
            return Err(setback);
        }
        match self.workshop.prepare(name, &plugin.spec).await {
            Ok(version) => {
                let digest = version.record.digest.clone();
                if self.ctx.plugins.activate(name, version) {
                    tracing::info!(plugin = name, digest, "Plugin renders");
                    self.record(name);
                    self.rerender(self.selected(name).into_iter());
                }
                Ok(())
            }
            Err(setback) => {
                let Setback { phase, reason, message, .. } = &setback;
                tracing::warn!(plugin = name, %phase, reason, error = message, "Plugin is not ready");
                if !setback.passes {
                    self.hopeless().insert(name.to_owned(), (plugin.spec.clone(), setback.clone()));
                }
                if self.ctx.plugins.unavailable(plugin, message) {
                    self.rerender(self.selected(name).into_iter());
                }
                Err(setback)
            }
        }
    }

    fn known_setback(&self, name: &str, spec: &RenderPluginSpec) -> Option<Setback> {
        let hopeless = self.hopeless();
        hopeless.get(name).filter(|(known, _)| known == spec).map(|(_, setback)| setback.clone())
    }

    fn hopeless(&self) -> MutexGuard<'_, HashMap<String, (RenderPluginSpec, Setback)>> {
        self.hopeless.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes back what was good before a restart.
    async fn restore(&self, name: &str) {
        let Record { active, previous } = self.workshop.store.record(name);
        let (mut versions, records) = (Vec::new(), [active, previous]);
        for record in &records {
            versions.push(match record {
                Some(record) => self.workshop.restore(name, record).await,
                None => None,
            });
        }
        let previous = versions.pop().flatten();
        let active = versions.pop().flatten();
        if active.is_some() {
            tracing::info!(plugin = name, "Plugin renders again");
            self.ctx.plugins.restore(name, active, previous);
            self.rerender(self.selected(name).into_iter());
        }
    }

    /// Keeps on the cache volume which versions are good, and nothing that no version needs.
    fn record(&self, name: &str) {
        let (active, previous) = self.ctx.plugins.versions(name);
        if let Err(error) = self.workshop.store.keep_record(name, &Record { active, previous }) {
            let consequence = "after a restart the plugin is prepared anew";
            tracing::warn!(plugin = name, error = %error, consequence, "The record of a plugin could not be written");
        }
        self.collect_garbage();
    }

    fn collect_garbage(&self) {
        let mut keep = self.ctx.plugins.wanted();
        keep.push(*self.ctx.plugins.default_stage().plugin.digest());
        let collected =
            self.workshop.store.collect_garbage(&keep).and_then(|kept: Vec<Digest>| self.workshop.code.retain(&kept));
        if let Err(error) = collected {
            tracing::warn!(error = %error, "The cache volume could not be tidied up");
        }
    }
}
