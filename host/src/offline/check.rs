//! Everything that can be said of a plugin without a cluster: contract, size, determinism, vetting, field coverage.
//!
//! The plugin runs behind the default plugin, as a RenderPlugin does: a transformer gets its objects, a full renderer
//! ignores them.

mod report;

use anyhow::Result;
use serde_json::Value;

pub use self::report::Report;
use self::report::{Check, Outcome};
use super::coverage::{self, Exemption};
use super::each::Progress;
use super::finding::{Finding, Findings, Severity};
use super::inspection::{self, Description};
use super::manifests::{self, Manifests, ServerManifest};
use super::plugins::PluginSource;
use super::server::{self, RenderedServer};
use super::{Sources, examples};
use crate::reconcile::gather::Surroundings;
use crate::sandbox::{Sandbox, Seed};

/// Another time and other random numbers than those of a usual render.
const OTHER: Seed = Seed { clock: 4_102_444_800, random: 0x5eed };

/// The chain in which a plugin is checked.
pub fn chain(plugin: &PluginSource) -> Vec<PluginSource> {
    match plugin {
        PluginSource::Default => vec![PluginSource::Default],
        PluginSource::File(_) => vec![PluginSource::Default, plugin.clone()],
    }
}

/// Looks at a component as `inspect` does: the checks that need no server.
///
/// # Errors
///
/// Only when the component cannot be read.
pub fn component(sandbox: &Sandbox, plugin: &PluginSource) -> Result<Report> {
    let description = inspection::inspect(sandbox, &plugin.read()?);
    let checks = vec![contract(&description), imports(&description), size(&description)];
    Ok(Report { description, checks, fields: Vec::new() })
}

impl Report {
    /// Adds the checks that render: the servers of `sources`, or of the embedded examples where it names none. `progress`
    /// counts fields.
    pub fn render(
        &mut self,
        surroundings: &Surroundings,
        sources: Option<&Sources>,
        exemptions: &[Exemption],
        findings: &mut Findings,
        progress: Progress<'_>,
    ) {
        let manifests = manifests::or_examples(sources, findings);
        if findings.has_errors() {
            return;
        }
        self.checks.extend(renderings(&manifests, surroundings, findings));
        let bases = bases(&manifests.servers, sources.is_some());
        self.fields = coverage::judge(surroundings, &bases, exemptions, progress);
        self.checks.push(report::coverage(&self.fields));
        self.checks.extend(exemptions.iter().filter_map(|exemption| report::unneeded(exemption, &self.fields)));
    }
}

/// The servers on which fields are tried. Given ones have what the policy asks for and perhaps little else, so they are
/// laid over the examples as well, which have every sort of field.
fn bases(servers: &[ServerManifest], given: bool) -> Vec<Value> {
    let manifests = |servers: &[ServerManifest]| servers.iter().map(|server| server.manifest.clone()).collect();
    let mut bases: Vec<Value> = manifests(servers);
    let examples: Vec<Value> = if given { manifests(&examples::manifests().servers) } else { Vec::new() };
    for server in servers {
        bases.extend(examples.iter().map(|example| laid_over(example, &server.manifest)));
    }
    bases
}

/// `under` with everything that `over` says.
fn laid_over(under: &Value, over: &Value) -> Value {
    let (Some(under), Some(over)) = (under.as_object(), over.as_object()) else { return over.clone() };
    let mut both = under.clone();
    for (key, value) in over {
        let value = both.get(key).map_or_else(|| value.clone(), |under| laid_over(under, value));
        both.insert(key.clone(), value);
    }
    Value::Object(both)
}

fn contract(description: &Description) -> Check {
    let outcome = match (description.problem(), &description.contract) {
        (Some(problem), _) => Outcome::Failed(problem.to_owned()),
        (None, contract) => Outcome::Ok(contract.clone().unwrap_or_default()),
    };
    Check { name: "contract", outcome }
}

/// What may be imported was judged with the contract; here it is counted.
fn imports(description: &Description) -> Check {
    if description.problem().is_some() && description.exports.is_empty() {
        return Check { name: "imports", outcome: Outcome::NotLookedAt("what is no component has none".to_owned()) };
    }
    let foreign = description.imports.iter().filter(|import| !import.starts_with("mcp:render/")).count();
    let told = match foreign {
        0 => "nothing but the contract's own".to_owned(),
        _ => format!("{foreign} WASI interfaces, of which only virtual ones answer; a call to another ends the render"),
    };
    Check { name: "imports", outcome: Outcome::Ok(told) }
}

fn size(description: &Description) -> Check {
    Check { name: "size", outcome: Outcome::Ok(description.sizes()) }
}

/// Renders each server twice under different clocks and random numbers.
///
/// A server that breaks a rule of its own shows nothing of the plugin, and is told in `findings`.
fn renderings(manifests: &Manifests, surroundings: &Surroundings, findings: &mut Findings) -> [Check; 2] {
    let (mut faults, mut unlike, mut refused) = (Vec::new(), Vec::new(), 0);
    for server in &manifests.servers {
        let [(first, said), (second, said_then)] =
            [Seed::default(), OTHER].map(|seed| once(server, manifests, surroundings, seed));
        if first != second || said != said_then {
            unlike.push(server.subject());
        }
        let mistake = |finding: &&Finding| finding.severity == Severity::Error && finding.statement.plugin.is_none();
        said.iter().filter(mistake).for_each(|mistake| findings.push(mistake.clone()));
        faults.extend(said.iter().filter(|finding| finding.severity == Severity::Fault).map(ToString::to_string));
        refused += usize::from(first.is_none());
    }
    let (count, refused, failed) = (manifests.servers.len(), refused - faults.len(), faults.len());
    let rendered = match (faults.is_empty(), refused) {
        (false, _) if faults.len() == 1 => Outcome::Failed(faults.remove(0)),
        (false, _) => Outcome::Failed(format!("{} (and {} more servers)", faults[0], faults.len() - 1)),
        (true, 0) => Outcome::Ok(format!("every object may be applied; servers: {count}")),
        (true, refused) if refused == count => {
            Outcome::Failed("every server is refused; give some with -f that the policy accepts".to_owned())
        }
        (true, refused) => {
            Outcome::Ok(format!("every object may be applied; servers: {count}, of which refused in words: {refused}"))
        }
    };
    let alike = match unlike.as_slice() {
        [] if failed == count => Outcome::NotLookedAt("no server could be rendered".to_owned()),
        [] => Outcome::Ok(format!("the same under another clock and other random numbers; servers: {count}")),
        unlike => Outcome::Failed(format!("another answer at another time: {}", unlike.join(", "))),
    };
    [Check { name: "vetting", outcome: rendered }, Check { name: "determinism", outcome: alike }]
}

/// The objects of one server, unless there are none, and what was said.
fn once(
    server: &ServerManifest,
    manifests: &Manifests,
    surroundings: &Surroundings,
    seed: Seed,
) -> (Option<Vec<Value>>, Vec<Finding>) {
    let mut findings = Findings::default();
    let rendered = server::render_seeded(server, &manifests.contents, surroundings, seed, &mut findings);
    let objects = |rendered: RenderedServer| rendered.vetted.objects().iter().map(|o| o.manifest().clone()).collect();
    (rendered.map(objects), findings.iter().cloned().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_given_wins_and_the_rest_stays() {
        let example = json!({"metadata": {"name": "a"}, "spec": {"env": [1, 2], "labels": {"x": "1"}, "mcp": {}}});
        let given = json!({"metadata": {"name": "b"}, "spec": {"env": [3], "labels": {"owner": "me"}}});
        let both = json!({
            "metadata": {"name": "b"}, "spec": {"env": [3], "labels": {"owner": "me", "x": "1"}, "mcp": {}},
        });
        assert_eq!(laid_over(&example, &given), both);
    }
}
