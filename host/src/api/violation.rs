//! One broken rule of an `MCPServer`: where, and what to do about it. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Violation {
    /// The field, written as Kubernetes writes it: `spec.config.storage[2].path`, `spec.extraLabels[example.com/team]`.
    /// Empty when the whole document is meant.
    pub path: String,
    /// What is wrong and what would be right, without the path and without a full stop.
    pub message: String,
}

impl Violation {
    /// A violation of the rule that `message` states, at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Violation {
    /// `path: message`, or the message alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

/// The path of a field or map entry below `parent`: after a dot, or in brackets when the name itself has dots or slashes.
pub(crate) fn below(parent: &str, name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    match (parent.is_empty(), plain) {
        (true, _) => name.to_owned(),
        (false, true) => format!("{parent}.{name}"),
        (false, false) => format!("{parent}[{name}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_kubernetes_writes_them() {
        assert_eq!(below("", "spec"), "spec");
        assert_eq!(below("spec", "config"), "spec.config");
        assert_eq!(below("spec.extraLabels", "example.com/team"), "spec.extraLabels[example.com/team]");
    }
}
