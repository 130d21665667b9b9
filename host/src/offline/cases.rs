//! Golden folders: what `mcp-render test` finds, renders and compares.
//!
//! A case is a folder. `server.yaml`, `parameters.yaml` and `grants.yaml` go in; `expected.yaml` holds what `mcp-render render` prints of
//! them, `diagnostics.yaml` what it says besides. A file that is absent expects nothing of its sort. What counts is what
//! the files mean, so they may have comments and any layout.

mod change;
mod find;
mod golden;
mod junit;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

pub use self::find::find;
use self::golden::Golden;
pub use self::junit::junit;
pub use self::report::Report;
use super::finding::{Finding, Findings, Severity, Statement};
use super::output::{self, Format};
use super::settings::{self, PluginFile, Settings};
use super::{RenderedServer, Sources};
use crate::reconcile::gather::Surroundings;

const SERVER: &str = "server.yaml";
const PARAMETERS: &str = "parameters.yaml";
const GRANTS: &str = "grants.yaml";
const EXPECTED: &str = "expected.yaml";
const DIAGNOSTICS: &str = "diagnostics.yaml";

/// One golden folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it shows: the folder's name with spaces for dashes.
    pub name: String,
    /// Where it is.
    pub folder: PathBuf,
    /// What its plugin is granted, where some folder says so.
    grants: Option<PathBuf>,
}

/// What became of a case.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    name: String,
    folder: PathBuf,
    status: Status,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
    /// What an update made of the case, where that is another sort of case.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    #[serde(skip)]
    time: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Status {
    Passed,
    Updated,
    Failed,
}

/// Why a case failed.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Problem {
    /// It could not be rendered in any way that could be expected.
    Message { message: String },
    /// It renders to something else than a file says.
    Difference { file: PathBuf, expected: String, actual: String },
}

/// An entry of `diagnostics.yaml`.
#[derive(Serialize)]
struct Said<'a> {
    severity: &'static str,
    #[serde(flatten)]
    statement: &'a Statement,
}

impl Case {
    /// Renders the case by this chain and compares. With `update`, the files are made to say what was rendered, unless a
    /// plugin is at fault, because nobody expects a crash, or what is wrong was said by no plugin.
    pub fn run(&self, surroundings: &Surroundings, settings: &Settings, update: bool) -> Outcome {
        let start = Instant::now();
        let mut change = None;
        let (status, problems) = if let Some(message) = self.no_server() {
            (Status::Failed, vec![Problem::Message { message }])
        } else {
            let mut findings = Findings::default();
            let servers = self.render(surroundings, settings, &mut findings);
            let goldens = self.goldens(&servers, &findings);
            let [expected, said] = &goldens;
            let next = update.then(|| change::change(expected, said, &findings)).flatten();
            let (status, problems) = judge(&goldens, &findings, update);
            change = next.filter(|_| status == Status::Updated);
            (status, problems)
        };
        let Self { name, folder, .. } = self.clone();
        Outcome { name, folder, status, problems, change, time: start.elapsed() }
    }

    /// That this is no case, and what it has instead.
    fn no_server(&self) -> Option<String> {
        if self.folder.join(SERVER).exists() {
            return None;
        }
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        let has = if names.is_empty() { "is empty".to_owned() } else { format!("has {}", names.join(", ")) };
        let folder = self.folder.display();
        Some(format!(
            "error: {folder}: there is no {SERVER}; the folder {has}. A case is a folder with an MCPServer in {SERVER}"
        ))
    }

    fn render(&self, surroundings: &Surroundings, settings: &Settings, findings: &mut Findings) -> Vec<RenderedServer> {
        let mut surroundings = surroundings.clone();
        let mut settings = settings.clone();
        let own = self.folder.join(PARAMETERS);
        settings.parameters.extend(own.exists().then(|| PluginFile::for_last(own)));
        settings.grants.extend(self.grants.clone().map(PluginFile::for_last));
        settings::configure(&mut surroundings.chain, &settings, findings);
        if findings.has_errors() {
            return Vec::new();
        }
        let namespace = "default".to_owned();
        let sources = Sources { manifests: vec![self.folder.join(SERVER)], namespace, ..Sources::default() };
        super::render(Some(&sources), &surroundings, findings)
    }

    /// What the files have to say.
    fn goldens(&self, servers: &[RenderedServer], findings: &Findings) -> [Golden; 2] {
        let said: Vec<_> = findings.iter().map(Said::of).collect();
        let said = if said.is_empty() { String::new() } else { yaml(&said) };
        let at = |name| self.folder.join(name);
        [Golden::new(at(EXPECTED), output::objects(servers, Format::Yaml)), Golden::new(at(DIAGNOSTICS), said)]
    }
}

/// What is wrong, in words; then what to do, if there is something to say of it.
fn told<'a>(findings: impl Iterator<Item = &'a Finding>, advice: Option<&str>) -> Vec<Problem> {
    let texts = findings.map(ToString::to_string).chain(advice.map(str::to_owned));
    texts.map(|message| Problem::Message { message }).collect()
}

const UNRECORDED: &str = "--update does not record this, because no plugin said it: mend the file; where the case is about \
                          this error, write it into diagnostics.yaml";

/// Compares each file, or with `update` writes it. Of a server that is refused, what was said comes first.
fn judge(goldens: &[Golden; 2], findings: &Findings, update: bool) -> (Status, Vec<Problem>) {
    let faults: Vec<_> = findings.iter().filter(|finding| finding.severity >= Severity::Fault).collect();
    if !faults.is_empty() {
        return (Status::Failed, told(faults.into_iter(), None));
    }
    let by_nobody = |finding: &&Finding| finding.severity == Severity::Error && finding.statement.plugin.is_none();
    let invalid: Vec<_> = findings.iter().filter(by_nobody).collect();
    if update && !invalid.is_empty() && goldens.iter().any(|golden| golden.problem().is_some()) {
        return (Status::Failed, told(invalid.into_iter(), Some(UNRECORDED)));
    }
    let [expected, said] = goldens;
    let (mut status, mut problems) = (Status::Passed, Vec::new());
    for golden in if findings.has_errors() { [said, expected] } else { [expected, said] } {
        match golden.problem() {
            None => {}
            Some(problem) if !update => problems.push(problem),
            Some(_) => match golden.write() {
                Ok(()) => status = Status::Updated,
                Err(error) => problems.push(Problem::Message { message: format!("{error:#}") }),
            },
        }
    }
    if problems.is_empty() { (status, problems) } else { (Status::Failed, problems) }
}

impl<'a> Said<'a> {
    fn of(finding: &'a Finding) -> Self {
        let severity = match finding.severity {
            Severity::Note => "info",
            Severity::Warning => "warning",
            Severity::Error | Severity::Fault | Severity::Unreadable => "error",
        };
        Self { severity, statement: &finding.statement }
    }
}

/// Keys are sorted, as they are in a file that was read.
fn yaml(document: &impl Serialize) -> String {
    let value: Value = serde_json::to_value(document).expect("our documents serialise to JSON");
    output::in_format(&value, Format::Yaml)
}

/// Whether this is a case's folder, perhaps an incomplete one.
fn is_case(folder: &Path) -> bool {
    [SERVER, PARAMETERS, EXPECTED, DIAGNOSTICS].iter().any(|name| folder.join(name).is_file())
}
