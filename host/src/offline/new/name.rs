//! The name of a new plugin: what `describe` may say, and what names a package in every language. Pure.

use std::fmt;
use std::str::FromStr;

/// The name of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// What names a plugin or a package already: the operator's own, words and crates of Rust, and folders of the projects.
const TAKEN: [&str; 17] = [
    "default",
    "render",
    "priority",
    "plugin",
    "mcp-render-plugin",
    "serde",
    "core",
    "std",
    "alloc",
    "test",
    "proc-macro",
    "self",
    "super",
    "crate",
    "wit",
    "cases",
    "node-modules",
];

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let label =
            text.bytes().all(inner) && text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
        if !label || text.len() > 63 {
            return Err(
                "write up to 63 of a-z, 0-9 and inner `-`, beginning with a letter, such as team-labels".to_owned()
            );
        }
        if TAKEN.contains(&text) {
            return Err(
                "a part of every project, or the operator's own plugin, has this name already; say what the policy does, such as team-labels"
                    .to_owned(),
            );
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels_that_begin_with_a_letter_and_name_nothing_else() {
        for text in ["a", "team-labels", "spread2", &"a".repeat(63)] {
            assert_eq!(text.parse::<Name>().map(|name| name.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "-a", "a-", "2nd", "Team", "a_b", "a.b", "a/b", "ä", &"a".repeat(64)] {
            assert!(text.parse::<Name>().unwrap_err().contains("beginning with a letter"), "{text}");
        }
        for text in TAKEN {
            assert!(text.parse::<Name>().unwrap_err().contains("has this name already"), "{text}");
        }
    }
}
