//! `mcp-operator run`: from flags to running parts, and the order in which they stop.

pub mod endpoints;
pub mod export;
pub mod flags;
pub mod install;
pub mod rbac;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

pub use self::flags::Flags;
use crate::cache::Cache;
use crate::controller::{self, GrantedKinds, Limits};
use crate::default_plugin;
use crate::events::Events;
use crate::handshake;
use crate::metrics::Metrics;
use crate::plugins::{Grounds, Plugins, Store, Workshop};
use crate::reconcile::gather::{Stage, Surroundings};
use crate::reconcile::render::Renderer;
use crate::reconcile::{Backoff, Context, Settings};
use crate::sandbox::{self, CodeCache, Sandbox};
use crate::verification::Verifier;

/// By this name a program finds itself even after its file was replaced.
const MYSELF: &str = "/proc/self/exe";

/// Runs the operator until SIGTERM or SIGINT; then no new work is begun, and what is in flight is finished.
pub async fn run(flags: Flags) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let metrics = Metrics::default();
    let (ready, readiness) = watch::channel(false);
    let endpoints = endpoints::serve(flags.listen, metrics.clone(), readiness, stop.clone());
    let stopping = async {
        tracing::info!(signal = terminated().await?, "Stopping");
        stop.cancel();
        std::future::pending::<anyhow::Result<()>>().await
    };
    tokio::select! {
        ended = endpoints => ended,
        ended = work(flags, metrics, ready, stop.clone()) => ended,
        failed = stopping => failed,
    }
}

async fn work(
    flags: Flags,
    metrics: Metrics,
    ready: watch::Sender<bool>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let scope = flags.scope();
    let client = connect().await?;
    let version = controller::server_version(&client).await?;
    rbac::wait_for_rights(&client, &scope).await?;
    let (sandbox, store, code, _temporary) = sandbox(&flags)?;
    let default = first_stage(&flags, &sandbox).await?;
    let surroundings = Surroundings {
        cluster_domain: flags.cluster_domain.clone(),
        kubernetes_version: Some(version),
        verify_from: flags.verify_from.clone(),
        chain: vec![default.clone()],
    };
    let (signals, triggers) = controller::signals();
    let verifier = Verifier::new(
        handshake::Apart::new(MYSELF.into(), flags.connect_to.clone(), flags.concurrent_handshakes),
        flags.concurrent_handshakes.into(),
        metrics.clone(),
        signals.answered.clone(),
    );
    let context = Arc::new(Context {
        cache: Cache::default(),
        surroundings: surroundings.clone(),
        plugins: Plugins::new(default),
        plugin_news: Notify::new(),
        renderer: Renderer::new(flags.concurrent_renders().into()),
        verifier,
        events: Events::new(client.clone(), flags.instance.clone()),
        metrics,
        backoff: Backoff::default(),
        settings: Settings { verify: flags.verify },
        client: client.clone(),
    });
    let plain_http = flags.plugins.plain_http_registries.clone();
    let (kinds, granted) = GrantedKinds::new();
    let grounds = Grounds { client: client.clone(), scope: scope.clone(), kinds };
    let most = flags.plugins.limits();
    let workshop = (
        Workshop { client, plain_http, sandbox, store, code, program: MYSELF.into(), most, grounds, surroundings },
        granted,
    );
    let limits = Limits { reconciles: flags.concurrent_reconciles };
    let is_ready = move || {
        ready.send_replace(true);
    };
    let ended =
        controller::run(Arc::clone(&context), workshop, scope, limits, (signals, triggers), stop, is_ready).await;
    context.verifier.finish().await;
    ended
}

async fn connect() -> anyhow::Result<kube::Client> {
    let config = kube::Config::infer()
        .await
        .context("finding the API server: set KUBECONFIG, or run in a pod with a service account")?;
    kube::Client::try_from(config).context("setting up the connection to the API server")
}

/// Where plugins run, and where they are kept. The directory is removed at the end if it is a temporary one.
fn sandbox(flags: &Flags) -> anyhow::Result<(Sandbox, Store, CodeCache, Option<TempDir>)> {
    let temporary =
        if flags.cache_dir.is_none() { Some(tempfile::tempdir().context("making a directory")?) } else { None };
    let directory = flags.cache_dir.as_deref().or(temporary.as_ref().map(TempDir::path)).expect("one of them is there");
    let store = Store::new(directory).with_context(|| format!("using the cache directory {}", directory.display()))?;
    let code = CodeCache::new(&store.code(), Path::new(MYSELF)).context("using the cache directory")?;
    let sandbox = Sandbox::with_code_cache(flags.concurrent_renders().into(), code.clone())?;
    Ok((sandbox, store, code, temporary))
}

/// The plugin that every server is rendered by first, compiled off the async threads.
async fn first_stage(flags: &Flags, sandbox: &Sandbox) -> anyhow::Result<Stage> {
    let (file, sandbox) = (flags.default_plugin.clone(), sandbox.clone());
    let load = move || {
        let component = match &file {
            Some(file) => std::fs::read(file).with_context(|| format!("reading the plugin {}", file.display()))?,
            None => default_plugin::COMPONENT.to_vec(),
        };
        let plugin = sandbox.load(&component, sandbox::Limits::default());
        let name = file.map_or_else(|| "the embedded plugin".into(), |file| file.display().to_string());
        plugin.with_context(|| format!("loading {name}"))
    };
    let plugin = tokio::task::spawn_blocking(load).await.context("compiling the plugin")??;
    let info = plugin.info();
    tracing::info!(name = info.name, version = info.version, digest = %plugin.digest(), "Plugin loaded");
    Ok(Stage::new(info.name.clone(), plugin))
}

async fn terminated() -> anyhow::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}
