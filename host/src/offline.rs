//! The offline tool's work: manifests in, objects out, without a cluster.
//!
//! Reading files takes the place of the operator's watches; from [`Inputs`](crate::reconcile::gather::Inputs) on, the
//! code is the operator's own: the same render, the same vetting, the same bytes. Nothing here prints or exits; that is
//! the command's, in `bin/mcp-render/`.

pub mod bench;
pub mod build;
pub mod cases;
pub mod check;
mod comparison;
mod coverage;
mod differences;
mod documents;
mod each;
mod examples;
mod explanation;
mod finding;
mod inspection;
mod located;
mod manifests;
pub mod new;
mod output;
mod plugins;
mod project;
#[cfg(test)]
mod random;
mod server;
mod settings;
mod table;
mod watch;

use std::path::PathBuf;

pub use self::comparison::{Comparison, Verdict, changed, compare};
pub use self::coverage::Exemption;
pub use self::each::Progress;
pub use self::explanation::Explanation;
pub use self::finding::{Finding, Findings, Origin, Severity, Statement};
pub use self::inspection::{Description, inspect};
pub use self::output::{Format, in_format, manifests, objects};
pub use self::plugins::{PluginSource, load as load_plugins};
pub use self::server::RenderedServer;
pub use self::settings::{PluginFile, Settings, configure};
pub use self::watch::Watch;
use crate::reconcile::gather::Surroundings;

/// What to render. `-` stands for the standard input wherever a file is meant.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Files and directories with manifests.
    pub manifests: Vec<PathBuf>,
    /// Whether directories below the given ones are read as well.
    pub recursive: bool,
    /// Files with further ConfigMaps.
    pub config_maps: Vec<PathBuf>,
    /// Files with further Secrets.
    pub secrets: Vec<PathBuf>,
    /// The namespace of manifests that name none.
    pub namespace: String,
}

/// Renders every server of `sources`, in their order, or of the embedded examples where there are none. Servers that cannot be
/// rendered are told in `findings`, and the others are rendered all the same.
pub fn render(sources: Option<&Sources>, surroundings: &Surroundings, findings: &mut Findings) -> Vec<RenderedServer> {
    let manifests = manifests::or_examples(sources, findings);
    let render = |server: &_| {
        let mut said = Findings::default();
        (server::render(server, &manifests.contents, surroundings, &mut said), said)
    };
    let rendered = each::each(&manifests.servers, &|_, _| {}, render);
    let told = |(server, said)| {
        findings.extend(said);
        server
    };
    rendered.into_iter().filter_map(told).collect()
}
