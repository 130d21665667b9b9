//! What several commands ask for in the same words: manifests, a chain of plugins, and the cluster to believe in.

use std::path::PathBuf;

use mcp_operator::offline::{self, Findings, PluginFile, PluginSource, Settings, Sources};
use mcp_operator::reconcile::gather::verify_from::VerifyFrom;
use mcp_operator::reconcile::gather::{Stage, Surroundings};
use mcp_operator::sandbox::Sandbox;

use crate::tell;

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
    #[command(flatten)]
    settings: SettingFlags,
    #[command(flatten)]
    cluster: ClusterFlags,
}

/// What plugins are told and granted.
#[derive(clap::Args)]
pub struct SettingFlags {
    /// A YAML or JSON file with a plugin's parameters, checked by the plugin's own schema. They are for the chain's last
    /// plugin, unless PLUGIN names another, by the name that `inspect` shows. Repeatable.
    #[arg(long, value_name = "[PLUGIN=]FILE")]
    parameters: Vec<PluginFile>,
    /// A YAML or JSON file with what a plugin is granted: what a RenderPlugin has in `spec.grants`. For the same plugin as
    /// with --parameters. Repeatable.
    #[arg(long, value_name = "[PLUGIN=]FILE")]
    grants: Vec<PluginFile>,
}

#[derive(Clone, clap::Args)]
pub struct ClusterFlags {
    /// The cluster's DNS domain, for plugins that ask for it.
    #[arg(long, default_value = "cluster.local", value_name = "DOMAIN")]
    cluster_domain: String,
    /// The API server's version, such as 1.36, for plugins that ask for it.
    #[arg(long, value_name = "MAJOR.MINOR")]
    kubernetes_version: Option<String>,
    /// What the operator of the cluster was told by its flag of this name: a `NetworkPolicyPeer` that is let in everywhere.
    #[arg(long, value_name = "PEER")]
    verify_from: Option<VerifyFrom>,
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

    /// The same, where they are optional.
    pub fn given(&self) -> Option<Sources> {
        Some(self.sources()).filter(|sources| !sources.manifests.is_empty())
    }
}

impl ChainFlags {
    /// The chain without parameters and grants.
    pub fn unconfigured(&self, sandbox: &Sandbox) -> anyhow::Result<Surroundings> {
        self.cluster.surroundings(sandbox, &self.plugins, &Settings::default(), &mut Findings::default())
    }

    /// The parameters and grants that the chain would get.
    pub fn settings(&self) -> Settings {
        self.settings.settings()
    }

    /// The chain with its parameters and grants; what is wrong with those is in `findings` then.
    pub fn surroundings(&self, sandbox: &Sandbox, findings: &mut Findings) -> anyhow::Result<Surroundings> {
        self.cluster.surroundings(sandbox, &self.plugins, &self.settings(), findings)
    }
}

impl SettingFlags {
    /// The same for the library.
    pub fn settings(&self) -> Settings {
        Settings { parameters: self.parameters.clone(), grants: self.grants.clone() }
    }
}

impl ClusterFlags {
    /// A chain of these plugins with these settings; what is wrong with the settings is in `findings` then. Warns of
    /// components that are older than their sources.
    pub fn surroundings(
        &self,
        sandbox: &Sandbox,
        plugins: &[PluginSource],
        settings: &Settings,
        findings: &mut Findings,
    ) -> anyhow::Result<Surroundings> {
        for warning in plugins.iter().filter_map(PluginSource::stale) {
            tell(format_args!("warning: {warning}"));
        }
        let mut chain = offline::load_plugins(sandbox, plugins)?;
        offline::configure(&mut chain, settings, findings);
        Ok(self.around(chain))
    }

    /// A chain in this cluster.
    pub fn around(&self, chain: Vec<Stage>) -> Surroundings {
        let Self { cluster_domain, kubernetes_version, verify_from } = self.clone();
        Surroundings { cluster_domain, kubernetes_version, verify_from, chain }
    }
}
