//! The full grammar of an image reference, with a message for the part that is wrong. Pure.
//!
//! Grammar: OCI distribution specification ("Pulling manifests") for repository, tag and digest; the domain is a host
//! name with an optional port, as in every container tool.

use super::Violation;

const PATH: &str = "spec.source.containerImage.ref";
/// Tags end at 127 characters here, one before the specification's limit, as in the API's earlier operator.
const TAG_MAX: usize = 127;
const DIGEST_HEX_MIN: usize = 32;

/// The first thing that is wrong with an image reference.
pub(super) fn violation(reference: &str) -> Option<Violation> {
    problem(reference).map(|message| Violation::new(PATH, format!("{message}; is \"{reference}\"")))
}

/// The first thing that is wrong with a reference, to be read after its name.
pub(crate) fn problem(reference: &str) -> Option<String> {
    let (named, digest) = match reference.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (reference, None),
    };
    let Some((domain, rest)) = named.split_once('/') else {
        return Some("must begin with a registry domain and a slash, such as ghcr.io/example/server:1.0".to_owned());
    };
    let (repository, tag) = match rest.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (rest, None),
    };
    if !is_domain(domain) {
        return Some(format!("must begin with a registry domain and an optional port; \"{domain}\" is none"));
    }
    if !repository.split('/').all(is_component) {
        return Some(format!(
            "must have a repository of lower-case letters and digits, separated by '.', '_', '__', '-' or '/'; \"{repository}\" is none"
        ));
    }
    match (tag, digest) {
        (None, None) => Some("must end in a tag or a digest, so that it is clear what runs".to_owned()),
        (Some(tag), _) if !is_tag(tag) => {
            Some(format!("must have a tag of at most {TAG_MAX} letters, digits, '_', '.' or '-'; \"{tag}\" is none"))
        }
        (_, Some(digest)) if !is_digest(digest) => Some(format!(
            "must have a digest such as sha256: and at least {DIGEST_HEX_MIN} hex digits; \"{digest}\" is none"
        )),
        _ => None,
    }
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = domain.split_once(':').map_or((domain, None), |(host, port)| (host, Some(port)));
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    let number = |port: &str| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    host.split('.').all(label) && port.is_none_or(number)
}

/// Runs of lower-case letters and digits, with one separator between each two.
fn is_component(component: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separator = |s: &str| matches!(s, "" | "." | "_" | "__") || s.chars().all(|c| c == '-');
    component.starts_with(letter) && component.ends_with(letter) && component.split(letter).all(separator)
}

fn is_tag(tag: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= TAG_MAX && tag.starts_with(word) && tag.chars().all(|c| word(c) || c == '.' || c == '-')
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic()) && part.chars().all(|c| c.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(part)
        && hex.len() >= DIGEST_HEX_MIN
        && hex.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_that_name_a_domain_and_a_version_are_accepted() {
        let digest = format!("ghcr.io/example/server@sha256:{}", "0a".repeat(32));
        let both = format!("ghcr.io/example/server:1.0@sha256:{}", "0a".repeat(32));
        let long = format!("ghcr.io/a:{}", "t".repeat(127));
        let good = [
            "ghcr.io/example/weather-mcp:1.4.2",
            "localhost/mcp-everything:1",
            "registry.example.com:5000/team_a/sub.path/x__y/z---1:latest",
            "10.0.0.1:5000/a:_x",
            "EXAMPLE.com/a:V1",
            &digest,
            &both,
            &long,
        ];
        for reference in good {
            assert_eq!(violation(reference), None, "{reference}");
        }
    }

    #[test]
    fn message_names_the_part_that_is_wrong() {
        let long = format!("ghcr.io/a:{}", "t".repeat(128));
        let bad = [
            ("nginx:1", "domain and a slash"),
            ("-x.io/a:1", "\"-x.io\" is none"),
            ("ghcr.io:/a:1", "optional port"),
            ("https://ghcr.io/a:1", "optional port"),
            ("ghcr.io/Team/a:1", "lower-case"),
            ("ghcr.io/a//b:1", "lower-case"),
            ("ghcr.io/a..b:1", "lower-case"),
            ("ghcr.io/a-:1", "lower-case"),
            ("ghcr.io/:1", "lower-case"),
            ("ghcr.io/a", "tag or a digest"),
            ("ghcr.io/a:", "must have a tag"),
            ("ghcr.io/a:-x", "must have a tag"),
            ("ghcr.io/a:1:2", "must have a tag"),
            ("ghcr.io/a@sha256:abc", "digest"),
            ("ghcr.io/a:1@sha256:abc", "digest"),
            ("ghcr.io/a@", "digest"),
            (&long, "must have a tag"),
        ];
        for (reference, fragment) in bad {
            let message = problem(reference).unwrap_or_default();
            assert!(message.contains(fragment), "{reference}: {message}");
        }
    }
}
