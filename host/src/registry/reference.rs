//! The name of an artifact in a registry. Pure.

use std::fmt;
use std::str::FromStr;

use crate::api::validate::image;
use crate::sandbox::Digest;

/// Registry, repository, and a tag or the digest of a manifest: `ghcr.io/team/policy:1.2`. The same grammar as for
/// container images, with the registry always written out. With a tag and a digest, the digest decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// A text that names no artifact.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no reference of an OCI artifact: it {problem}")]
pub struct ReferenceError {
    text: String,
    problem: String,
}

impl Reference {
    /// The registry's name, with its port if it has one.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Where in the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The digest of the manifest, if it is pinned.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The same repository at this manifest.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// Where the registry's API is. Docker's own registry answers under another name than its artifacts have.
    pub(super) fn host(&self) -> &str {
        if self.registry == "docker.io" { "registry-1.docker.io" } else { &self.registry }
    }

    /// What a pull asks for: the manifest's digest, or its tag.
    pub(super) fn wanted(&self) -> String {
        self.digest.map_or_else(|| self.tag(), |digest| digest.to_string())
    }

    /// What a push writes: the tag, or nothing but the digest.
    pub(super) fn target(&self) -> String {
        if self.tag.is_some() { self.tag() } else { self.wanted() }
    }

    fn tag(&self) -> String {
        self.tag.clone().unwrap_or_default()
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let refused = |problem: String| ReferenceError { text: text.to_owned(), problem };
        if let Some(problem) = image::problem(text) {
            return Err(refused(problem));
        }
        let (named, digest) = text.split_once('@').map_or((text, None), |(named, digest)| (named, Some(digest)));
        let digest = digest.map(Digest::from_str).transpose();
        let digest = digest.map_err(|error| refused(format!("must be pinned by SHA-256: {error}")))?;
        let (registry, rest) = named.split_once('/').unwrap_or(("", named));
        let (repository, tag) = rest.split_once(':').map_or((rest, None), |(repository, tag)| (repository, Some(tag)));
        let (registry, repository) = (registry.to_ascii_lowercase(), repository.to_owned());
        Ok(Self { registry, repository, tag: tag.map(str::to_owned), digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_reference_is_written_as_it_was_read() {
        let digest = Digest::of(b"");
        let [tag, pin] = ["localhost:5000/a/b:1.2".to_owned(), format!("ghcr.io/a@{digest}")];
        for text in [&tag, &pin, &format!("ghcr.io/a:1@{digest}")] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), *text);
        }
        let reference: Reference = tag.parse().unwrap();
        assert_eq!((reference.registry(), reference.repository()), ("localhost:5000", "a/b"));
        assert_eq!(reference.pinned(digest).to_string(), format!("localhost:5000/a/b@{digest}"));
    }

    #[test]
    fn a_pull_asks_for_the_digest_and_a_push_writes_the_tag() {
        let both: Reference = format!("ghcr.io/a:1@{}", Digest::of(b"")).parse().unwrap();
        assert_eq!((both.wanted(), both.target()), (Digest::of(b"").to_string(), "1".to_owned()));
    }

    #[test]
    fn other_texts_are_refused_with_the_part_that_is_wrong() {
        let sha512 = format!("ghcr.io/a@sha512:{}", "0".repeat(128));
        for (text, words) in
            [("policy:1", "domain and a slash"), ("ghcr.io/a", "tag or a digest"), (&sha512, "SHA-256")]
        {
            let message = text.parse::<Reference>().unwrap_err().to_string();
            assert!(message.contains(words) && message.contains(text), "{message}");
        }
    }
}
