//! What several commands ask for in the same words: manifests, a chain of plugins, and the cluster to believe in.

use std::path::PathBuf;

use mcp_operator::offline::{self, Findings, ParametersSource, PluginSource, Sources};
use mcp_operator::reconcile::gather::{Stage, Surroundings};

/// Where servers come from.
#[derive(clap::Args)]
pub struct SourceFlags {
    /// A file or directory with manifests, or - for the standard input. Repeatable. MCPServers are rendered; ConfigMaps
    /// and Secrets that they refer to give the pods' config-hash; other kinds are passed over.
    #[arg(short = 'f', long = "filename", required = true, value_name = "PATH")]
    filenames: Vec<PathBuf>,
    /// Read the directories below those of -f as well.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// A file with manifests of ConfigMaps. Repeatable.
    #[arg(long = "config-map", value_name = "FILE")]
    config_maps: Vec<PathBuf>,
    /// A file with manifests of Secrets. Repeatable. Their contents go into the config-hash and nowhere else.
    #[arg(long = "secret", value_name = "FILE")]
    secrets: Vec<PathBuf>,
    /// The namespace of manifests that name none.
    #[arg(short, long, default_value = "default")]
    namespace: String,
}

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

impl SourceFlags {
    /// The same for the library.
    pub fn sources(&self) -> Sources {
        let Self { filenames, recursive, config_maps, secrets, namespace } = self;
        Sources {
            manifests: filenames.clone(),
            recursive: *recursive,
            config_maps: config_maps.clone(),
            secrets: secrets.clone(),
            namespace: namespace.clone(),
        }
    }
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
        let mut chain = offline::load_plugins(plugins)?;
        offline::configure(&mut chain, parameters, findings);
        Ok(self.around(chain))
    }

    /// A chain in this cluster.
    pub fn around(&self, chain: Vec<Stage>) -> Surroundings {
        let Self { cluster_domain, kubernetes_version } = self.clone();
        Surroundings { cluster_domain, kubernetes_version, chain }
    }
}
