//! What came of a rendering, small enough to be compared: digests, or why there are no objects. Pure.

use serde::{Deserialize, Serialize};

use crate::reconcile::Error;
use crate::reconcile::vet::{Vetted, VettedObject};
use crate::sandbox::{Diagnostic, Severity};

/// What came of a rendering.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "result", rename_all = "camelCase", deny_unknown_fields)]
pub enum Outcome {
    /// Objects that may be applied.
    Rendered {
        /// The objects, in the order in which they are applied.
        objects: Vec<ObjectDigest>,
        /// What the plugins found besides, one line each.
        diagnostics: Vec<String>,
    },
    /// A plugin failed or refused the server, or what it returned may not be applied.
    Failed {
        /// Which plugin.
        #[serde(skip_serializing_if = "Option::is_none")]
        plugin: Option<String>,
        /// The reason in the condition `Rendered`.
        reason: String,
        /// The class of the failure, more exactly than its reason.
        class: String,
        /// What is wrong and what to do.
        message: String,
    },
}

/// One object by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectDigest {
    /// Its apiVersion.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub slot: String,
    /// SHA-256 of its canonical manifest, in hex.
    pub digest: String,
}

impl ObjectDigest {
    fn of(object: &VettedObject) -> Self {
        Self {
            api_version: object.kind().api_version().to_owned(),
            kind: object.kind().to_string(),
            name: object.name().to_owned(),
            slot: object.slot().to_owned(),
            digest: object.digest().to_owned(),
        }
    }

    fn title(&self) -> String {
        format!("{} {} in slot {}", self.kind, self.name, self.slot)
    }

    fn is(&self, other: &Self) -> bool {
        (&self.api_version, &self.kind, &self.name) == (&other.api_version, &other.kind, &other.name)
    }
}

impl Outcome {
    /// Of a rendering that gave objects.
    pub(super) fn rendered(vetted: &Vetted) -> Self {
        let line = |(plugin, diagnostic): &(String, Diagnostic)| line(plugin, diagnostic);
        Self::Rendered {
            objects: vetted.objects().iter().map(ObjectDigest::of).collect(),
            diagnostics: vetted.diagnostics().iter().map(line).collect(),
        }
    }

    /// Of one that gave none.
    pub(super) fn failed(error: &Error) -> Self {
        let plugin = match error {
            Error::Render { plugin, .. } => Some(plugin.as_str()),
            Error::Rejected(rejection) => Some(rejection.plugin()),
            _ => None,
        };
        Self::Failed {
            plugin: plugin.map(str::to_owned),
            reason: error.reason().to_owned(),
            class: error.class().to_owned(),
            message: error.to_string(),
        }
    }

    /// How another outcome differs from this one, one line each; empty when it does not.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        match (self, now) {
            (then, now) if then == now => Vec::new(),
            (
                Self::Rendered { objects: then, diagnostics: said_then },
                Self::Rendered { objects: now, diagnostics: said_now },
            ) => {
                let mut differences = object_differences(then, now);
                differences.extend(missing(said_then, said_now).map(|line| format!("not said any more: {line}")));
                differences.extend(missing(said_now, said_then).map(|line| format!("said now: {line}")));
                if differences.is_empty() {
                    differences.push("objects or diagnostics came in another order".to_owned());
                }
                differences
            }
            (then, now) => vec![format!("recorded: {}", then.in_words()), format!("now:      {}", now.in_words())],
        }
    }

    /// In a line, or in the words of the failure.
    pub fn in_words(&self) -> String {
        match self {
            Self::Rendered { objects, .. } => format!("rendered; objects: {}", objects.len()),
            Self::Failed { reason, class, message, .. } if reason == class => format!("{reason}: {message}"),
            Self::Failed { reason, class, message, .. } => format!("{reason} ({class}): {message}"),
        }
    }
}

/// Which objects are other ones, came or went.
pub(crate) fn object_differences(then: &[ObjectDigest], now: &[ObjectDigest]) -> Vec<String> {
    let counterpart = |of: &ObjectDigest, among: &[ObjectDigest]| among.iter().find(|other| other.is(of)).cloned();
    let changed = now.iter().filter_map(|object| match counterpart(object, then) {
        None => Some(format!("{}: was not there; now {}", object.title(), object.digest)),
        Some(then) if then.digest != object.digest => {
            Some(format!("{}: was {}; now {}", object.title(), then.digest, object.digest))
        }
        Some(then) if then.slot != object.slot => Some(format!("{}: was in slot {}", object.title(), then.slot)),
        Some(_) => None,
    });
    let gone = then.iter().filter(|object| counterpart(object, now).is_none());
    changed.chain(gone.map(|object| format!("{}: was {}; now absent", object.title(), object.digest))).collect()
}

fn missing<'a>(from: &'a [String], in_these: &'a [String]) -> impl Iterator<Item = &'a String> {
    from.iter().filter(|line| !in_these.contains(line))
}

fn line(plugin: &str, Diagnostic { severity, code, message, path, slot }: &Diagnostic) -> String {
    let severity = match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let about: Vec<_> = [path, slot].into_iter().flatten().map(String::as_str).collect();
    let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
    format!("{severity}: plugin {plugin}: {code}: {message}{about}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, digest: &str) -> ObjectDigest {
        let [api_version, name, slot] = ["v1", "a", "service"].map(str::to_owned);
        ObjectDigest { api_version, kind: kind.to_owned(), name, slot, digest: digest.to_owned() }
    }

    fn rendered(objects: &[ObjectDigest], diagnostics: &[&str]) -> Outcome {
        let diagnostics = diagnostics.iter().map(|&line| line.to_owned()).collect();
        Outcome::Rendered { objects: objects.to_vec(), diagnostics }
    }

    #[test]
    fn every_difference_has_its_line() {
        let then = rendered(&[object("A", "1"), object("B", "2"), object("C", "3")], &["old", "both"]);
        let now = rendered(&[object("A", "1"), object("B", "9"), object("D", "4")], &["both", "new"]);
        let expected = [
            "B a in slot service: was 2; now 9",
            "D a in slot service: was not there; now 4",
            "C a in slot service: was 3; now absent",
            "not said any more: old",
            "said now: new",
        ];
        assert_eq!(then.differences(&now), expected);
        assert_eq!(then.differences(&then), Vec::<String>::new());
        let turned = rendered(&[object("B", "2"), object("A", "1"), object("C", "3")], &["old", "both"]);
        assert_eq!(then.differences(&turned).len(), 1);
    }

    #[test]
    fn another_failure_is_told_beside_the_recorded_one() {
        let failed = |message: &str| Outcome::Failed {
            plugin: None,
            reason: "RenderFailed".to_owned(),
            class: "Trap".to_owned(),
            message: message.to_owned(),
        };
        let told = failed("one").differences(&rendered(&[object("A", "1")], &[]));
        assert_eq!(told, ["recorded: RenderFailed (Trap): one", "now:      rendered; objects: 1"]);
        assert_eq!(failed("one").differences(&failed("two")).len(), 2);
    }
}
