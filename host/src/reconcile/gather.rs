//! Step 1, gather: everything that rendering one server depends on, as [`Inputs`]. Reads only.
//!
//! [`from_cluster`] reads the operator's caches and, when a referenced ConfigMap or Secret changed, the API server.
//! [`crate::offline`] makes the same `Inputs` of files; both end in [`Inputs::new`].

pub mod config_hash;
pub mod keys;
pub mod references;
pub mod verify_from;

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Resource, ResourceExt};
use serde_json::{Value, json};

use self::references::{Reference, Source, SourceKind};
use self::verify_from::VerifyFrom;
use super::error::Unreachable;
use super::{Context, Error, Identity, call};
use crate::api::render_plugin::Grants;
use crate::api::status::InputStatus;
use crate::api::{self, MCPServer, MCPServerSpec, Violation};
use crate::plugins::Missing;
use crate::sandbox::{Fact, Plugin};
use crate::{canonical, handshake};

/// `kubectl apply` leaves the whole manifest in this annotation: no plugin should see a second, older spec.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Where a CA Secret keeps its certificates.
pub const CA_KEY: &str = "ca.crt";

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

/// The ConfigMaps and Secrets that a server refers to and that exist.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolved {
    /// Which versions the hash is of, sorted by kind and name.
    pub inputs: Vec<InputStatus>,
    /// The hash over their contents.
    pub config_hash: Option<String>,
}

impl Resolved {
    /// Whether it is of exactly these versions, and answers everything that the spec asks of them.
    fn is_of(&self, versions: &[InputStatus], spec: &MCPServerSpec) -> bool {
        self.inputs.len() == versions.len()
            && self.inputs.iter().zip(versions).all(|(input, version)| input.is_version_of(version))
            && keys::are_known(spec, &self.inputs)
    }
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

    /// What the configuration hash was made of.
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }
}

/// The server as a plugin sees it: without anything that only an API server invents.
fn request_document(server: &MCPServer, spec: &MCPServerSpec) -> String {
    let annotations: BTreeMap<_, _> = server.annotations().iter().filter(|(key, _)| *key != LAST_APPLIED).collect();
    canonical::text(&json!({
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
    let resolved = resolve(server, &identity, &references, ctx).await?;
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

/// Takes over the recorded hash when nothing changed since; else reads the contents, hashes them and drops them.
async fn resolve(
    server: &MCPServer,
    identity: &Identity,
    references: &[Reference],
    ctx: &Context,
) -> Result<Resolved, Error> {
    let mut inputs = ctx.cache.sources.versions(&identity.namespace, references);
    let known = recorded(server).into_iter().chain(ctx.cache.sources.hashed(identity));
    if let Some(resolved) = known.into_iter().find(|resolved| resolved.is_of(&inputs, &server.spec)) {
        return Ok(resolved);
    }
    let mut contents = BTreeMap::new();
    for reference in references {
        if contents.contains_key(&reference.source) {
            continue;
        }
        if let Some(found) = read(&identity.namespace, &reference.source, ctx).await? {
            contents.insert(reference.source.clone(), found);
        }
    }
    let problems = ca_problems(&server.spec, &contents);
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    for (source, contents) in &contents {
        let is_of = |input: &&mut InputStatus| input.name == source.name && input.kind == source.kind.as_str();
        if let Some(input) = inputs.iter_mut().find(is_of) {
            keys::look_up(&server.spec, source, contents, input);
        }
    }
    let resolved = Resolved { inputs, config_hash: config_hash::hash(&contents) };
    ctx.cache.sources.remember_hash(identity, &resolved);
    Ok(resolved)
}

/// What the status recorded.
fn recorded(server: &MCPServer) -> Option<Resolved> {
    let record = server.status.as_ref()?.render.as_ref()?;
    Some(Resolved { inputs: record.inputs.clone(), config_hash: record.config_hash.clone() })
}

/// Contents of one ConfigMap or Secret; `None` when it is gone.
pub async fn read(
    namespace: &str,
    source: &Source,
    ctx: &Context,
) -> Result<Option<config_hash::Contents>, Unreachable> {
    let client = ctx.client.clone();
    match source.kind {
        SourceKind::ConfigMap => {
            let api: Api<ConfigMap> = Api::namespaced(client, namespace);
            Ok(read_one(&api, &source.name, "get ConfigMap").await?.map(config_map_contents))
        }
        SourceKind::Secret => {
            let api: Api<Secret> = Api::namespaced(client, namespace);
            Ok(read_one(&api, &source.name, "get Secret").await?.map(secret_contents))
        }
    }
}

async fn read_one<K>(api: &Api<K>, name: &str, what: &str) -> Result<Option<K>, Unreachable>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    call(what, api.get_opt(name)).await?.map_err(|refusal| Unreachable::refused(what, &refusal))
}

/// Keys and bytes of a ConfigMap, `data` and `binaryData` merged.
pub fn config_map_contents(object: ConfigMap) -> config_hash::Contents {
    let text = object.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes()));
    let binary = object.binary_data.unwrap_or_default().into_iter().map(|(key, ByteString(value))| (key, value));
    text.chain(binary).collect()
}

/// Keys and raw bytes of a Secret. `stringData`, which only manifests have, wins as it does in the API server.
pub fn secret_contents(object: Secret) -> config_hash::Contents {
    let raw = object.data.unwrap_or_default().into_iter().map(|(key, ByteString(value))| (key, value));
    let text = object.string_data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes()));
    raw.chain(text).collect()
}

/// What is wrong with the CA bundle that the server names, if it names one.
pub fn ca_problems(spec: &MCPServerSpec, contents: &BTreeMap<Source, config_hash::Contents>) -> Vec<Violation> {
    let Some(source) = references::ca_bundle(spec) else { return Vec::new() };
    let Some(secret) = contents.get(&source) else { return Vec::new() };
    let problem = match secret.get(CA_KEY) {
        None => Some(format!("has no key {CA_KEY}; put the CA's certificates there, in PEM")),
        Some(pem) => handshake::ca_bundle_problem(pem).map(|problem| format!("key {CA_KEY}: {problem}")),
    };
    let message = |problem| format!("Secret {} {problem}", source.name);
    let path = references::CA_BUNDLE_PATH.to_owned();
    problem.map(|problem| Violation { path, message: message(problem) }).into_iter().collect()
}
