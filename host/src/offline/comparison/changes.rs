//! How two renderings of one server differ, and what that does to its pods. Pure.

use serde::Serialize;
use serde_json::Value;

use crate::offline::RenderedServer;
use crate::offline::differences;
use crate::offline::output::{self, Format};
use crate::reconcile::vet::{Kind, VettedObject};

/// What a change does to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Both chains render the same.
    NoChange,
    /// Only labels and annotations of objects change; pods stay.
    MetadataOnly,
    /// Objects come, go or change, but the pods stay.
    PodsStay,
    /// The Deployment's pod template changes, so that Kubernetes replaces the pods.
    RestartsPods,
    /// Only the new chain renders it.
    AcceptedNow,
    /// Only the old chain renders it.
    RefusedNow,
    /// Neither chain renders it.
    RefusedByBoth,
}

/// What happens to one object.
#[derive(Debug, Serialize)]
pub(super) struct ObjectChange {
    kind: String,
    name: String,
    change: Change,
    #[serde(serialize_with = "plain")]
    pub diff: String,
    #[serde(skip)]
    effect: Effect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Change {
    Added,
    Changed,
    Removed,
}

/// How deep a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    Metadata,
    Object,
    Pods,
}

impl Verdict {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoChange => "no change",
            Self::MetadataOnly => "metadata only",
            Self::PodsStay => "pods stay",
            Self::RestartsPods => "restarts pods",
            Self::AcceptedNow => "accepted now",
            Self::RefusedNow => "refused now",
            Self::RefusedByBoth => "refused by both",
        }
    }
}

impl ObjectChange {
    /// `Deployment weather`, with a sign when it comes or goes.
    pub(super) fn title(&self) -> String {
        let sign = match self.change {
            Change::Added => "+",
            Change::Changed => "",
            Change::Removed => "-",
        };
        format!("{sign}{} {}", self.kind, self.name)
    }
}

/// What changes from one rendering to the other.
pub(super) fn judge(old: Option<&RenderedServer>, new: Option<&RenderedServer>) -> (Verdict, Vec<ObjectChange>) {
    let (old, new) = match (old, new) {
        (None, None) => return (Verdict::RefusedByBoth, Vec::new()),
        (None, Some(_)) => return (Verdict::AcceptedNow, Vec::new()),
        (Some(_), None) => return (Verdict::RefusedNow, Vec::new()),
        (Some(old), Some(new)) => (old.vetted.objects(), new.vetted.objects()),
    };
    let changes = changes(old, new);
    let verdict = match changes.iter().map(|change| change.effect).max() {
        None => Verdict::NoChange,
        Some(Effect::Metadata) => Verdict::MetadataOnly,
        Some(Effect::Object) => Verdict::PodsStay,
        Some(Effect::Pods) => Verdict::RestartsPods,
    };
    (verdict, changes)
}

/// Objects are the same when kind and name are, as in the cluster.
fn changes(old: &[VettedObject], new: &[VettedObject]) -> Vec<ObjectChange> {
    let kept = new.iter().filter_map(|after| object_change(counterpart(after, old), Some(after)));
    let gone = old.iter().filter(|before| counterpart(before, new).is_none());
    let gone: Vec<_> = gone.filter_map(|before| object_change(Some(before), None)).collect();
    kept.chain(gone).collect()
}

fn counterpart<'a>(of: &VettedObject, among: &'a [VettedObject]) -> Option<&'a VettedObject> {
    among.iter().find(|other| (other.kind(), other.name()) == (of.kind(), of.name()))
}

fn object_change(old: Option<&VettedObject>, new: Option<&VettedObject>) -> Option<ObjectChange> {
    let one = new.or(old)?;
    let change = match (old, new) {
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
        (Some(old), Some(new)) if old.digest() != new.digest() => Change::Changed,
        _ => return None,
    };
    let yaml = |object: Option<&VettedObject>| object.map(|o| output::in_format(o.manifest(), Format::Yaml));
    let (before, after) = (yaml(old).unwrap_or_default(), yaml(new).unwrap_or_default());
    let (kind, name) = (one.kind().to_string(), one.name().to_owned());
    let place = format!("{}/{kind}/{name}", one.manifest()["metadata"]["namespace"].as_str().unwrap_or_default());
    let diff = differences::unified(&format!("old/{place}"), &format!("new/{place}"), &before, &after);
    Some(ObjectChange { kind, name, change, diff, effect: effect(one.kind(), old, new) })
}

fn effect(kind: &Kind, old: Option<&VettedObject>, new: Option<&VettedObject>) -> Effect {
    let [old, new] = [old, new].map(|object| object.map_or(&Value::Null, VettedObject::manifest));
    if kind.is_workload() && old["spec"]["template"] != new["spec"]["template"] {
        Effect::Pods
    } else if without_metadata(old).eq(without_metadata(new)) {
        Effect::Metadata
    } else {
        Effect::Object
    }
}

/// Everything that an object says besides: its kind, at least; so it is never like an object that is not there.
fn without_metadata(manifest: &Value) -> impl Iterator<Item = (&String, &Value)> {
    manifest.as_object().into_iter().flatten().filter(|(key, _)| *key != "metadata")
}

fn plain<S: serde::Serializer>(diff: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&differences::plain(diff))
}
