//! Which servers a RenderPlugin selects. Pure.

use std::collections::BTreeSet;

use kube::core::{Selector, SelectorExt};

use crate::api::render_plugin::Match;
use crate::cache::servers::Labels;

/// A [`Match`], ready to be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    namespaces: BTreeSet<String>,
    namespace_labels: Option<Selector>,
    server_labels: Option<Selector>,
    nobody: bool,
}

impl Selection {
    /// What a plugin's `match` means. A selector that [`problem`] refuses selects nobody.
    pub fn of(matches: Option<&Match>) -> Self {
        let Match { namespaces, namespace_selector, server_selector } = matches.cloned().unwrap_or_default();
        let parsed = (namespace_selector.map(Selector::try_from), server_selector.map(Selector::try_from));
        let (namespace_labels, server_labels) = match parsed {
            (Some(Err(_)), _) | (_, Some(Err(_))) => return Self { nobody: true, ..Self::default() },
            (namespace, server) => (namespace.and_then(Result::ok), server.and_then(Result::ok)),
        };
        Self { namespaces: namespaces.into_iter().collect(), namespace_labels, server_labels, nobody: false }
    }

    /// Whether such a server is selected.
    pub fn selects(&self, namespace: &str, namespace_labels: &Labels, labels: &Labels) -> bool {
        let holds = |selector: &Option<Selector>, labels| selector.as_ref().is_none_or(|s| s.matches(labels));
        !self.nobody
            && (self.namespaces.is_empty() || self.namespaces.contains(namespace))
            && holds(&self.namespace_labels, namespace_labels)
            && holds(&self.server_labels, labels)
    }

    /// Whether labels of namespaces matter.
    pub fn looks_at_namespaces(&self) -> bool {
        self.namespace_labels.is_some()
    }
}

/// What is wrong with a plugin's selectors: the field and what to do.
pub fn problem(matches: Option<&Match>) -> Option<String> {
    let matches = matches?;
    let fields = [("namespaceSelector", &matches.namespace_selector), ("serverSelector", &matches.server_selector)];
    fields.into_iter().find_map(|(field, selector)| {
        let error = Selector::try_from(selector.clone().unwrap_or_default()).err()?;
        Some(format!("spec.match.{field}: {error}"))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;

    fn labels(text: &str) -> Labels {
        text.split_terminator(',')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(k, v)| (k.into(), v.into()))
            .collect()
    }

    fn selects(matches: Value) -> bool {
        let matches: Match = serde_json::from_value(matches).unwrap();
        Selection::of(Some(&matches)).selects("team-a", &labels("tier=prod"), &labels("app=x,gpu=yes"))
    }

    #[test]
    fn every_given_part_has_to_select() {
        assert!(selects(json!({})));
        assert!(selects(json!({"namespaces": ["team-b", "team-a"]})));
        assert!(!selects(json!({"namespaces": ["team-b"]})));
        assert!(selects(json!({"namespaceSelector": {"matchLabels": {"tier": "prod"}}})));
        let exists = json!({"matchExpressions": [{"key": "gpu", "operator": "Exists"}]});
        assert!(selects(json!({"serverSelector": exists})));
        assert!(!selects(json!({"namespaces": ["team-b"], "serverSelector": exists})));
        assert!(!selects(json!({"serverSelector": {"matchLabels": {"gpu": "no"}}})));
    }

    #[test]
    fn a_selector_with_an_unknown_operator_selects_nobody_and_is_named() {
        let odd = json!({"serverSelector": {"matchExpressions": [{"key": "gpu", "operator": "Near"}]}});
        assert!(!selects(odd.clone()));
        let problem = problem(Some(&serde_json::from_value(odd).unwrap())).unwrap();
        assert!(problem.starts_with("spec.match.serverSelector: "), "{problem}");
    }
}
