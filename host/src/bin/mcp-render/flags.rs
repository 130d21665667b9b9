//! What several commands ask for in the same words: the chain of plugins, and the cluster they shall believe in.

use mcp_operator::offline::{self, Findings, ParametersSource, PluginSource};
use mcp_operator::reconcile::gather::Surroundings;

#[derive(clap::Args)]
pub struct ChainFlags {
    /// A component to render with, or `default` for the embedded default plugin. Repeatable: they form a chain in this
    /// order, each gets the objects of the one before. Without it, the default plugin renders.
    #[arg(long = "plugin", value_name = "FILE|default")]
    plugins: Vec<PluginSource>,
    /// A YAML or JSON file with a plugin's parameters, checked by the plugin's own schema. They are for the chain's last
    /// plugin, unless PLUGIN names another, by the name that `inspect` shows. Repeatable.
    #[arg(long, value_name = "[PLUGIN=]FILE")]
    parameters: Vec<ParametersSource>,
    #[command(flatten)]
    cluster: Cluster,
}

#[derive(Clone, clap::Args)]
pub struct Cluster {
    /// The cluster's DNS domain, for plugins that ask for it.
    #[arg(long, default_value = "cluster.local", value_name = "DOMAIN")]
    cluster_domain: String,
    /// The API server's version, such as 1.36, for plugins that ask for it.
    #[arg(long, value_name = "MAJOR.MINOR")]
    kubernetes_version: Option<String>,
}

impl ChainFlags {
    /// The chain without parameters.
    pub fn unconfigured(&self) -> anyhow::Result<Surroundings> {
        self.cluster.surroundings(&self.plugins, &[], &mut Findings::default())
    }

    /// The parameters that the chain would get.
    pub fn parameters(&self) -> &[ParametersSource] {
        &self.parameters
    }

    /// The chain with its parameters; what is wrong with those is in `findings` then.
    pub fn surroundings(&self, findings: &mut Findings) -> anyhow::Result<Surroundings> {
        self.cluster.surroundings(&self.plugins, &self.parameters, findings)
    }
}

impl Cluster {
    /// A chain of these plugins with these parameters; what is wrong with the parameters is in `findings` then.
    pub fn surroundings(
        &self,
        plugins: &[PluginSource],
        parameters: &[ParametersSource],
        findings: &mut Findings,
    ) -> anyhow::Result<Surroundings> {
        let Self { cluster_domain, kubernetes_version } = self.clone();
        let mut chain = offline::load_plugins(plugins)?;
        offline::configure(&mut chain, parameters, findings);
        Ok(Surroundings { cluster_domain, kubernetes_version, chain })
    }
}
