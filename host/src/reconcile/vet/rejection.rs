//! Why an object may not be applied: by which plugin, in which object, at which field.

use std::fmt;

use serde_json::Value;

/// What a plugin returned and may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejection {
    plugin: String,
    slot: Option<String>,
    object: Option<String>,
    path: Option<String>,
    problem: String,
}

impl Rejection {
    /// About one field of an object, such as `spec.template.spec.hostNetwork`.
    pub fn field(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: Some(path.into()), problem: problem.into(), ..Self::default() }
    }

    /// About the answer as a whole.
    pub fn whole(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), ..Self::default() }
    }

    /// Names the object. Only words that are plain text are taken from it: it is not to be trusted.
    #[must_use]
    pub fn in_object(self, slot: &str, object: &Value) -> Self {
        let word = |value: &Value| value.as_str().unwrap_or("?").chars().take(63).collect::<String>();
        let object = format!("{} {}", word(&object["kind"]), word(&object["metadata"]["name"]));
        Self { slot: Some(slot.to_owned()), object: Some(object), ..self }
    }

    /// Names the plugin that is to blame.
    #[must_use]
    pub fn by(self, plugin: &str) -> Self {
        Self { plugin: plugin.to_owned(), ..self }
    }

    /// The plugin that is to blame.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// The field, when it is about one.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

impl std::error::Error for Rejection {}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin {}", self.plugin)?;
        if let (Some(slot), Some(object)) = (&self.slot, &self.object) {
            write!(f, ", slot {slot} ({object})")?;
        }
        if let Some(path) = &self.path {
            write!(f, ", {path}")?;
        }
        write!(f, ": {}", self.problem)
    }
}
