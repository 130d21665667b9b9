//! What the offline tool has to say about its input: where, about whom, and how bad it is. Pure.

use std::fmt;

use serde::Serialize;

use crate::api::Violation;
use crate::sandbox::{self, Severity as Weight};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// The output may not be what the cluster will have.
    Warning,
    /// A server was refused.
    Error,
    /// A plugin failed, or returned what may not be applied: whatever the server says, the plugin has to be mended.
    Fault,
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

/// What is said, apart from how bad it is and where it stands: the part that a test can expect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// The field that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The plugin that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// The plugin's word for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl Statement {
    /// A message without further facts.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// What `plugin` found.
    pub fn by(plugin: &str, diagnostic: &sandbox::Diagnostic) -> Self {
        let sandbox::Diagnostic { severity: _, code, message, path, slot: _ } = diagnostic.clone();
        Self { path, plugin: Some(plugin.to_owned()), code: Some(code), message }
    }
}

impl From<&Violation> for Statement {
    fn from(Violation { path, message }: &Violation) -> Self {
        Self { path: Some(path.clone()).filter(|path| !path.is_empty()), ..Self::new(message) }
    }
}

impl fmt::Display for Statement {
    /// `spec.config.port: plugin policy: PortTaken: use another`, as far as there is something to say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, plugin, code, message } = self;
        path.iter().try_for_each(|path| write!(f, "{path}: "))?;
        plugin.iter().try_for_each(|plugin| write!(f, "plugin {plugin}: "))?;
        code.iter().try_for_each(|code| write!(f, "{code}: "))?;
        f.write_str(message)
    }
}

impl From<Weight> for Severity {
    fn from(weight: Weight) -> Self {
        match weight {
            Weight::Info => Self::Note,
            Weight::Warning => Self::Warning,
            Weight::Error => Self::Error,
        }
    }
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands, if that is known.
    pub origin: Option<Origin>,
    /// Whom it is about, such as `MCPServer default/x`.
    pub subject: Option<String>,
    /// What there is to say.
    pub statement: Statement,
}

impl fmt::Display for Finding {
    /// `error: examples/x.yaml, document 2 (line 14): MCPServer default/x: spec.config.port: is required`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.severity {
            Severity::Note => "note: ",
            Severity::Warning => "warning: ",
            Severity::Error | Severity::Fault | Severity::Unreadable => "error: ",
        })?;
        self.origin.iter().try_for_each(|origin| write!(f, "{origin}: "))?;
        self.subject.iter().try_for_each(|subject| write!(f, "{subject}: "))?;
        self.statement.fmt(f)
    }
}

/// Everything there is to tell, in the order of the input.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds those of a part of the work.
    pub(super) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Adds a finding about a manifest.
    pub fn add(&mut self, severity: Severity, origin: &Origin, subject: String, statement: Statement) {
        self.push(Finding { severity, origin: Some(origin.clone()), subject: Some(subject), statement });
    }

    /// Adds that something cannot be read, perhaps a document that was found.
    pub fn unreadable(&mut self, origin: Option<Origin>, message: impl Into<String>) {
        let statement = Statement::new(message);
        self.push(Finding { severity: Severity::Unreadable, origin, subject: None, statement });
    }

    /// Adds that there is nothing to render, and what is there instead.
    pub(super) fn no_server(&mut self, instead: &str) {
        let advice = "name files or directories that have some";
        self.unreadable(None, format!("there is no MCPServer in the input: {instead}; {advice}"));
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
