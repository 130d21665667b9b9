//! What changes for each server when another chain renders it. Renders both; decides nothing else than how much it is.

mod changes;
mod report;

use serde::Serialize;

use self::changes::ObjectChange;
pub use self::changes::Verdict;
pub use self::report::Comparison;
use super::finding::{Finding, Findings, Origin, Severity};
use super::manifests::{self, Manifests, ServerManifest};
use super::{RenderedServer, Sources, server};
use crate::reconcile::Identity;
use crate::reconcile::gather::Surroundings;

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

/// Renders every server of the input by both chains. Tells `progress` how many of how many are done.
pub fn compare(
    sources: &Sources,
    old: &Surroundings,
    new: &Surroundings,
    findings: &mut Findings,
    progress: &mut dyn FnMut(usize, usize),
) -> Comparison {
    let manifests = manifests::or_examples(Some(sources), findings);
    let mut changes = Vec::new();
    for (done, server) in manifests.servers.iter().enumerate() {
        progress(done, manifests.servers.len());
        changes.push(change(server, &manifests, old, new, findings));
    }
    Comparison::new(changes)
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

fn change(
    server: &ServerManifest,
    manifests: &Manifests,
    old: &Surroundings,
    new: &Surroundings,
    findings: &mut Findings,
) -> ServerChange {
    let render = |surroundings| {
        let mut said = Findings::default();
        let rendered = server::render(server, &manifests.contents, surroundings, &mut said);
        (rendered, said)
    };
    let ((before, said_before), (after, said_after)) = (render(old), render(new));
    let errors = |finding: &&Finding| finding.severity >= Severity::Error && !said_after.iter().any(|f| f == *finding);
    said_before.iter().filter(errors).chain(said_after.iter()).for_each(|finding| findings.push(finding.clone()));
    let (verdict, objects) = changes::judge(before.as_ref(), after.as_ref());
    let word = |key: &str| server.manifest["metadata"][key].as_str().unwrap_or("?").to_owned();
    let (file, line) = (server.origin.file.clone(), server.origin.line);
    ServerChange { namespace: word("namespace"), name: word("name"), file, line, verdict, objects }
}
