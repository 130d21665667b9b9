//! The server's name, and the extra labels and annotations. Pure.
//!
//! Syntax: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>; the
//! server's name is also a Service's name and a label's value, which allow less than an object's name.

use std::collections::BTreeMap;

use super::{MCPServer, Violation};
use crate::api::{ANNOTATION_PREFIX, APP_LABEL, SERVER_LABEL, violation::below};

const NAME_MAX: usize = 63;
const DOMAIN_MAX: usize = 253;

/// What is wrong with the name, the extra labels and the extra annotations.
pub(super) fn violations(server: &MCPServer) -> Vec<Violation> {
    let mut found: Vec<Violation> = name(server.metadata.name.as_deref().unwrap_or_default()).into_iter().collect();
    let spec = &server.spec;
    found.extend(keys("spec.extraAnnotations", &spec.extra_annotations, |key| key.starts_with(ANNOTATION_PREFIX)));
    let is_ours = |key: &str| key == APP_LABEL || key == SERVER_LABEL;
    found.extend(keys("spec.extraLabels", &spec.extra_labels, is_ours));
    for (key, value) in spec.extra_labels.iter().filter(|(key, value)| !is_ours(key) && !is_label_value(value)) {
        let message = format!(
            "must have at most {NAME_MAX} letters, digits, '-', '_' or '.', and begin and end with a letter or digit; is \"{value}\""
        );
        found.push(Violation::new(below("spec.extraLabels", key), message));
    }
    found
}

fn name(name: &str) -> Option<Violation> {
    let letter = |c: char| c.is_ascii_lowercase();
    let inner = |c: char| letter(c) || c.is_ascii_digit() || c == '-';
    let good = name.starts_with(letter) && name.chars().all(inner) && !name.ends_with('-') && name.len() <= NAME_MAX;
    (!good).then(|| {
        let message = format!(
            "must begin with a lower-case letter, go on with lower-case letters, digits or '-', end with a letter or digit, and have at most {NAME_MAX} characters, because the Service has the same name; is \"{name}\""
        );
        Violation::new("metadata.name", message)
    })
}

fn keys<'a>(
    field: &'a str,
    map: &'a BTreeMap<String, String>,
    is_ours: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = Violation> + 'a {
    map.keys().filter(move |key| !is_ours(key) && !is_qualified_name(key)).map(move |key| {
        let message = format!(
            "the key must be a name of at most {NAME_MAX} letters, digits, '-', '_' or '.', which begins and ends with a letter or digit, after an optional DNS domain and a slash"
        );
        Violation::new(below(field, key), message)
    })
}

fn is_qualified_name(key: &str) -> bool {
    match key.split_once('/') {
        Some((domain, name)) => is_domain(domain) && is_name(name),
        None => is_name(key),
    }
}

fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_name(value)
}

fn is_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let edge = |c: char| c.is_ascii_alphanumeric();
    name.len() <= NAME_MAX && name.chars().all(inner) && name.starts_with(edge) && name.ends_with(edge)
}

fn is_domain(domain: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label =
        |label: &str| label.chars().all(|c| edge(c) || c == '-') && label.starts_with(edge) && label.ends_with(edge);
    domain.len() <= DOMAIN_MAX && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(server: &MCPServer) -> Vec<String> {
        violations(server).into_iter().map(|violation| violation.path).collect()
    }

    fn named(name: &str) -> MCPServer {
        let mut server = MCPServer::default();
        server.metadata.name = Some(name.to_owned());
        server
    }

    #[test]
    fn names_are_what_a_service_may_be_called() {
        for good in ["a", "weather", "w3-mcp", &"a".repeat(63)] {
            assert_eq!(paths(&named(good)), Vec::<String>::new(), "{good}");
        }
        for bad in ["", "3d", "Weather", "weather-", "-weather", "weather.mcp", &"a".repeat(64)] {
            assert_eq!(paths(&named(bad)), ["metadata.name"], "{bad}");
        }
    }

    #[test]
    fn labels_that_kubernetes_would_refuse_are_refused_with_their_key() {
        let mut server = named("weather");
        server.spec.extra_labels = [("team", "a b"), ("example.com/tier", "front"), ("-x", "1"), ("Bad.com/x", "")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        assert_eq!(paths(&server), ["spec.extraLabels.-x", "spec.extraLabels[Bad.com/x]", "spec.extraLabels.team"]);
    }

    #[test]
    fn reserved_keys_are_ignored_whatever_they_hold() {
        let mut server = named("weather");
        server.spec.extra_labels = [("app".to_owned(), "not a label value!".to_owned())].into();
        server.spec.extra_annotations = [("mcp.x-k8s.io/-".to_owned(), String::new())].into();
        assert_eq!(paths(&server), Vec::<String>::new());
    }
}
