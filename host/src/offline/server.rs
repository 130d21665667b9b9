//! One server: checked as the API server and the operator check it, then rendered and vetted by the operator's own code.

use std::collections::{BTreeMap, BTreeSet};

use super::explanation::History;
use super::finding::{Findings, Origin, Severity};
use super::manifests::{Contents, ServerManifest};
use crate::api::{self, MCPServer, Violation};
use crate::reconcile::gather::references::{self, Source};
use crate::reconcile::gather::{Inputs, Resolved, Surroundings, ca_problems, config_hash};
use crate::reconcile::render::{self, Rendered};
use crate::reconcile::vet::{self, Vetted};
use crate::reconcile::{Error, Identity};
use crate::sandbox::{Failure, Severity as Weight};

/// What became of one server.
pub struct RenderedServer {
    /// Where its manifest stands.
    pub origin: Origin,
    /// Which one it is.
    pub identity: Identity,
    /// Its objects.
    pub vetted: Vetted,
    /// How they came about.
    pub history: History,
}

/// Renders one server; `None` when it could not be, for reasons that are in `findings` then.
pub(super) fn render(
    server: &ServerManifest,
    contents: &Contents,
    surroundings: &Surroundings,
    findings: &mut Findings,
) -> Option<RenderedServer> {
    let mut report = Report { server, findings };
    let inputs = gather(contents, surroundings, &mut report)?;
    let rendered = run(&inputs).map_err(|error| report.error(&error.to_string())).ok()?;
    let history = History::of(&rendered);
    let vetted = vet::vet(&inputs, rendered).map_err(|rejection| report.error(&rejection.to_string())).ok()?;
    report.diagnostics(&vetted);
    let identity = inputs.identity().clone();
    Some(RenderedServer { origin: server.origin.clone(), identity, vetted, history })
}

/// The inputs of a server that breaks no rule.
fn gather(contents: &Contents, surroundings: &Surroundings, report: &mut Report<'_>) -> Option<Inputs> {
    let admitted = api::schema::admit(&report.server.manifest).map_err(|violations| report.violations(&violations));
    let server: MCPServer = serde_json::from_value(admitted.ok()?).expect("what the schema admits has the type");
    for warning in api::validate::warnings(&server) {
        report.warning(&warning);
    }
    let found = references(&server, contents, report);
    let mut violations = api::validate::validate(&server);
    violations.extend(ca_problems(&server.spec, &found));
    report.violations(&violations);
    let resolved = Resolved { inputs: Vec::new(), config_hash: config_hash::hash(&found) };
    violations.is_empty().then(|| Inputs::new(&server, resolved, surroundings))
}

/// The contents of everything that the server refers to and that was given; tells what was not.
fn references(
    server: &MCPServer,
    contents: &Contents,
    report: &mut Report<'_>,
) -> BTreeMap<Source, config_hash::Contents> {
    let namespace = Identity::of(server).namespace;
    let (mut found, mut missing) = (BTreeMap::new(), BTreeSet::new());
    for reference in references::of(&server.spec) {
        let source = reference.source;
        if let Some(content) = contents.get(&(namespace.clone(), source.clone())) {
            found.insert(source, content.clone());
        } else if missing.insert(source.clone()) {
            let what = format!("{} {namespace}/{}", source.kind, source.name);
            if reference.optional {
                report.note(&reference.path, &format!("the optional {what} is not in the input; rendered without it"));
            } else {
                let problem = format!(
                    "{what} is not in the input: in a cluster that has it, the pods' config-hash is another one, and in \
                     one that has not, the server is refused"
                );
                report.at(Severity::Warning, &reference.path, &problem);
            }
        }
    }
    found
}

/// Runs the chain, once more if a plugin ran out of time: a busy machine may have taken it away.
fn run(inputs: &Inputs) -> Result<Rendered, Error> {
    match render::chain(inputs) {
        Err(Error::Render { failure, .. }) if matches!(*failure, Failure::Timeout { .. }) => render::chain(inputs),
        outcome => outcome,
    }
}

/// Findings about one server.
struct Report<'a> {
    server: &'a ServerManifest,
    findings: &'a mut Findings,
}

impl Report<'_> {
    fn error(&mut self, message: &str) {
        self.add(Severity::Error, message);
    }

    fn warning(&mut self, message: &str) {
        self.add(Severity::Warning, message);
    }

    fn note(&mut self, path: &str, message: &str) {
        self.at(Severity::Note, path, message);
    }

    fn add(&mut self, severity: Severity, message: &str) {
        let message = format!("{}: {message}", self.server.subject());
        self.findings.add(severity, &self.server.origin, message);
    }

    /// About one field, with the line of the field.
    fn at(&mut self, severity: Severity, path: &str, message: &str) {
        let origin = Origin { line: self.server.content.line_of(path), ..self.server.origin.clone() };
        self.findings.add(severity, &origin, format!("{}: {path}: {message}", self.server.subject()));
    }

    fn violations(&mut self, violations: &[Violation]) {
        for Violation { path, message } in violations {
            if path.is_empty() { self.error(message) } else { self.at(Severity::Error, path, message) }
        }
    }

    /// What the plugins found, though they rendered the server.
    fn diagnostics(&mut self, vetted: &Vetted) {
        for (plugin, diagnostic) in vetted.diagnostics() {
            let message = format!("plugin {plugin}: {}: {}", diagnostic.code, diagnostic.message);
            let severity = if diagnostic.severity == Weight::Info { Severity::Note } else { Severity::Warning };
            match &diagnostic.path {
                Some(path) => self.at(severity, path, &message),
                None => self.add(severity, &message),
            }
        }
    }
}
