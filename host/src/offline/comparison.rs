//! What changes for each server when another chain renders it. Renders both; decides nothing else than how much it is.

mod changes;
mod report;

use serde::Serialize;

use self::changes::ObjectChange;
pub use self::changes::Verdict;
pub use self::report::Comparison;
use super::each::{Progress, each};
use super::finding::{Finding, Findings, Origin, Severity};
use super::manifests::{self, Contents, ServerManifest};
use super::{RenderedServer, Sources, server};
use crate::reconcile::Identity;
use crate::reconcile::gather::{Inputs, Stage, Surroundings};
use crate::sandbox::Seed;

/// What changes for one server.
#[derive(Debug, Serialize)]
pub struct ServerChange {
    namespace: String,
    name: String,
    file: String,
    line: u64,
    verdict: Verdict,
    objects: Vec<ObjectChange>,
}

/// Renders every server of the input by the chain in `old` and by the chain `new`, several at a time.
pub fn compare(
    sources: &Sources,
    old: &Surroundings,
    new: &[Stage],
    findings: &mut Findings,
    progress: Progress<'_>,
) -> Comparison {
    let manifests = manifests::or_examples(Some(sources), findings);
    let changes = each(&manifests.servers, progress, |server| change(server, &manifests.contents, old, new));
    let told = |(change, said)| {
        findings.extend(said);
        change
    };
    Comparison::new(changes.into_iter().map(told).collect())
}

/// What changed from one rendering to another; a server that is in one of them alone counts as refused by the other.
pub fn changed(old: &[RenderedServer], new: &[RenderedServer]) -> Comparison {
    let in_these = |servers: &'_ [RenderedServer], of: &RenderedServer| {
        servers.iter().position(|server| server.identity == of.identity)
    };
    let gone = old.iter().filter(|before| in_these(new, before).is_none());
    let change = |server: &RenderedServer| {
        let found = |servers| in_these(servers, server);
        let (before, after) = (found(old).map(|index| &old[index]), found(new).map(|index| &new[index]));
        let (verdict, objects) = changes::judge(before, after);
        let Identity { namespace, name, .. } = server.identity.clone();
        let Origin { file, line, .. } = server.origin.clone();
        ServerChange { namespace, name, file, line, verdict, objects }
    };
    Comparison::new(new.iter().chain(gone).map(change).collect())
}

/// One server. What a manifest says is the same for both chains, so it is checked once.
fn change(server: &ServerManifest, contents: &Contents, old: &Surroundings, new: &[Stage]) -> (ServerChange, Findings) {
    let [mut said, mut said_before, mut said_after] = [(); 3].map(|()| Findings::default());
    let inputs = server::inputs(server, contents, old, &mut said);
    let render = |inputs: &Inputs, said: &mut Findings| server::render_inputs(server, inputs, Seed::default(), said);
    let before = inputs.as_ref().and_then(|inputs| render(inputs, &mut said_before));
    let after = inputs.as_ref().and_then(|inputs| render(&inputs.with_chain(new.to_vec()), &mut said_after));
    said.extend(said_after);
    let (verdict, objects) = changes::judge(before.as_ref(), after.as_ref());
    let word = |key: &str| server.manifest["metadata"][key].as_str().unwrap_or("?").to_owned();
    let (file, line) = (server.origin.file.clone(), server.origin.line);
    let change = ServerChange { namespace: word("namespace"), name: word("name"), file, line, verdict, objects };
    (change, with_lost_errors(&said_before, said))
}

/// What the old chain refused and the new one does not in the same words, then what there is to say of the new one.
fn with_lost_errors(before: &Findings, after: Findings) -> Findings {
    let gone = |finding: &&Finding| finding.severity >= Severity::Error && !after.iter().any(|other| other == *finding);
    let mut findings = Findings::default();
    before.iter().filter(gone).for_each(|finding| findings.push(finding.clone()));
    findings.extend(after);
    findings
}
