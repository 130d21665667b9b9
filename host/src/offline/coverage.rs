//! Field coverage: whether each field of an MCPServer changes something in what a chain renders.
//!
//! The fields are the leaves of the CRD's own schema. For each, two servers are made that differ in that field alone and
//! break no rule, and both are rendered by the chain. Objects that stay the same say that a plugin dropped the field
//! silently, unless an exemption says why that is right.

mod exemptions;
pub(super) mod fields;
mod place;
mod values;

use serde::Serialize;
use serde_json::Value;

pub use self::exemptions::Exemption;
use self::fields::Field;
use super::each::{Progress, each};
use super::finding::{Findings, Severity};
use super::manifests::{Contents, ServerManifest};
use super::server;
use crate::api::crd;
use crate::reconcile::gather::Surroundings;

/// A field and what was found of it.
#[derive(Debug, Serialize)]
pub struct Covered {
    /// Such as `spec.config.env[].name`; `[*]` stands for the key of a map.
    pub path: String,
    /// What was found.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What became of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "why", rename_all = "camelCase")]
pub enum Verdict {
    /// Another value gives other objects, or is refused in words.
    Rendered,
    /// Another value changes nothing, and that is right.
    Exempt(String),
    /// Another value changes nothing.
    Dropped,
    /// The policy refuses every server that has the field.
    Refused(String),
    /// A plugin fails on a server that has the field.
    Fault(String),
    /// No two servers differ in this field alone.
    Unreachable,
}

impl Verdict {
    /// Whether the plugin's author has something to do.
    pub fn is_bad(&self) -> bool {
        matches!(self, Self::Dropped | Self::Fault(_) | Self::Unreachable)
    }
}

/// What a chain makes of one server.
enum Answer {
    Objects(Vec<Value>),
    Refused(String),
    Fault(String),
}

/// Judges every field, with servers made from those of `bases` that can be rendered; no field when none can.
pub(super) fn judge(
    surroundings: &Surroundings,
    bases: &[Value],
    exemptions: &[Exemption],
    progress: Progress<'_>,
) -> Vec<Covered> {
    let rendered = |base: &&Value| matches!(answer(surroundings, (*base).clone()), Some(Answer::Objects(_)));
    let bases: Vec<&Value> = bases.iter().filter(rendered).collect();
    if bases.is_empty() {
        return Vec::new();
    }
    let schema = crd::open_api_schema();
    let fields = fields::of(&schema);
    each(&fields, progress, |field| covered(surroundings, &bases, &schema, field, exemptions))
}

fn covered(
    surroundings: &Surroundings,
    bases: &[&Value],
    schema: &Value,
    field: &Field,
    exemptions: &[Exemption],
) -> Covered {
    let path = field.to_string();
    if let Some(reason) = exemptions::built_in(&path) {
        return Covered { path, verdict: Verdict::Exempt(reason.to_owned()) };
    }
    let verdict = match verdict(surroundings, bases, schema, field) {
        bad @ (Verdict::Dropped | Verdict::Unreachable) => {
            let exemption = exemptions.iter().find(|exemption| exemption.covers(&path));
            exemption.map_or(bad, |exemption| Verdict::Exempt(exemption.reason.clone()))
        }
        verdict => verdict,
    };
    Covered { path, verdict }
}

/// The best that can be said of a field: servers are tried until one shows a change.
fn verdict(surroundings: &Surroundings, bases: &[&Value], schema: &Value, field: &Field) -> Verdict {
    let mut verdict = Verdict::Unreachable;
    let [one, other] = values::two(field.name(), &field.schema);
    for variant in bases.iter().flat_map(|base| place::variants(base, schema, &field.path)) {
        let answer = |value| answer(surroundings, variant.with(value));
        let Some(answers) = answer(&one).and_then(|one| Some((one, answer(&other)?))) else { continue };
        match answers {
            (Answer::Fault(why), _) | (_, Answer::Fault(why)) => return Verdict::Fault(why),
            // The same server without the field is not refused.
            (Answer::Refused(why), Answer::Refused(_)) => return Verdict::Refused(why),
            (Answer::Objects(one), Answer::Objects(other)) if one == other => verdict = Verdict::Dropped,
            _ => return Verdict::Rendered,
        }
    }
    verdict
}

/// What the chain makes of it; nothing when the server breaks a rule, which is not the chain's. ConfigMaps and Secrets stay
/// unknown, so that no field changes the hash over their contents.
fn answer(surroundings: &Surroundings, manifest: Value) -> Option<Answer> {
    let mut findings = Findings::default();
    let rendered = server::render(&ServerManifest::of(manifest), &Contents::new(), surroundings, &mut findings);
    if let Some(rendered) = rendered {
        let manifests = rendered.vetted.objects().iter().map(|object| object.manifest().clone());
        return Some(Answer::Objects(manifests.collect()));
    }
    let worst = findings.iter().max_by_key(|finding| finding.severity).expect("what fails is told");
    match worst.severity {
        Severity::Fault => Some(Answer::Fault(worst.statement.to_string())),
        _ if worst.statement.plugin.is_some() => Some(Answer::Refused(worst.statement.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::offline::{examples, load_plugins};
    use crate::sandbox::Sandbox;

    /// So an exemption that is no longer true is found; where it is, the default plugin is asked for nothing.
    #[test]
    fn no_field_that_is_exempt_for_all_changes_what_the_default_plugin_renders() {
        let chain = load_plugins(&Sandbox::new(1).unwrap(), &[]).unwrap();
        let surroundings = Surroundings {
            cluster_domain: "cluster.local".to_owned(),
            kubernetes_version: None,
            verify_from: None,
            chain,
        };
        let examples = examples::manifests();
        let bases: Vec<_> = examples.servers.iter().map(|server| &server.manifest).collect();
        let schema = crd::open_api_schema();
        let fields = fields::of(&schema);
        let exempt: Vec<_> = fields.iter().filter(|field| exemptions::built_in(&field.to_string()).is_some()).collect();
        assert_eq!(exempt.len(), 8);
        for field in exempt {
            let verdict = verdict(&surroundings, &bases, &schema, field);
            assert!(matches!(verdict, Verdict::Dropped | Verdict::Unreachable), "{field}: {verdict:?}");
        }
    }
}
