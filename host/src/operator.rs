//! `mcp-operator run`: from flags to running parts, and the order in which they stop.

pub mod endpoints;
pub mod flags;
pub mod install;
pub mod rbac;

use std::sync::Arc;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use self::flags::Flags;
use crate::cache::Cache;
use crate::controller::{self, Limits};
use crate::default_plugin;
use crate::events::Events;
use crate::handshake;
use crate::metrics::Metrics;
use crate::reconcile::gather::{Stage, Surroundings};
use crate::reconcile::render::Renderer;
use crate::reconcile::{Backoff, Context, Settings};
use crate::sandbox::{self, Sandbox};
use crate::verification::Verifier;

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
    let chain = vec![first_stage(&flags).await?];
    let (signals, triggers) = controller::signals();
    let verifier = Verifier::new(
        handshake::Client::new(flags.connect_to.clone()),
        flags.concurrent_handshakes.into(),
        metrics.clone(),
        signals.direct.clone(),
    );
    let context = Arc::new(Context {
        cache: Cache::default(),
        surroundings: Surroundings {
            cluster_domain: flags.cluster_domain.clone(),
            kubernetes_version: Some(version),
            chain,
        },
        renderer: Renderer::new(flags.concurrent_renders().into()),
        verifier,
        events: Events::new(client.clone(), flags.instance.clone()),
        metrics,
        backoff: Backoff::default(),
        settings: Settings { verify: flags.verify },
        client,
    });
    let limits = Limits { reconciles: flags.concurrent_reconciles };
    let is_ready = move || {
        ready.send_replace(true);
    };
    let ended = controller::run(Arc::clone(&context), scope, limits, (signals, triggers), stop, is_ready).await;
    context.verifier.finish().await;
    ended
}

async fn connect() -> anyhow::Result<kube::Client> {
    let config = kube::Config::infer()
        .await
        .context("finding the API server: set KUBECONFIG, or run in a pod with a service account")?;
    kube::Client::try_from(config).context("setting up the connection to the API server")
}

/// The plugin that every server is rendered by first, compiled off the async threads.
async fn first_stage(flags: &Flags) -> anyhow::Result<Stage> {
    let file = flags.default_plugin.clone();
    let concurrency = flags.concurrent_renders();
    let load = move || {
        let component = match &file {
            Some(file) => std::fs::read(file).with_context(|| format!("reading the plugin {}", file.display()))?,
            None => default_plugin::COMPONENT.to_vec(),
        };
        let plugin = Sandbox::new(concurrency.into())?.load(&component, sandbox::Limits::default());
        let name = file.map_or_else(|| "the embedded plugin".into(), |file| file.display().to_string());
        plugin.with_context(|| format!("loading {name}"))
    };
    let plugin = tokio::task::spawn_blocking(load).await.context("compiling the plugin")??;
    let info = plugin.info();
    tracing::info!(name = info.name, version = info.version, digest = %plugin.digest(), "Plugin loaded");
    Ok(Stage { name: info.name.clone(), plugin, parameters: None })
}

async fn terminated() -> anyhow::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}
