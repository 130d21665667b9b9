//! Fields that change no object, and why that is right. Pure.

/// A field, with everything below it, that needs to change no object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemption {
    /// Such as `spec.gateway`.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// What holds for every plugin: fields for the operator instead of the objects, and fields that cannot change alone.
const BUILT_IN: &[(&str, &str)] = &[
    ("spec.config.path", "the operator's: a part of the URL at which it reaches the server"),
    ("spec.transport.tls", "the operator's: how it reaches the server, and what the URL begins with"),
    ("spec.gateway", "nobody's yet: accepted for compatibility"),
    ("spec.source.type", "it has one value"),
    ("spec.config.storage[].source.type", "it changes only with the field that it names"),
];

impl Exemption {
    /// Whether it is about the field with this path.
    pub fn covers(&self, path: &str) -> bool {
        is_at_or_below(&self.path, path)
    }
}

/// Why the field with this path is exempt for every plugin, if it is.
pub(super) fn built_in(path: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(exempt, _)| is_at_or_below(exempt, path)).map(|(_, reason)| *reason)
}

fn is_at_or_below(above: &str, path: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl std::str::FromStr for Exemption {
    type Err = String;

    /// `PATH=REASON`
    fn from_str(word: &str) -> Result<Self, String> {
        match word.split_once('=').map(|(path, reason)| (path.trim(), reason.trim())) {
            Some((path, reason)) if !path.is_empty() && !reason.is_empty() => {
                Ok(Self { path: path.to_owned(), reason: reason.to_owned() })
            }
            _ => Err("write PATH=REASON, such as spec.runtime.replicas='an autoscaler owns it'".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_exemption_is_about_its_field_and_those_below_it() {
        let exemption: Exemption = "spec.config.env = set by the platform".parse().unwrap();
        for path in ["spec.config.env", "spec.config.env[].name", "spec.config.env[].valueFrom.fieldRef.fieldPath"] {
            assert!(exemption.covers(path), "{path}");
        }
        for path in ["spec.config.envFrom[].prefix", "spec.config", "spec.config.port"] {
            assert!(!exemption.covers(path), "{path}");
        }
    }

    #[test]
    fn an_exemption_without_a_reason_is_refused() {
        for word in ["spec.config.env", "spec.config.env=", "=because"] {
            assert!(word.parse::<Exemption>().unwrap_err().contains("PATH=REASON"), "{word}");
        }
    }
}
