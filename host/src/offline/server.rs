//! One server: checked as the API server and the operator check it, then rendered and vetted by the operator's own code.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

use super::explanation::History;
use super::finding::{Findings, Origin, Severity, Statement};
use super::manifests::{Contents, ServerManifest};
use super::plugins::DEFAULT;
use crate::api::{self, MCPServer, Violation};
use crate::reconcile::gather::references::{self, Source};
use crate::reconcile::gather::{Inputs, Resolved, Surroundings, ca_problems, config_hash};
use crate::reconcile::render::{self, Rendered};
use crate::reconcile::vet::{self, Rejection, Vetted, WORKLOAD};
use crate::reconcile::{Error, Identity};
use crate::sandbox::{Diagnostic, Failure, Seed};

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
    render_seeded(server, contents, surroundings, Seed::default(), findings)
}

/// Renders one server under another clock and other random numbers.
pub(super) fn render_seeded(
    server: &ServerManifest,
    contents: &Contents,
    surroundings: &Surroundings,
    seed: Seed,
    findings: &mut Findings,
) -> Option<RenderedServer> {
    let inputs = inputs(server, contents, surroundings, findings)?;
    render_inputs(server, &inputs, seed, findings)
}

/// Renders what was gathered of this server.
pub(super) fn render_inputs(
    server: &ServerManifest,
    inputs: &Inputs,
    seed: Seed,
    findings: &mut Findings,
) -> Option<RenderedServer> {
    let mut report = Report { server, findings };
    let rendered = chain(inputs, seed).map_err(|error| report.failure(error)).ok()?;
    let history = History::of(&rendered);
    let advice = without_base(&rendered);
    let vetted = vet::vet(inputs, rendered).map_err(|rejection| report.rejected(&rejection, advice)).ok()?;
    for (plugin, diagnostic) in vetted.diagnostics() {
        report.diagnostic(plugin, diagnostic, Severity::Warning);
    }
    let identity = inputs.identity().clone();
    Some(RenderedServer { origin: server.origin.clone(), identity, vetted, history })
}

/// What to do when a plugin that changes objects stands alone, and so got none.
fn without_base(rendered: &Rendered) -> Option<&'static str> {
    let [alone] = rendered.stages() else { return None };
    let has_workload = alone.objects.iter().any(|object| object.slot == WORKLOAD);
    (alone.stage != DEFAULT && !has_workload).then_some(
        "; a plugin that changes what the default plugin renders needs that before it: `--plugin default --plugin FILE`, \
         for diff `default,FILE`",
    )
}

/// Held by all who render side by side; alone by who tries again.
static SIDE_BY_SIDE: RwLock<()> = RwLock::new(());

/// Runs the chain; once more, with no other beside it, when a plugin ran out of time, which the others may have taken.
fn chain(inputs: &Inputs, seed: Seed) -> Result<Rendered, Error> {
    let rendered = {
        let _others = SIDE_BY_SIDE.read().unwrap_or_else(PoisonError::into_inner);
        render::chain_seeded(inputs, seed)
    };
    match rendered {
        Err(Error::Render { failure, .. }) if matches!(*failure, Failure::Timeout { .. }) => {
            let _alone = SIDE_BY_SIDE.write().unwrap_or_else(PoisonError::into_inner);
            render::chain_seeded(inputs, seed)
        }
        outcome => outcome,
    }
}

/// What rendering one server depends on; `None` when it breaks a rule, which is in `findings` then.
pub(super) fn inputs(
    server: &ServerManifest,
    contents: &Contents,
    surroundings: &Surroundings,
    findings: &mut Findings,
) -> Option<Inputs> {
    gather(contents, surroundings, &mut Report { server, findings })
}

/// Tells why a server has no objects.
pub(super) fn tell(server: &ServerManifest, error: Error, findings: &mut Findings) {
    Report { server, findings }.failure(error);
}

/// The inputs of a server that breaks no rule.
fn gather(contents: &Contents, surroundings: &Surroundings, report: &mut Report<'_>) -> Option<Inputs> {
    let admitted = api::schema::admit(&report.server.manifest).map_err(|violations| report.violations(&violations));
    let server: MCPServer = serde_json::from_value(admitted.ok()?).expect("what the schema admits has the type");
    for warning in api::validate::warnings(&server) {
        report.say(Severity::Warning, Statement::new(warning));
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
                let note = format!("the optional {what} is not in the input; rendered without it");
                report.say(Severity::Note, (&Violation::new(reference.path, note)).into());
            } else {
                let problem = format!(
                    "{what} is not in the input: in a cluster that has it, the pods' config-hash is another one, and in \
                     one that has not, the server is refused"
                );
                report.say(Severity::Warning, (&Violation::new(reference.path, problem)).into());
            }
        }
    }
    found
}

/// Findings about one server.
struct Report<'a> {
    server: &'a ServerManifest,
    findings: &'a mut Findings,
}

impl Report<'_> {
    /// Adds a finding, with the line of the field that it is about.
    fn say(&mut self, severity: Severity, statement: Statement) {
        let line = statement.path.as_ref().map(|path| self.server.content.line_of(path));
        let origin = Origin { line: line.unwrap_or(self.server.origin.line), ..self.server.origin.clone() };
        self.findings.add(severity, &origin, self.server.subject(), statement);
    }

    fn violations(&mut self, violations: &[Violation]) {
        for violation in violations {
            self.say(Severity::Error, violation.into());
        }
    }

    /// What a plugin found. Whatever it calls it, it is no worse than `at_worst`.
    fn diagnostic(&mut self, plugin: &str, diagnostic: &Diagnostic, at_worst: Severity) {
        self.say(Severity::from(diagnostic.severity).min(at_worst), Statement::by(plugin, diagnostic));
    }

    /// Why objects may not be applied.
    fn rejected(&mut self, rejection: &Rejection, advice: Option<&str>) {
        self.say(Severity::Fault, Statement::new(format!("{rejection}{}", advice.unwrap_or_default())));
    }

    /// Why there are no objects: the server was refused, or a plugin is at fault.
    fn failure(&mut self, error: Error) {
        let Error::Render { plugin, failure } = error else {
            return self.say(Severity::Fault, Statement::new(error.to_string()));
        };
        match *failure {
            Failure::Invalid(diagnostics) => {
                for found in &diagnostics {
                    self.diagnostic(&plugin, found, Severity::Error);
                }
            }
            failure => {
                let refused = matches!(failure, Failure::Unsupported(_));
                let severity = if refused { Severity::Error } else { Severity::Fault };
                let statement = Statement { plugin: Some(plugin), ..Statement::new(failure.to_string()) };
                self.say(severity, statement);
            }
        }
    }
}
