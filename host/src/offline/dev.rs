//! What `mcp-render dev` stands on: when a project changed, and what its servers become. The rounds are the command's.

mod watch;

pub use self::watch::Watch;
use super::server::{self, RenderedServer};
use super::{Sources, examples, manifests};
use crate::offline::Findings;
use crate::reconcile::gather::Surroundings;

/// Renders the servers of `sources`, or of the embedded examples where there are none.
pub fn render(sources: Option<&Sources>, surroundings: &Surroundings, findings: &mut Findings) -> Vec<RenderedServer> {
    let manifests = sources.map_or_else(examples::manifests, |sources| manifests::read(sources, findings));
    if manifests.servers.is_empty() && !findings.has_errors() {
        findings.no_server();
    }
    let render = |server| server::render(server, &manifests.contents, surroundings, findings);
    manifests.servers.iter().filter_map(render).collect()
}
