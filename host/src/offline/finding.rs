//! What the offline tool has to say about its input: where, about whom, and how bad it is. Pure.

use std::fmt;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// The output may not be what the cluster will have.
    Warning,
    /// A server was refused or failed to render.
    Error,
    /// Some of the input could not be read at all.
    Unreadable,
}

/// Where a manifest stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file, as it was named or found.
    pub file: String,
    /// Its place among the file's documents, from 1; empty documents do not count.
    pub document: usize,
    /// Its first line in the file, from 1; in the message about a field, the field's line.
    pub line: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, document {} (line {})", self.file, self.document, self.line)
    }
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    severity: Severity,
    origin: Option<Origin>,
    message: String,
}

impl fmt::Display for Finding {
    /// `error: examples/x.yaml, document 2 (line 14): MCPServer default/x: spec.config.port: is required`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error | Severity::Unreadable => "error",
        };
        match &self.origin {
            Some(origin) => write!(f, "{severity}: {origin}: {}", self.message),
            None => write!(f, "{severity}: {}", self.message),
        }
    }
}

/// Everything there is to tell, in the order of the input.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a finding about a manifest.
    pub fn add(&mut self, severity: Severity, origin: &Origin, message: impl Into<String>) {
        self.0.push(Finding { severity, origin: Some(origin.clone()), message: message.into() });
    }

    /// Adds that something cannot be read, perhaps a document that was found.
    pub fn unreadable(&mut self, origin: Option<Origin>, message: impl Into<String>) {
        self.0.push(Finding { severity: Severity::Unreadable, origin, message: message.into() });
    }

    /// The findings.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }

    /// The worst of them.
    pub fn worst(&self) -> Option<Severity> {
        self.0.iter().map(|finding| finding.severity).max()
    }

    /// Whether something could not be rendered or read.
    pub fn has_errors(&self) -> bool {
        self.worst() >= Some(Severity::Error)
    }
}
