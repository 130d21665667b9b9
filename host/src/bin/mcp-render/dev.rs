//! `mcp-render dev`: at each change of a plugin, shows what it does to servers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::ensure;
use mcp_operator::offline::build::{self, Failure};
use mcp_operator::offline::{
    self, Findings, PluginFile, PluginSource, RenderedServer, Settings, Sources, Verdict, Watch, check,
};
use mcp_operator::sandbox::Sandbox;
use mcp_operator::stdout::{print, print_coloured};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cache::CacheFlags;
use crate::flags::{ClusterFlags, SourceFlags};
use crate::{UNUSABLE, tell, tell_all};

pub const HELP: &str = "\
At each change of the project, of the servers, or of the parameters, the plugin is built anew (see build --help), renders
the servers behind the default plugin, and what changed since the round before is shown, with a verdict for each server
(see diff --help). The first round shows what the plugin changes of what the default plugin renders alone. A project that
does not build is told, and waited for. Ctrl-C ends it.

Examples:
  mcp-render dev                                        # the project in this folder, with the embedded examples
  mcp-render dev plugins/ownership -f servers/ --parameters parameters.yaml
  mcp-render dev policy.wasm -f server.yaml             # a component that something else builds

Exit codes: 0 it was ended by Ctrl-C; 2 wrong usage, there is no project, or a tool is missing.";

/// How often files are looked at, and how long they have to be quiet: editors and tools write several in a row.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(clap::Args)]
#[command(mut_arg("filenames", |arg| arg.required(false).help(crate::bench::FILENAMES)))]
pub struct Flags {
    /// The project's folder, or a component's file.
    #[arg(default_value = ".", value_name = "DIR|FILE")]
    project: PathBuf,
    #[command(flatten)]
    sources: SourceFlags,
    /// A YAML or JSON file with the plugin's parameters.
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// A YAML or JSON file with what the plugin is granted.
    #[arg(long, value_name = "FILE")]
    grants: Option<PathBuf>,
    #[command(flatten)]
    cluster: ClusterFlags,
}

pub fn run(flags: &Flags, cache: &CacheFlags) -> anyhow::Result<ExitCode> {
    ensure!(flags.project.exists(), "{}: there is no such folder or file", flags.project.display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(rounds(flags, &cache.sandbox()?))
}

/// One round for each change, until Ctrl-C.
async fn rounds(flags: &Flags, sandbox: &Sandbox) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let sources = flags.sources.given();
    let default = flags.cluster.surroundings(
        sandbox,
        &[PluginSource::Default],
        &Settings::default(),
        &mut Findings::default(),
    )?;
    let mut last = offline::render(sources.as_ref(), &default, &mut Findings::default());
    let mut watch = Watch::new(flags.watched(sources.as_ref()));
    loop {
        match flags.round(sandbox, sources.as_ref(), &last) {
            Ok(servers) => last = servers,
            Err(Failure::NotTried(problem)) => {
                tell(format_args!("error: {problem}"));
                return Ok(ExitCode::from(UNUSABLE));
            }
            Err(failure) => tell(format_args!("error: {failure}")),
        }
        tell(format_args!("waiting for a change; Ctrl-C ends"));
        if !change(&mut watch, &mut interrupt).await {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Waits until something changed and nothing changes any more; false when it shall end instead.
async fn change(watch: &mut Watch, interrupt: &mut Signal) -> bool {
    let mut changed = false;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return false,
            () = tokio::time::sleep(PAUSE) => match (changed, watch.changed()) {
                (true, false) => return true,
                (_, now) => changed |= now,
            },
        }
    }
}

impl Flags {
    /// Builds, renders, and shows what is different. Returns what it rendered.
    fn round(
        &self,
        sandbox: &Sandbox,
        sources: Option<&Sources>,
        last: &[RenderedServer],
    ) -> Result<Vec<RenderedServer>, Failure> {
        let component = self.component(sandbox)?;
        let mut findings = Findings::default();
        let chain = check::chain(&PluginSource::File(component));
        let surroundings = self.cluster.surroundings(sandbox, &chain, &self.settings(), &mut findings)?;
        if findings.has_errors() {
            tell_all(&findings);
            return Err(Failure::Broken("the plugin's parameters or grants are not right".to_owned()));
        }
        let servers = offline::render(sources, &surroundings, &mut findings);
        tell_all(&findings);
        let comparison = offline::changed(last, &servers);
        match comparison.worst() {
            Some(Verdict::NoChange) => print(&comparison.counts())?,
            _ => print_coloured(&(comparison.differences() + &comparison.to_string()))?,
        }
        Ok(servers)
    }

    /// The component's file, built if this is a project.
    fn component(&self, sandbox: &Sandbox) -> Result<PathBuf, Failure> {
        if !self.project.is_dir() {
            return Ok(self.project.clone());
        }
        let built = build::build(sandbox, &self.project, None)?;
        print(&built.to_string())?;
        Ok(built.file().to_owned())
    }

    fn settings(&self) -> Settings {
        let files = |file: &Option<PathBuf>| file.iter().cloned().map(PluginFile::for_last).collect();
        Settings { parameters: files(&self.parameters), grants: files(&self.grants) }
    }

    /// Every file and folder on which a round depends.
    fn watched(&self, sources: Option<&Sources>) -> Vec<PathBuf> {
        let manifests = sources.iter().flat_map(|sources| [&sources.manifests, &sources.config_maps, &sources.secrets]);
        let given = self.parameters.iter().chain(&self.grants).chain(manifests.flatten());
        let files = given.filter(|path| *path != Path::new("-")).cloned();
        files.chain([self.project.clone()]).collect()
    }
}
