//! Diagnostics and refusals in one line each.

use crate::{Diagnostic, Failure, Severity};

impl Diagnostic {
    /// The reason of a refusal: return it as an error, with `?` or `into()`.
    ///
    /// `code` is a short `PascalCase` word to search for, `message` one or two sentences on what is wrong and what to do.
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code: code.to_owned(), message: message.into(), path: None, slot: None }
    }

    /// Something that the server's author should look at: push it to [`Rendering::diagnostics`](crate::Rendering).
    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Something worth knowing.
    pub fn info(code: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Info, ..Self::error(code, message) }
    }

    /// About this field of the MCPServer, such as `spec.config.port`.
    #[must_use]
    pub fn at(self, path: impl Into<String>) -> Self {
        Self { path: Some(path.into()), ..self }
    }

    /// About the object in this slot.
    #[must_use]
    pub fn in_slot(self, slot: impl Into<String>) -> Self {
        Self { slot: Some(slot.into()), ..self }
    }
}

impl From<Diagnostic> for Failure {
    fn from(reason: Diagnostic) -> Self {
        Self::Invalid(vec![Diagnostic { severity: Severity::Error, ..reason }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_an_error_with_a_path() {
        let refuse = || -> Result<(), Failure> {
            Err(Diagnostic::error("OwnerMissing", "Set the label `owner`.").at("metadata.labels"))?
        };
        let Err(Failure::Invalid(reasons)) = refuse() else { panic!("no refusal") };
        assert_eq!((reasons[0].severity, reasons[0].path.as_deref()), (Severity::Error, Some("metadata.labels")));
    }
}
