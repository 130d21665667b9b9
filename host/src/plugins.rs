//! The cluster's render plugins: which version of each may render, and which of them a server gets.
//!
//! [`controller`] decides when a RenderPlugin is looked at, `prepare` makes a version of it that may render, in the steps
//! of its conditions, and this registry swaps that version in: renders under way keep the one they began with. Servers ask
//! for their [chain](Plugins::chain).

pub mod controller;
pub(crate) mod fetch;
mod grants;
pub(crate) mod prepare;
pub(crate) mod selection;
mod self_test;
mod status;
mod store;

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kube::ResourceExt;

pub use self::grants::Grounds;
pub use self::prepare::Workshop;
use self::selection::Selection;
pub use self::store::{Record, Store, VersionRecord};
use crate::api::render_plugin::{Grants, OnFailure};
use crate::api::{MCPServer, RenderPlugin};
use crate::cache::servers::Labels;
use crate::cache::sources::ServerName;
use crate::reconcile::gather::Stage;
use crate::sandbox::Digest;

/// One version of a plugin: what decides its output, and the compiled component with all that.
#[derive(Clone)]
pub struct Version {
    /// What was asked for.
    pub record: VersionRecord,
    /// What renders.
    pub stage: Stage,
}

/// What a server does while a plugin that selects it has no version that may render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Without {
    /// It is rendered without: the plugin was never ready.
    Skip,
    /// It waits for the answer, which comes soon.
    Wait,
    /// It stays as it is, for this reason.
    Unavailable(String),
}

/// Why a server cannot have its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A plugin is being prepared; the server is looked at again afterwards.
    Waiting,
    /// A plugin cannot be had.
    Unavailable {
        /// Its name.
        plugin: String,
        /// Why, and what to do.
        problem: String,
    },
}

struct Entry {
    wanted: Option<Digest>,
    order: i32,
    selection: Selection,
    on_failure: OnFailure,
    grants: Grants,
    active: Option<Version>,
    previous: Option<Version>,
    without: Without,
    failing: HashMap<String, ServerName>,
}

/// What is known of all plugins.
pub struct Plugins {
    default: Stage,
    entries: RwLock<BTreeMap<String, Entry>>,
}

impl Plugins {
    /// No plugins but the operator's own, which is every chain's first stage.
    pub fn new(default: Stage) -> Self {
        Self { default, entries: RwLock::default() }
    }

    /// The operator's own plugin.
    pub fn default_stage(&self) -> &Stage {
        &self.default
    }

    /// The stages that render a server, in order.
    pub fn chain(&self, server: &MCPServer, namespace_labels: &Labels) -> Result<Vec<Stage>, Missing> {
        let namespace = server.namespace().unwrap_or_default();
        let entries = self.read();
        let mut selecting: Vec<_> = entries
            .iter()
            .filter(|(_, entry)| entry.selection.selects(&namespace, namespace_labels, server.labels()))
            .collect();
        selecting.sort_by_key(|(name, entry)| (entry.order, *name));
        let mut stages = vec![self.default.clone()];
        for (name, entry) in selecting {
            stages.extend(entry.stage(name)?);
        }
        Ok(stages)
    }

    /// Whether the plugin selects such a server.
    pub fn selects(&self, plugin: &str, namespace: &str, namespace_labels: &Labels, labels: &Labels) -> bool {
        let entries = self.read();
        entries.get(plugin).is_some_and(|entry| entry.selection.selects(namespace, namespace_labels, labels))
    }

    /// Whether some plugin looks at the labels of namespaces.
    pub fn look_at_namespaces(&self) -> bool {
        self.read().values().any(|entry| entry.selection.looks_at_namespaces())
    }

    /// Takes over which servers a plugin selects, its order and its way of failing, before anything else is known of it.
    /// Tells whether servers have to be looked at again.
    pub fn announce(&self, plugin: &RenderPlugin) -> bool {
        let spec = &plugin.spec;
        let selection = Selection::of(spec.matches.as_ref());
        let mut entries = self.write();
        let entry = entries.entry(plugin.name_any()).or_insert_with(|| Entry {
            wanted: None,
            order: spec.order,
            selection: Selection::default(),
            on_failure: spec.on_failure,
            grants: Grants::default(),
            active: None,
            previous: None,
            without: without(plugin, Without::Wait),
            failing: HashMap::new(),
        });
        let grants = spec.grants.clone().unwrap_or_default();
        let before = (entry.order, entry.on_failure, entry.selection.clone(), entry.grants.clone());
        entry.wanted = spec.digest.parse().ok();
        entry.order = spec.order;
        entry.on_failure = spec.on_failure;
        entry.selection = selection;
        entry.grants = grants;
        before != (entry.order, entry.on_failure, entry.selection.clone(), entry.grants.clone())
    }

    /// Forgets a plugin. Tells whether it was known.
    pub fn remove(&self, name: &str) -> bool {
        self.write().remove(name).is_some()
    }

    /// The version that renders now, and the one before it.
    pub fn versions(&self, name: &str) -> (Option<VersionRecord>, Option<VersionRecord>) {
        let entries = self.read();
        let record = |version: &Option<Version>| version.as_ref().map(|version| version.record.clone());
        entries.get(name).map(|entry| (record(&entry.active), record(&entry.previous))).unwrap_or_default()
    }

    /// What the active version says of itself: name and version.
    pub fn about(&self, name: &str) -> Option<String> {
        let entries = self.read();
        let info = entries.get(name)?.active.as_ref()?.stage.plugin.info().clone();
        Some(format!("{} {}", info.name, info.version))
    }

    /// Takes back the versions that were known before a restart.
    pub fn restore(&self, name: &str, active: Option<Version>, previous: Option<Version>) {
        if let Some(entry) = self.write().get_mut(name) {
            (entry.active, entry.previous) = (active, previous);
        }
    }

    /// Makes a version the one that renders. The one before it becomes the last good one, unless it failed for some
    /// server: then the last good one stays what it was. Tells whether the plugin is still there.
    pub fn activate(&self, name: &str, version: Version) -> bool {
        let mut entries = self.write();
        let Some(entry) = entries.get_mut(name) else { return false };
        let replaced = entry.active.replace(version);
        if entry.failing.is_empty() && replaced.is_some() {
            entry.previous = replaced;
        }
        entry.failing.clear();
        true
    }

    /// Says why there is no version for the servers that must not do without. Tells whether that is news to them.
    pub fn unavailable(&self, plugin: &RenderPlugin, problem: &str) -> bool {
        let mut entries = self.write();
        let Some(entry) = entries.get_mut(&plugin.name_any()) else { return false };
        let before = std::mem::replace(&mut entry.without, without(plugin, Without::Unavailable(problem.to_owned())));
        entry.active.is_none() && before != entry.without
    }

    /// The digests that the plugins' owners want, whether they are ready or still on their way.
    pub fn wanted(&self) -> Vec<Digest> {
        self.read().values().filter_map(|entry| entry.wanted).collect()
    }

    /// The names of all.
    pub fn names(&self) -> Vec<String> {
        self.read().keys().cloned().collect()
    }

    /// Remembers that the active version failed for a server. Tells whether that is news.
    pub fn failed(&self, plugin: &str, uid: &str, server: &ServerName) -> bool {
        let mut entries = self.write();
        let Some(entry) = entries.get_mut(plugin) else { return false };
        entry.failing.insert(uid.to_owned(), server.clone()).is_none()
    }

    /// Remembers that a server was rendered by the active versions of all plugins but these.
    pub fn succeeded(&self, uid: &str, except: &[String]) -> bool {
        if self.read().values().all(|entry| !entry.failing.contains_key(uid)) {
            return false; // the usual case, without the lock of a writer
        }
        let mut entries = self.write();
        let others = entries.iter_mut().filter(|(name, _)| !except.contains(name));
        others.fold(false, |news, (_, entry)| entry.failing.remove(uid).is_some() || news)
    }

    /// The servers for which the active version fails.
    pub fn failing(&self, name: &str) -> Vec<ServerName> {
        let entries = self.read();
        let mut failing: Vec<_> =
            entries.get(name).into_iter().flat_map(|entry| entry.failing.values().cloned()).collect();
        failing.sort();
        failing
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Entry>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn stage(&self, name: &str) -> Result<Option<Stage>, Missing> {
        match (&self.active, &self.without) {
            (Some(active), _) => {
                let keeps = self.on_failure == OnFailure::KeepLast;
                let last_good = self.previous.as_ref().filter(|_| keeps);
                let last_good = last_good.map(|version| Box::new(self.granted(version)));
                Ok(Some(Stage { last_good, ..self.granted(active) }))
            }
            (None, Without::Skip) => Ok(None),
            (None, Without::Wait) => Err(Missing::Waiting),
            (None, Without::Unavailable(problem)) => {
                Err(Missing::Unavailable { plugin: name.to_owned(), problem: problem.clone() })
            }
        }
    }

    /// A version with its grants, as far as they still stand: what was taken away is taken from older versions, too.
    fn granted(&self, version: &Version) -> Stage {
        Stage { grants: version.stage.grants.intersection(&self.grants), ..version.stage.clone() }
    }
}

/// A plugin that was never ready stands in nobody's way, unless its owner said `Block`.
fn without(plugin: &RenderPlugin, otherwise: Without) -> Without {
    let was_ready = plugin.status.as_ref().is_some_and(|status| status.digest.is_some());
    if was_ready || plugin.spec.on_failure == OnFailure::Block { otherwise } else { Without::Skip }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::LazyLock;

    use serde_json::json;

    use super::*;
    use crate::api::render_plugin::NetworkPolicyGrant;
    use crate::default_plugin;
    use crate::sandbox::{Limits, Plugin, Sandbox};

    static PLUGIN: LazyLock<Plugin> =
        LazyLock::new(|| Sandbox::new(1).unwrap().load(default_plugin::COMPONENT, Limits::default()).unwrap());

    fn stage(name: &str) -> Stage {
        Stage::new(name, PLUGIN.clone())
    }

    fn version(name: &str, digest: &str) -> Version {
        let record = VersionRecord { digest: digest.into(), parameters: None, limits: None, grants: None };
        Version { record, stage: stage(name) }
    }

    fn plugin(name: &str, order: i32, on_failure: OnFailure) -> RenderPlugin {
        let spec = crate::api::RenderPluginSpec { order, on_failure, ..Default::default() };
        RenderPlugin::new(name, spec)
    }

    fn plugins() -> Plugins {
        Plugins::new(stage("default"))
    }

    fn names(plugins: &Plugins) -> Result<Vec<String>, Missing> {
        let server = json!({"metadata": {"name": "a", "namespace": "team"}, "spec": {
            "source": {"type": "ContainerImage"}, "config": {"port": 80},
        }});
        let chain = plugins.chain(&serde_json::from_value(server).unwrap(), &Labels::new())?;
        Ok(chain.into_iter().map(|stage| stage.name).collect())
    }

    fn digests(plugins: &Plugins) -> [Option<String>; 2] {
        let (active, previous) = plugins.versions("p");
        [active, previous].map(|record| record.map(|record| record.digest))
    }

    #[test]
    fn plugins_come_after_the_operators_own_by_order_and_then_by_name() {
        let plugins = plugins();
        for (name, order) in [("b", 500), ("a", 500), ("z", 0)] {
            plugins.announce(&plugin(name, order, OnFailure::KeepLast));
            assert!(plugins.activate(name, version(name, "1")));
        }
        assert_eq!(names(&plugins).unwrap(), ["default", "z", "a", "b"]);
        assert!(plugins.remove("a") && !plugins.activate("a", version("a", "2")));
        assert_eq!(names(&plugins).unwrap(), ["default", "z", "b"]);
    }

    #[test]
    fn a_version_that_fails_for_a_server_never_becomes_the_last_good_one() {
        let plugins = plugins();
        plugins.announce(&plugin("p", 0, OnFailure::KeepLast));
        let text = |texts: [&str; 2]| texts.map(|text| Some(text.to_owned()));
        plugins.activate("p", version("p", "1"));
        plugins.activate("p", version("p", "2"));
        assert_eq!(digests(&plugins), text(["2", "1"]));
        assert!(plugins.failed("p", "uid", &("team".into(), "a".into())));
        plugins.activate("p", version("p", "3"));
        assert_eq!(digests(&plugins), text(["3", "1"]));
        assert!(plugins.failing("p").is_empty(), "the new version has not failed for anybody yet");
        plugins.activate("p", version("p", "4"));
        assert_eq!(digests(&plugins), text(["4", "3"]));
    }

    #[test]
    fn only_what_keeps_the_last_has_a_last_good_version() {
        for (on_failure, has) in [(OnFailure::KeepLast, true), (OnFailure::Block, false)] {
            let plugins = plugins();
            plugins.announce(&plugin("p", 0, on_failure));
            plugins.activate("p", version("p", "1"));
            plugins.activate("p", version("p", "2"));
            let entries = plugins.read();
            assert_eq!(entries["p"].stage("p").unwrap().unwrap().last_good.is_some(), has);
        }
    }

    #[test]
    fn a_grant_that_was_taken_away_is_taken_from_older_versions_too() {
        let plugins = plugins();
        let mut granted = plugin("p", 0, OnFailure::KeepLast);
        granted.spec.grants = Some(Grants { network_policy: Some(NetworkPolicyGrant::Any), ..Grants::default() });
        let mut wide = version("p", "1");
        wide.stage.grants = granted.spec.grants.clone().unwrap();
        plugins.announce(&granted);
        plugins.activate("p", wide.clone());
        plugins.activate("p", Version { record: version("p", "2").record, ..wide });
        let grants = || {
            let stage = plugins.read()["p"].stage("p").unwrap().unwrap();
            [stage.last_good.unwrap().grants, stage.grants].map(|grants| grants.network_policy)
        };
        assert_eq!(grants(), [Some(NetworkPolicyGrant::Any); 2]);
        assert!(plugins.announce(&plugin("p", 0, OnFailure::KeepLast)));
        assert_eq!(grants(), [None; 2]);
    }

    #[test]
    fn a_plugin_that_was_never_ready_is_passed_by_unless_it_blocks() {
        let (plugins, new) = (plugins(), plugin("p", 0, OnFailure::KeepLast));
        plugins.announce(&new);
        assert_eq!(names(&plugins).unwrap(), ["default"]);
        assert!(!plugins.unavailable(&new, "gone"));
        assert_eq!(names(&plugins).unwrap(), ["default"]);
    }

    #[test]
    fn servers_wait_for_a_plugin_that_was_ready_or_blocks_and_then_stay_as_they_are() {
        let mut was_ready = plugin("p", 0, OnFailure::KeepLast);
        was_ready.status =
            Some(crate::api::RenderPluginStatus { digest: Some("sha256:1".into()), ..Default::default() });
        for plugin in [was_ready, plugin("p", 0, OnFailure::Block)] {
            let plugins = plugins();
            plugins.announce(&plugin);
            assert_eq!(names(&plugins), Err(Missing::Waiting));
            assert!(plugins.unavailable(&plugin, "gone"));
            assert!(!plugins.unavailable(&plugin, "gone"), "that is no news");
            assert_eq!(names(&plugins), Err(Missing::Unavailable { plugin: "p".into(), problem: "gone".into() }));
            plugins.activate("p", version("p", "1"));
            assert_eq!(names(&plugins).unwrap(), ["default", "p"]);
        }
    }
}
