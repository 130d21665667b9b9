//! Step 3, vet: the only way from [`Rendered`] to [`Vetted`]. Pure, and the wall between plugins and the cluster.
//!
//! A whitelist by construction: an object passes when its kind may be emitted, its metadata holds nothing but name,
//! labels and annotations, every one of its fields survives a round trip through the Kubernetes type, and it gives the
//! pods no right that neither the user's own spec nor the restricted profile nor a grant gives. Every stage of a chain is
//! judged, not only the last: what it adds or changes by its own grants, what it hands on by those of the stages before it
//! as well. What is applied is our own serialisation, with owner, namespace and labels stamped by us.

mod kinds;
mod metadata;
mod network;
mod others;
mod permit;
mod pods;
mod rejection;
mod schema;
mod security;
mod shape;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

pub use self::kinds::Kind;
use self::permit::Permit;
pub use self::rejection::Rejection;
pub use self::shape::{NETWORK_POLICY, SERVICE, WORKLOAD};
use super::Identity;
use super::gather::Inputs;
use super::render::{Rendered, StageOutput, Untrusted};
use crate::api::render_plugin::Grants;
use crate::sandbox::{Diagnostic, ObjectKind};
use crate::{api, canonical};

/// How large all objects of a server may be together, as canonical JSON, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// One object that may be applied.
#[derive(Clone, Debug, PartialEq)]
pub struct VettedObject {
    slot: String,
    kind: Kind,
    name: String,
    manifest: Value,
    digest: String,
}

impl VettedObject {
    /// What the object is for.
    pub fn slot(&self) -> &str {
        &self.slot
    }

    /// Its kind.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole object as it is applied: canonical, with namespace, labels and owner.
    pub fn manifest(&self) -> &Value {
        &self.manifest
    }

    /// SHA-256 of the canonical manifest, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// A plugin and the digest of its component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// The stage's name in the chain.
    pub name: String,
    /// `sha256:<hex>`.
    pub digest: String,
}

/// What may be applied for one server, in the order in which it has to be applied.
#[derive(Clone, Debug)]
pub struct Vetted {
    objects: Vec<VettedObject>,
    chain: Vec<ChainLink>,
    diagnostics: Vec<(String, Diagnostic)>,
}

impl Vetted {
    /// The objects: first what protects, then what the pods need, last the workload.
    pub fn objects(&self) -> &[VettedObject] {
        &self.objects
    }

    /// Which plugins made them.
    pub fn chain(&self) -> &[ChainLink] {
        &self.chain
    }

    /// What the plugins found, each with the plugin's name.
    pub fn diagnostics(&self) -> &[(String, Diagnostic)] {
        &self.diagnostics
    }
}

/// Judges every stage of a rendering.
pub fn vet(inputs: &Inputs, rendered: Rendered) -> Result<Vetted, Rejection> {
    let (mut base, mut objects) = (Vec::new(), Vec::new());
    let (mut chain, mut diagnostics) = (Vec::new(), Vec::new());
    let mut granted = Grants::default();
    for output in rendered.into_stages() {
        let StageOutput { stage, digest, emits, grants, objects: untrusted, diagnostics: found, log: _, usage: _ } =
            output;
        granted = granted.union(&grants);
        objects = declared(&emits, &grants, &untrusted, &base)
            .and_then(|()| stage_objects(&Permit::new(inputs, &granted, &grants, &base, &untrusted), &untrusted))
            .map_err(|rejection| rejection.by(&stage))?;
        diagnostics.extend(found.into_iter().map(|diagnostic| (stage.clone(), diagnostic)));
        chain.push(ChainLink { name: stage, digest });
        base = untrusted;
    }
    objects.sort_by(|one, other| one.kind.cmp(&other.kind));
    Ok(Vetted { objects, chain, diagnostics })
}

/// A stage adds or changes only kinds that it declared and was granted; the objects of other kinds it hands on as they came.
fn declared(
    emits: &[ObjectKind],
    grants: &Grants,
    untrusted: &[Untrusted],
    base: &[Untrusted],
) -> Result<(), Rejection> {
    let as_it_came = |o: &Untrusted| {
        let canonical = canonical::value(&o.object);
        base.iter().any(|before| before.slot == o.slot && canonical::value(&before.object) == canonical)
    };
    let declares = |object: &Value| {
        emits
            .iter()
            .any(|kind| object["apiVersion"] == kind.api_version.as_str() && object["kind"] == kind.kind.as_str())
    };
    for o @ Untrusted { slot, object } in untrusted {
        let verdict = match Kind::of(object, grants) {
            Ok(_) if declares(object) => continue,
            Ok(_) => Rejection::field("kind", "is not among the kinds that the plugin declares to emit"),
            Err(rejection) => rejection,
        };
        if !as_it_came(o) {
            return Err(verdict.in_object(slot, object));
        }
    }
    Ok(())
}

fn stage_objects(permit: &Permit<'_>, untrusted: &[Untrusted]) -> Result<Vec<VettedObject>, Rejection> {
    let objects = untrusted.iter().map(|o| object(permit, o)).collect::<Result<Vec<_>, _>>()?;
    let (objects, sizes): (Vec<_>, Vec<usize>) = objects.into_iter().unzip();
    shape::check(permit, &objects)?;
    let bytes: usize = sizes.iter().sum();
    if bytes > MAX_BYTES {
        return Err(Rejection::whole(format!("all objects together are {bytes} bytes; {MAX_BYTES} are allowed")));
    }
    Ok(objects)
}

/// One object, and how many bytes its canonical text has.
fn object(permit: &Permit<'_>, untrusted: &Untrusted) -> Result<(VettedObject, usize), Rejection> {
    let at = |rejection: Rejection| rejection.in_object(&untrusted.slot, &untrusted.object);
    let identity = permit.inputs.identity();
    let kind = Kind::of(&untrusted.object, permit.grants).map_err(at)?;
    let name = metadata::check(identity, &untrusted.object).map_err(at)?;
    let mut manifest = schema::round_trip(&kind, &untrusted.object).map_err(at)?;
    match kind {
        Kind::Deployment => pods::check(permit, &untrusted.slot, &manifest),
        Kind::StatefulSet => {
            pods::check(permit, &untrusted.slot, &manifest).and_then(|()| others::check_stateful_set(&manifest))
        }
        Kind::Service => shape::check_service(permit.inputs, &untrusted.slot, &manifest),
        Kind::NetworkPolicy => network::check(permit, untrusted, &manifest),
        Kind::PersistentVolumeClaim => others::check_claim("spec", &manifest["spec"]),
        Kind::PodDisruptionBudget => others::check_disruption_budget(identity, &manifest),
        Kind::HorizontalPodAutoscaler => others::check_autoscaler(permit, &manifest),
        Kind::ServiceAccount => others::check_service_account(permit, &manifest),
        Kind::ConfigMap | Kind::Other(_) => Ok(()),
    }
    .map_err(at)?;
    stamp(identity, &kind, &mut manifest);
    let text = canonical::text_of(&manifest);
    let digest = canonical::digest_of(&text);
    Ok((VettedObject { slot: untrusted.slot.clone(), kind, name, manifest, digest }, text.len()))
}

/// Writes what only the host may say: namespace, owner and the labels by which children are found. What outlives the server
/// gets no owner, so that nothing collects it.
fn stamp(identity: &Identity, kind: &Kind, manifest: &mut Value) {
    let metadata = &mut manifest["metadata"];
    metadata["namespace"] = json!(identity.namespace);
    if let Some(owner) = identity.owner_reference().filter(|_| !kind.outlives()) {
        metadata["ownerReferences"] = json!([owner]);
    }
    metadata["labels"][api::APP_LABEL] = json!(api::APP_LABEL_VALUE);
    metadata["labels"][api::SERVER_LABEL] = json!(identity.name);
    if kind.is_workload() {
        stamp_service_account(&mut manifest["spec"]["template"]["spec"]);
    }
}

/// Says the old name of `serviceAccountName` as well. The API server fills it in, and where it is not ours it brings the
/// account back that a server does not name any more.
fn stamp_service_account(pod: &mut Value) {
    if let Some(account) = pod.get("serviceAccountName").cloned() {
        pod["serviceAccount"] = account;
    }
}
