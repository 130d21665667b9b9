//! Gives the plugins of a chain what a RenderPlugin would: parameters and grants, from files, judged as the operator does.

use std::ffi::OsString;
use std::path::PathBuf;

use super::documents::{self, Document};
use super::finding::{Finding, Findings, Origin, Severity, Statement};
use crate::api::Violation;
use crate::api::render_plugin::Grants;
use crate::parameters;
use crate::reconcile::gather::Stage;
use crate::strict::{self, Misfit};

/// A file for one plugin of a chain: `PLUGIN=FILE`, or `FILE` for the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginFile {
    plugin: Option<String>,
    file: PathBuf,
}

/// The files with what plugins are told and granted; of two for the same plugin, the later counts.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `spec.parameters` of RenderPlugins.
    pub parameters: Vec<PluginFile>,
    /// `spec.grants` of RenderPlugins.
    pub grants: Vec<PluginFile>,
}

impl PluginFile {
    /// A file for the last plugin of a chain.
    pub fn for_last(file: PathBuf) -> Self {
        Self { plugin: None, file }
    }
}

impl From<OsString> for PluginFile {
    fn from(word: OsString) -> Self {
        match word.to_str().and_then(|word| word.split_once('=')) {
            Some((plugin, file)) => Self { plugin: Some(plugin.to_owned()), file: file.into() },
            None => Self::for_last(word.into()),
        }
    }
}

/// Reads parameters and grants, gives them to their plugins, and checks every plugin's parameters.
pub fn configure(chain: &mut [Stage], settings: &Settings, findings: &mut Findings) {
    let parameters = documents_of(chain, "parameters", &settings.parameters, findings);
    let grants = documents_of(chain, "grants", &settings.grants, findings);
    if findings.has_errors() {
        return;
    }
    for ((stage, parameters), grants) in chain.iter_mut().zip(parameters).zip(grants) {
        if let Some(document) = &parameters {
            stage.parameters = Some(document.content.to_value());
        }
        if let Some(document) = &grants {
            match read_grants(document) {
                Ok(grants) => stage.grants = grants,
                Err(violation) => tell(&violation, "grants", stage, Some(document), findings),
            }
        }
        for violation in parameters::check(&stage.plugin, stage.parameters.as_ref()).err().unwrap_or_default() {
            tell(&violation, "parameters", stage, parameters.as_ref(), findings);
        }
    }
}

/// For each plugin the document that is for it.
fn documents_of(chain: &[Stage], what: &str, files: &[PluginFile], findings: &mut Findings) -> Vec<Option<Document>> {
    let mut documents: Vec<Option<Document>> = chain.iter().map(|_| None).collect();
    for file in files {
        match place(chain, what, file) {
            Ok(index) => documents[index] = read(what, file, findings),
            Err(problem) => findings.unreadable(None, problem),
        }
    }
    documents
}

/// Which plugin of the chain a file is for.
fn place(chain: &[Stage], what: &str, file: &PluginFile) -> Result<usize, String> {
    let Some(name) = &file.plugin else { return Ok(chain.len() - 1) };
    let mut places = (0..chain.len()).filter(|&index| chain[index].name == *name);
    let names = || chain.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>().join(", ");
    let flag = format!("--{what} {name}={}", file.file.display());
    match (places.next(), places.next()) {
        (Some(index), None) => Ok(index),
        (None, _) => Err(format!("{flag}: no plugin of the chain has the name {name}; there are {}", names())),
        _ => Err(format!("{flag}: the chain has {name} twice; its last plugin's {what} need no name")),
    }
}

fn read(what: &str, file: &PluginFile, findings: &mut Findings) -> Option<Document> {
    let mut unread = Findings::default();
    let mut documents = documents::read(std::slice::from_ref(&file.file), false, &mut unread);
    let problems = unread.has_errors();
    unread.iter().cloned().for_each(|finding| findings.push(finding));
    if documents.len() == 1 && !problems {
        return documents.pop();
    }
    if !problems {
        let count = documents.len();
        let problem = format!("{}: {what} are one document; this has {count}", file.file.display());
        findings.unreadable(None, problem);
    }
    None
}

/// Grants as a RenderPlugin has them in `spec.grants`, without unknown fields.
fn read_grants(document: &Document) -> Result<Grants, Violation> {
    let unknown = || "is no field of grants; there are kinds, podSecurity and networkPolicy".to_owned();
    match strict::read(&document.content.to_value()) {
        Ok((grants, _)) => Ok(grants),
        Err(Misfit { path, problem }) => Err(Violation::new(path, problem.unwrap_or_else(unknown))),
    }
}

fn tell(violation: &Violation, what: &str, stage: &Stage, document: Option<&Document>, findings: &mut Findings) {
    let origin =
        document.map(|document| Origin { line: document.content.line_of(&violation.path), ..document.origin.clone() });
    let subject = Some(format!("{what} of plugin {}", stage.name));
    findings.push(Finding { severity: Severity::Error, origin, subject, statement: Statement::from(violation) });
}
