//! Step 4, apply: one attempt to make the cluster equal to a [`Vetted`], in order, and then to remove what is no longer
//! wanted. Accepts nothing else, and writes nothing without a reason.
//!
//! An object needs no write when its digest is the recorded one and nobody touched our fields since. One that is not there as
//! far as we know is created by an apply that the API server refuses where there is one; that is looked at then, like any
//! other that we have no record of: a foreign one is left alone.

mod ownership;
mod replicas;
mod takeover;
#[cfg(test)]
mod tests;
mod unchanged;

use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ApiResource, DeleteParams, Patch, PatchParams, Preconditions};
use kube::core::{DynamicObject, DynamicResourceScope, PartialObjectMeta};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(super) use self::unchanged::{remember, unchanged};
use super::error::Unreachable;
use super::gather::{Inputs, Resolved};
use super::vet::{ChainLink, Vetted, VettedObject};
use super::{Context, Error, Identity, Kind, Refusal, call};
use crate::api::status::{ObjectStatus, PluginStatus, RenderStatus};
use crate::api::{self, MCPServer};
use crate::cache::children::{Child, ChildKey};
use crate::cache::views::MetadataView;
use crate::cache::workload::{Workload, WorkloadView};
use crate::sandbox::{Diagnostic, Severity};

/// What the cluster holds for a server after a successful attempt.
#[derive(Clone, Debug)]
pub struct Applied {
    render: RenderStatus,
    warnings: Vec<String>,
    setbacks: Vec<String>,
}

impl Applied {
    /// The record for the status: which plugins, which objects, from what.
    pub fn render(&self) -> &RenderStatus {
        &self.render
    }

    /// What the plugins warn of.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Why last good versions of plugins rendered the server; empty when the wanted ones did.
    pub fn setbacks(&self) -> &[String] {
        &self.setbacks
    }

    /// The same, with why the wanted versions did not render it.
    pub(super) fn in_spite_of(self, setbacks: Vec<String>) -> Self {
        Self { setbacks, ..self }
    }

    /// What an apply could have left behind.
    #[cfg(test)]
    pub(super) fn recorded(render: RenderStatus, warnings: &[&str]) -> Self {
        let warnings = warnings.iter().map(|&warning| warning.to_owned()).collect();
        Self { render, warnings, setbacks: Vec::new() }
    }

    /// What a paused server has: what was applied before.
    pub(super) fn paused(server: &MCPServer, inputs: &Inputs, vetted: &Vetted) -> Self {
        let render = record(server).cloned().unwrap_or_else(|| with_inputs(RenderStatus::default(), inputs.resolved()));
        Self { render, warnings: warnings(vetted), setbacks: Vec::new() }
    }
}

/// What the status recorded of the last apply.
fn record(server: &MCPServer) -> Option<&RenderStatus> {
    server.status.as_ref()?.render.as_ref()
}

/// Applies every object that needs it, then prunes.
pub async fn apply(server: &MCPServer, inputs: &Inputs, vetted: &Vetted, ctx: &Context) -> Result<Applied, Error> {
    let identity = inputs.identity();
    let recorded = record(server).map(|record| record.objects.as_slice()).unwrap_or_default();
    let mut objects = Vec::with_capacity(vetted.objects().len());
    for object in vetted.objects() {
        match ensure(identity, object, recorded, ctx).await {
            Ok(applied) => objects.push(applied),
            Err(error) => return Err(error.with_record(so_far(objects, recorded), warnings(vetted))),
        }
    }
    prune(identity, &objects, recorded, ctx).await?;
    let untouched = record(server).filter(|record| same_objects(&record.objects, &objects));
    let (chain, plugins) = match untouched {
        Some(record) => (record.chain.clone(), record.plugins.clone()),
        None => (Some(chain_text(vetted.chain())), vetted.chain().iter().map(plugin_status).collect()),
    };
    let render = with_inputs(RenderStatus { chain, plugins, objects, ..RenderStatus::default() }, inputs.resolved());
    Ok(Applied { render, warnings: warnings(vetted), setbacks: Vec::new() })
}

/// The record after an attempt that stopped early: what it applied, and what was there before.
fn so_far(mut applied: Vec<ObjectStatus>, recorded: &[ObjectStatus]) -> Vec<ObjectStatus> {
    let same = |a: &ObjectStatus, b: &ObjectStatus| (&a.kind, &a.name) == (&b.kind, &b.name);
    let untouched = recorded.iter().filter(|before| !applied.iter().any(|now| same(now, before)));
    applied.extend(untouched.cloned().collect::<Vec<_>>());
    applied
}

/// Whether two records are of the same desired objects; who touched them meanwhile does not matter.
fn same_objects(before: &[ObjectStatus], after: &[ObjectStatus]) -> bool {
    let digests = |objects: &[ObjectStatus]| objects.iter().map(|object| object.digest.clone()).collect::<Vec<_>>();
    digests(before) == digests(after)
}

fn with_inputs(render: RenderStatus, resolved: &Resolved) -> RenderStatus {
    RenderStatus { inputs: resolved.inputs.clone(), config_hash: resolved.config_hash.clone(), ..render }
}

/// What the plugins want the server's author to look at, one line each.
fn warnings(vetted: &Vetted) -> Vec<String> {
    let warning = |(plugin, diagnostic): &(String, Diagnostic)| {
        let Diagnostic { severity, code, message, path, slot: _ } = diagnostic;
        let path = path.as_ref().map(|path| format!(" ({path})")).unwrap_or_default();
        (*severity != Severity::Info).then(|| format!("plugin {plugin}: {code}: {message}{path}"))
    };
    vetted.diagnostics().iter().filter_map(warning).collect()
}

/// `default@1a2b3c4d,spread@9f8e7d6c`.
fn chain_text(chain: &[ChainLink]) -> String {
    let short = |digest: &str| digest.trim_start_matches("sha256:").chars().take(8).collect::<String>();
    chain.iter().map(|link| format!("{}@{}", link.name, short(&link.digest))).collect::<Vec<_>>().join(",")
}

fn plugin_status(link: &ChainLink) -> PluginStatus {
    PluginStatus { name: link.name.clone(), digest: link.digest.clone() }
}

/// Makes one object what it should be, with as few calls as that takes.
async fn ensure(
    identity: &Identity,
    object: &VettedObject,
    recorded: &[ObjectStatus],
    ctx: &Context,
) -> Result<ObjectStatus, Error> {
    let key =
        ChildKey { kind: object.kind().clone(), namespace: identity.namespace.clone(), name: object.name().to_owned() };
    let recorded = recorded.iter().find(|record| is_record_of(record, object.kind(), object.name()));
    let cached = ctx.cache.children.get(&key);
    let previous = cached.as_ref().and_then(|child| child.previous.as_ref());
    let takes_over = previous.is_some_and(|previous| takeover::is_due(previous, object));
    if let (Some(recorded), Some(child)) = (recorded, &cached)
        && in_line(recorded, object, child)
        && !takes_over
    {
        return Ok(ObjectStatus { slot: object.slot().to_owned(), ..recorded.clone() });
    }
    if let Some(child) = cached.as_ref().filter(|child| replicas::are_dropped(object, child)) {
        replicas::hand_over(&key, child, ctx).await?;
    }
    let known = recorded.is_some() && cached.as_ref().is_some_and(|child| is_ours(&key.kind, child, identity));
    let written = if known && !takes_over {
        patch(object, &key, Manner::Force, ctx).await?
    } else {
        let made = if cached.is_none() { create(object, &key, ctx).await? } else { None };
        match made {
            Some(made) => made,
            None => patch(object, &key, ownership::claim(identity, object, &key, ctx).await?, ctx).await?,
        }
    };
    let fields = written.fields.clone();
    ctx.cache.children.observe(key, written);
    Ok(ObjectStatus {
        api_version: object.kind().api_version().to_owned(),
        kind: object.kind().to_string(),
        name: object.name().to_owned(),
        slot: object.slot().to_owned(),
        digest: Some(object.digest().to_owned()),
        fields,
    })
}

fn is_record_of(record: &ObjectStatus, kind: &Kind, name: &str) -> bool {
    record.name == name && record.kind == kind.as_str() && record.api_version == kind.api_version()
}

/// The drift detector: the same wish as recorded, and our fields as our last apply left them.
fn in_line(recorded: &ObjectStatus, object: &VettedObject, child: &Child) -> bool {
    recorded.digest.as_deref() == Some(object.digest()) && recorded.fields.is_some() && recorded.fields == child.fields
}

/// Whether the object is this server's: by its controller or, where it has to outlive the server, by what we applied.
fn is_ours(kind: &Kind, child: &Child, identity: &Identity) -> bool {
    if kind.outlives() {
        return child.controller.is_none() && child.fields.is_some();
    }
    child.controller.as_ref().is_some_and(|controller| Some(&controller.uid) == identity.uid.as_ref())
}

/// How an object is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// By force: we made it, or took it over.
    Force,
    /// Giving way to others.
    Try,
}

/// Makes an object that is not there as far as we know, by a single request; none when it is there after all. A version that
/// no object has any more lets the API server apply only what does not exist.
async fn create(object: &VettedObject, key: &ChildKey, ctx: &Context) -> Result<Option<Child>, Error> {
    let mut manifest = object.manifest().clone();
    manifest["metadata"]["resourceVersion"] = NO_VERSION.into();
    match send(&manifest, key, Manner::Try, ctx).await? {
        Err(refusal) if refusal.code == CONFLICT => Ok(None),
        outcome => outcome.map(Some).map_err(|refusal| refused(key, &refusal)),
    }
}

/// etcd's first revision is its own.
pub(super) const NO_VERSION: &str = "1";

async fn patch(object: &VettedObject, key: &ChildKey, manner: Manner, ctx: &Context) -> Result<Child, Error> {
    send(object.manifest(), key, manner, ctx).await?.map_err(|refusal| refused(key, &refusal))
}

/// One apply. Of the reply only that is read, and asked for where that can be, which is kept of a child.
async fn send(
    manifest: &Value,
    key: &ChildKey,
    manner: Manner,
    ctx: &Context,
) -> Result<Result<Child, Refusal>, Unreachable> {
    let force = manner == Manner::Force;
    tracing::info!(namespace = key.namespace, kind = %key.kind, name = key.name, force, "Applying object");
    if key.kind.is_workload() {
        let reply = reply::<WorkloadView>(manifest, key, force, ctx).await?;
        return Ok(reply.map(|object| Child::of(&object.metadata, Some(Workload::of(&object)))));
    }
    let reply = reply::<MetadataView>(manifest, key, force, ctx).await?;
    Ok(reply.map(|object| Child::of(&object.metadata, None)))
}

async fn reply<K>(
    manifest: &Value,
    key: &ChildKey,
    force: bool,
    ctx: &Context,
) -> Result<Result<K, Refusal>, Unreachable>
where
    K: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced_with(ctx.client.clone(), &key.namespace, &key.kind.resource());
    let params = PatchParams { force, ..PatchParams::apply(api::FIELD_MANAGER) };
    ctx.write("apply", key.kind.as_str(), api.patch(&key.name, &params, &Patch::Apply(manifest))).await
}

/// What a refusal of an apply means: it is about the object, or about the API server.
fn refused(key: &ChildKey, refusal: &Refusal) -> Error {
    let message = match refusal.code {
        CONFLICT if is_of_managers(refusal) => conflict(&refusal.message),
        400 | 413 | 422 => refusal.message.clone(),
        _ if refusal.message.starts_with(UNTYPED) => refusal.message.clone(),
        _ => return Unreachable::refused(&format!("apply {}", key.kind), refusal).into(),
    };
    Error::Child {
        kind: key.kind.clone(),
        message: format!("{} {}: {message}", key.kind, key.name),
        refused: refusal.code == CONFLICT,
        objects: Vec::new(),
        warnings: Vec::new(),
    }
}

const CONFLICT: u16 = 409;
/// How the API server refuses lists in which two entries have the same key. It calls that a fault of its own (500).
const UNTYPED: &str = "failed to create typed patch object";

/// Whether others own what we would set; any other conflict passes by itself.
fn is_of_managers(refusal: &Refusal) -> bool {
    let mut causes = refusal.details.iter().flat_map(|details| &details.causes);
    causes.any(|cause| cause.reason == "FieldManagerConflict")
}

/// The API server's list of field managers, without its advice on forcing.
fn conflict(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    format!("other field managers own fields that the server's rendering sets, and they were left alone: {first}")
}

/// Deletes what was applied before, or carries our owner reference, and is no longer wanted. What outlives its server stays.
async fn prune(
    identity: &Identity,
    wanted: &[ObjectStatus],
    recorded: &[ObjectStatus],
    ctx: &Context,
) -> Result<(), Error> {
    let is_wanted = |kind: &Kind, name: &str| wanted.iter().any(|record| is_record_of(record, kind, name));
    let uid = identity.uid.as_deref().unwrap_or_default();
    let key = |record: &ObjectStatus| ChildKey {
        kind: Kind::named(&record.api_version, &record.kind),
        namespace: identity.namespace.clone(),
        name: record.name.clone(),
    };
    let mut candidates: Vec<_> = recorded.iter().map(key).collect();
    candidates.extend(ctx.cache.children.controlled_by(uid));
    candidates.sort();
    candidates.dedup();
    for key in candidates.into_iter().filter(|key| !is_wanted(&key.kind, &key.name) && !key.kind.outlives()) {
        let child = match ctx.cache.children.get(&key) {
            // No plugin is granted this kind any more, so nobody watches it.
            None if !ctx.cache.children.are_watched(&key.kind) => {
                live(&key, ctx).await?.map(|metadata| Arc::new(Child::of(&metadata, None)))
            }
            child => child,
        };
        if let Some(child) = child.filter(|child| is_ours(&key.kind, child, identity)) {
            delete(&key, &child, ctx).await?;
        }
    }
    Ok(())
}

async fn delete(key: &ChildKey, child: &Child, ctx: &Context) -> Result<(), Error> {
    let api: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), &key.namespace, &key.kind.resource());
    let preconditions = Preconditions { uid: Some(child.uid.clone()), resource_version: None };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
    tracing::info!(namespace = key.namespace, kind = %key.kind, name = key.name, "Deleting object no longer rendered");
    match ctx.write("delete", key.kind.as_str(), api.delete(&key.name, &params)).await? {
        Ok(_) => {}
        // Gone already, or a namesake that is not the one we know: nothing of ours is left.
        Err(refusal) if matches!(refusal.code, 404 | 409) => {}
        Err(refusal) => return Err(Unreachable::refused(&format!("delete {}", key.kind), &refusal).into()),
    }
    ctx.cache.children.forget(key, &child.uid);
    Ok(())
}

/// Metadata of the object as the API server has it now.
async fn live(key: &ChildKey, ctx: &Context) -> Result<Option<ObjectMeta>, Error> {
    let api: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), &key.namespace, &key.kind.resource());
    let what = format!("get {}", key.kind);
    let found: Result<Option<PartialObjectMeta<DynamicObject>>, _> =
        call(&what, api.get_metadata_opt(&key.name)).await?;
    Ok(found.map_err(|refusal| Unreachable::refused(&what, &refusal))?.map(|object| object.metadata))
}
