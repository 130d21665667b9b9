//! `/healthz`, `/readyz` and `/metrics`.

use std::future::IntoFuture;
use std::net::SocketAddr;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// The text format of `OpenMetrics`, which Prometheus asks for.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone)]
struct Shown {
    metrics: Metrics,
    ready: watch::Receiver<bool>,
}

/// Serves until `stop` is cancelled and the process ends; by then it is not ready any more.
pub async fn serve(
    address: SocketAddr,
    metrics: Metrics,
    ready: watch::Receiver<bool>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("listening on {address}; another address can be given with --listen"))?;
    tracing::info!(%address, "Serving /healthz, /readyz and /metrics");
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move |State(shown)| async move { readyz(&shown, &stop) }))
        .route("/metrics", get(metrics_text))
        .with_state(Shown { metrics, ready });
    axum::serve(listener, router).into_future().await.context("serving /healthz, /readyz and /metrics")
}

fn readyz(shown: &Shown, stop: &CancellationToken) -> impl IntoResponse + use<> {
    match (*shown.ready.borrow(), stop.is_cancelled()) {
        (true, false) => (StatusCode::OK, "ok\n"),
        (_, true) => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "the cluster has not been listed yet\n"),
    }
}

async fn metrics_text(State(shown): State<Shown>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], shown.metrics.text())
}
