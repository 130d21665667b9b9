//! The examples as if they had been read from files, so that a plugin can be checked anywhere.

use super::finding::Findings;
use super::manifests::{self, Manifests};
use crate::examples::FILES;

/// The examples' servers, and what they refer to.
pub(super) fn manifests() -> Manifests {
    let mut findings = Findings::default();
    let mut all = Manifests::default();
    for (name, text) in FILES {
        manifests::parse(name, text, "default", &mut all, &mut findings);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_has_a_server() {
        assert!(manifests().servers.len() >= FILES.len());
    }
}
