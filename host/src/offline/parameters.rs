//! Gives the plugins of a chain their parameters, from files, and judges them as the operator does.

use std::ffi::OsString;
use std::path::PathBuf;

use super::documents::{self, Document};
use super::finding::{Finding, Findings, Origin, Severity, Statement};
use crate::parameters;
use crate::reconcile::gather::Stage;

/// A file with parameters, and the plugin that they are for: `PLUGIN=FILE`, or `FILE` for the chain's last plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParametersSource {
    plugin: Option<String>,
    file: PathBuf,
}

impl ParametersSource {
    /// Parameters for the last plugin of a chain.
    pub fn for_last(file: PathBuf) -> Self {
        Self { plugin: None, file }
    }
}

impl From<OsString> for ParametersSource {
    fn from(word: OsString) -> Self {
        match word.to_str().and_then(|word| word.split_once('=')) {
            Some((plugin, file)) => Self { plugin: Some(plugin.to_owned()), file: file.into() },
            None => Self::for_last(word.into()),
        }
    }
}

/// Reads parameters, gives them to their plugins, and checks every plugin's; a later file replaces an earlier one.
pub fn configure(chain: &mut [Stage], sources: &[ParametersSource], findings: &mut Findings) {
    let mut documents: Vec<Option<Document>> = chain.iter().map(|_| None).collect();
    for source in sources {
        match place(chain, source) {
            Ok(index) => documents[index] = read(source, findings),
            Err(problem) => findings.unreadable(None, problem),
        }
    }
    if findings.has_errors() {
        return;
    }
    for (stage, document) in chain.iter_mut().zip(documents) {
        if let Some(document) = &document {
            stage.parameters = Some(document.content.to_value());
        }
        check(stage, document.as_ref(), findings);
    }
}

/// Which plugin of the chain the parameters are for.
fn place(chain: &[Stage], source: &ParametersSource) -> Result<usize, String> {
    let Some(name) = &source.plugin else { return Ok(chain.len() - 1) };
    let mut places = (0..chain.len()).filter(|&index| chain[index].name == *name);
    let names = || chain.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>().join(", ");
    let flag = format!("--parameters {name}={}", source.file.display());
    match (places.next(), places.next()) {
        (Some(index), None) => Ok(index),
        (None, _) => Err(format!("{flag}: no plugin of the chain has the name {name}; there are {}", names())),
        _ => Err(format!("{flag}: the chain has {name} twice; its last plugin's parameters need no name")),
    }
}

fn read(source: &ParametersSource, findings: &mut Findings) -> Option<Document> {
    let mut unread = Findings::default();
    let mut documents = documents::read(std::slice::from_ref(&source.file), false, &mut unread);
    let problems = unread.has_errors();
    unread.iter().cloned().for_each(|finding| findings.push(finding));
    if documents.len() == 1 && !problems {
        return documents.pop();
    }
    if !problems {
        let count = documents.len();
        let problem = format!("{}: parameters are one document; this has {count}", source.file.display());
        findings.unreadable(None, problem);
    }
    None
}

fn check(stage: &Stage, document: Option<&Document>, findings: &mut Findings) {
    for violation in parameters::check(&stage.plugin, stage.parameters.as_ref()).err().unwrap_or_default() {
        let origin = document
            .map(|document| Origin { line: document.content.line_of(&violation.path), ..document.origin.clone() });
        let subject = Some(format!("parameters of plugin {}", stage.name));
        let statement = Statement::from(&violation);
        findings.push(Finding { severity: Severity::Error, origin, subject, statement });
    }
}
