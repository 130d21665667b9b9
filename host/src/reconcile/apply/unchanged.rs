//! Most reconciles follow a change of pods or of our own objects' status: rendering is a pure function of its inputs, so where
//! those are the same, what was applied is what would be applied.

use sha2::{Digest, Sha256};

use super::{Applied, Context, Identity, Inputs, MCPServer, is_ours, is_record_of, record, with_inputs};
use crate::api::status::ObjectStatus;
use crate::cache::applied::Fingerprint;
use crate::cache::children::ChildKey;
use crate::reconcile::Kind;

/// What was applied, when it was made from these very inputs and nobody touched it since.
pub(in crate::reconcile) fn unchanged(server: &MCPServer, inputs: &Inputs, ctx: &Context) -> Option<Applied> {
    let (identity, record) = (inputs.identity(), record(server)?);
    let uid = identity.uid.as_deref()?;
    let same = ctx.cache.applied_from.is(uid, &fingerprint(inputs, &record.objects))
        && record.objects.iter().all(|object| is_in_line(identity, object, ctx))
        && ctx.cache.children.controlled_by(uid).iter().all(|key| is_among(&record.objects, key));
    same.then(|| Applied {
        render: with_inputs(record.clone(), inputs.resolved()),
        warnings: Vec::new(),
        setbacks: Vec::new(),
    })
}

/// Remembers what was applied, unless there is more to say of it than that.
pub(in crate::reconcile) fn remember(inputs: &Inputs, applied: &Applied, ctx: &Context) {
    let Some(uid) = inputs.identity().uid.as_deref() else { return };
    if applied.warnings.is_empty() && applied.setbacks.is_empty() {
        ctx.cache.applied_from.remember(uid, fingerprint(inputs, &applied.render.objects));
    } else {
        ctx.cache.applied_from.forget(uid);
    }
}

fn fingerprint(inputs: &Inputs, objects: &[ObjectStatus]) -> Fingerprint {
    let mut hasher = Sha256::new();
    let objects = objects.iter().map(|object| format!("{object:?}"));
    for part in inputs.parts().into_iter().chain(objects) {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The fields that we own are those that our last apply left, and there is nothing to take over.
fn is_in_line(identity: &Identity, object: &ObjectStatus, ctx: &Context) -> bool {
    let kind = Kind::named(&object.api_version, &object.kind);
    let key = ChildKey { kind, namespace: identity.namespace.clone(), name: object.name.clone() };
    ctx.cache.children.get(&key).is_some_and(|child| {
        let untouched = child.fields.is_some() && child.fields == object.fields;
        untouched && child.previous.is_none() && is_ours(&key.kind, &child, identity)
    })
}

fn is_among(objects: &[ObjectStatus], key: &ChildKey) -> bool {
    key.kind.outlives() || objects.iter().any(|object| is_record_of(object, &key.kind, &key.name))
}
