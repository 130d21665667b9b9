//! Golden folders: what `mcp-render test` finds, renders and compares.
//!
//! A case is a folder. `server.yaml`, `parameters.yaml` and `grants.yaml` go in; `expected.yaml` holds what `mcp-render render` prints of
//! them, `diagnostics.yaml` what it says besides. A file that is absent expects nothing of its sort. What counts is what
//! the files mean, so they may have comments and any layout.

mod find;
mod golden;
mod junit;
mod report;

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
    /// plugin is at fault: nobody expects a crash.
    pub fn run(&self, surroundings: &Surroundings, settings: &Settings, update: bool) -> Outcome {
        let start = Instant::now();
        let mut findings = Findings::default();
        let servers = self.render(surroundings, settings, &mut findings);
        let faults: Vec<_> = findings.iter().filter(|finding| finding.severity >= Severity::Fault).collect();
        let (status, problems) = if faults.is_empty() {
            judge(&self.goldens(&servers, &findings), update)
        } else {
            let message = |finding: &&Finding| Problem::Message { message: finding.to_string() };
            (Status::Failed, faults.iter().map(message).collect())
        };
        let Self { name, folder, .. } = self.clone();
        Outcome { name, folder, status, problems, time: start.elapsed() }
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

/// Compares each file, or with `update` writes it.
fn judge(goldens: &[Golden], update: bool) -> (Status, Vec<Problem>) {
    let (mut status, mut problems) = (Status::Passed, Vec::new());
    for golden in goldens {
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
