//! Step 1, gather: everything that rendering one server depends on, as [`Inputs`]. Reads only.
//!
//! [`from_cluster`] reads the operator's caches and, when a referenced ConfigMap or Secret changed, the API server.
//! [`crate::offline`] makes the same `Inputs` of files; both end in [`Inputs::new`].

pub mod config_hash;
pub mod keys;
pub mod references;
mod resolve;
pub mod verify_from;

use std::collections::BTreeMap;

use kube::{Resource, ResourceExt};
use serde_json::{Value, json};

use self::references::Reference;
pub use self::resolve::{CA_KEY, Resolved, ca_problems, config_map_contents, read, secret_contents};
use self::verify_from::VerifyFrom;
use super::{Context, Error, Identity};
use crate::api::render_plugin::Grants;
use crate::api::{self, MCPServer, MCPServerSpec, Violation};
use crate::canonical;
use crate::plugins::Missing;
use crate::sandbox::{Fact, Plugin};

/// `kubectl apply` leaves the whole manifest in this annotation: no plugin should see a second, older spec.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// One plugin of the chain, with what the cluster's owners configured for it.
#[derive(Clone)]
pub struct Stage {
    /// The name it has in the chain: the RenderPlugin's, or `default`.
    pub name: String,
    /// The compiled component.
    pub plugin: Plugin,
    /// `request.parameters`.
    pub parameters: Option<Value>,
    /// What it may return besides what every plugin may.
    pub grants: Grants,
    /// The version that renders a server for which this one fails.
    pub last_good: Option<Box<Stage>>,
}

impl Stage {
    /// A plugin as it is, without parameters and grants.
    pub fn new(name: impl Into<String>, plugin: Plugin) -> Self {
        Self { name: name.into(), plugin, parameters: None, grants: Grants::default(), last_good: None }
    }
}

/// What is the same for every server.
#[derive(Clone)]
pub struct Surroundings {
    /// The cluster's DNS domain.
    pub cluster_domain: String,
    /// `major.minor` of the API server, when known.
    pub kubernetes_version: Option<String>,
    /// Where handshakes come from.
    pub verify_from: Option<VerifyFrom>,
    /// The plugins, first stage first; never empty.
    pub chain: Vec<Stage>,
}

/// Everything that the rendering of one server depends on.
#[derive(Clone)]
pub struct Inputs {
    identity: Identity,
    spec: MCPServerSpec,
    server: String,
    facts: BTreeMap<&'static str, String>,
    chain: Vec<Stage>,
    resolved: Resolved,
}

impl Inputs {
    /// The inputs of `server`, whose references are `resolved`.
    pub fn new(server: &MCPServer, resolved: Resolved, surroundings: &Surroundings) -> Self {
        let mut facts = BTreeMap::from([("cluster.domain", surroundings.cluster_domain.clone())]);
        facts.extend(surroundings.kubernetes_version.clone().map(|version| ("k8s.version", version)));
        facts.extend(resolved.config_hash.clone().map(|hash| ("config.hash", hash)));
        let mut spec = server.spec.clone();
        if let Some(operator) = &surroundings.verify_from {
            operator.let_in(&mut spec);
        }
        Self {
            identity: Identity::of(server),
            server: request_document(server, &spec),
            spec,
            facts,
            chain: surroundings.chain.clone(),
            resolved,
        }
    }

    /// Which server this is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What its author asked for, with the operator among those that are let in.
    pub fn spec(&self) -> &MCPServerSpec {
        &self.spec
    }

    /// `request.server`: canonical JSON.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The plugins, first stage first.
    pub fn chain(&self) -> &[Stage] {
        &self.chain
    }

    /// The same with the last good version of this stage or, where that has none, of all stages that have one; and their
    /// names. None when no stage has one.
    pub fn with_last_good(&self, stage: &str) -> Option<(Self, Vec<String>)> {
        let all = !self.chain.iter().any(|s| s.name == stage && s.last_good.is_some());
        let (mut replaced, mut chain) = (Vec::new(), self.chain.clone());
        for stage in chain.iter_mut().filter(|s| all || s.name == stage) {
            if let Some(last_good) = stage.last_good.take() {
                replaced.push(stage.name.clone());
                *stage = *last_good;
            }
        }
        (!replaced.is_empty()).then(|| (Self { chain, ..self.clone() }, replaced))
    }

    /// The same for other plugins.
    #[must_use]
    pub fn with_chain(&self, chain: Vec<Stage>) -> Self {
        Self { chain, ..self.clone() }
    }

    /// The facts that `plugin` declared and that are known, sorted by name.
    pub fn facts_for(&self, plugin: &Plugin) -> Vec<Fact> {
        let declared = |name: &str| plugin.info().facts.iter().any(|fact| fact == name);
        let fact = |(name, value): (&&'static str, &String)| Fact { name: (*name).to_owned(), value: value.clone() };
        self.facts.iter().filter(|(name, _)| declared(name)).map(fact).collect()
    }

    /// Everything that decides what is rendered, as texts: two inputs with the same render the same.
    pub fn parts(&self) -> Vec<String> {
        let facts = format!("{:?}", self.facts);
        let stage = |Stage { name, plugin, parameters, grants, last_good: _ }: &Stage| {
            format!("{name} {} {:?} {parameters:?} {grants:?}", plugin.digest(), plugin.limits())
        };
        [self.server.clone(), facts].into_iter().chain(self.chain.iter().map(stage)).collect()
    }

    /// What the configuration hash was made of.
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }
}

/// The server as a plugin sees it: without anything that only an API server invents.
fn request_document(server: &MCPServer, spec: &MCPServerSpec) -> String {
    let annotations: BTreeMap<_, _> = server.annotations().iter().filter(|(key, _)| *key != LAST_APPLIED).collect();
    canonical::text_of(&json!({
        "apiVersion": MCPServer::api_version(&()),
        "kind": api::KIND,
        "metadata": {
            "name": server.name_any(),
            "namespace": server.namespace().unwrap_or_default(),
            "labels": Some(server.labels()).filter(|labels| !labels.is_empty()),
            "annotations": Some(annotations).filter(|annotations| !annotations.is_empty()),
        },
        "spec": spec,
    }))
}

/// The inputs of a server in the cluster: validates it, checks what it refers to, and hashes that anew if it changed.
pub async fn from_cluster(server: &MCPServer, ctx: &Context) -> Result<Inputs, Error> {
    let identity = Identity::of(server);
    let references = references::of(&server.spec);
    ctx.cache.sources.remember(&identity, references.iter().map(|reference| reference.source.clone()));
    let mut violations = api::validate::validate(server);
    violations.extend(missing(&identity, &references, ctx));
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    let resolved = resolve::resolve(server, &identity, &references, ctx).await?;
    let chain = chain(server, &identity, ctx)?;
    Ok(Inputs::new(server, resolved, &Surroundings { chain, ..ctx.surroundings.clone() }))
}

/// The operator's own plugin and the RenderPlugins that select the server.
fn chain(server: &MCPServer, identity: &Identity, ctx: &Context) -> Result<Vec<Stage>, Error> {
    let labels = ctx.cache.namespaces.labels(&identity.namespace);
    ctx.plugins.chain(server, &labels).map_err(|missing| match missing {
        Missing::Waiting => Error::Waiting,
        Missing::Unavailable { plugin, problem } => Error::PluginUnavailable { plugin, problem },
    })
}

/// One violation for each use of an object that has to exist and does not.
fn missing(identity: &Identity, references: &[Reference], ctx: &Context) -> Vec<Violation> {
    let absent = |reference: &&Reference| {
        !reference.optional && ctx.cache.sources.get(&identity.namespace, &reference.source).is_none()
    };
    let violation = |reference: &Reference| Violation {
        path: reference.path.clone(),
        message: format!("{} {}/{} does not exist", reference.source.kind, identity.namespace, reference.source.name),
    };
    references.iter().filter(absent).map(violation).collect()
}
