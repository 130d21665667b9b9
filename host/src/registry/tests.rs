//! Registries that keep to the protocol, and registries that do not: each test decides every answer.
#![allow(clippy::unwrap_used, reason = "tests")]

mod credentials;
mod hostile;
mod publishing;
mod redirects;
mod retries;
mod server;

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::LOCATION;
use jiff::Timestamp;
use server::{Seen, Server};

use super::retry::Pace;
use super::{Access, Artifact, Credentials, Error, Progress, Pulled, Reference, Registry};
use crate::sandbox::{Digest, Inspection};

const COMPONENT: &[u8] = b"\0asm and so on";
const LIMIT: u64 = 1 << 20;
const USER: &str = "marie";
const PASSWORD: &str = "hunter2";
/// `marie:hunter2`.
const BASIC: &str = "Basic bWFyaWU6aHVudGVyMg==";

fn artifact() -> Artifact {
    let digest = Digest::of(COMPONENT);
    let inspection =
        Inspection { digest, size: COMPONENT.len(), contract: None, imports: Vec::new(), exports: Vec::new() };
    Artifact::new(COMPONENT.to_vec(), &inspection, [].into(), Timestamp::UNIX_EPOCH)
}

/// What a registry answers that has the artifact.
fn pulled(seen: &Seen) -> Response {
    match seen.path() {
        "/v2/team/policy/manifests/1" => Response::new(artifact().manifest.into()),
        path if path.starts_with("/v2/team/policy/blobs/") => Response::new(COMPONENT.into()),
        _ => status(404),
    }
}

fn status(status: u16) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn redirect(to: &str) -> Response {
    let mut response = status(307);
    response.headers_mut().insert(LOCATION, to.parse().unwrap());
    response
}

/// A way to these servers, in the clear, without much patience.
fn registry(servers: &[&Server], credentials: Credentials) -> Registry {
    let plain_http = servers.iter().map(|server| server.host()).collect();
    let access = Access { credentials, plain_http, time_limit: Duration::from_secs(20), ..Access::default() };
    Registry { pace: Pace { first: Duration::from_millis(5), retries: 3 }, ..Registry::new(access).unwrap() }
}

fn marie(server: &Server) -> Credentials {
    Credentials::login(&server.host(), USER.to_owned(), PASSWORD.to_owned())
}

fn reference(server: &Server) -> Reference {
    format!("{}/team/policy:1", server.host()).parse().unwrap()
}

async fn pull(registry: &Registry, server: &Server) -> Result<Pulled, Error> {
    registry.pull(&reference(server), LIMIT, &Progress::default()).await
}

/// How a pull as nobody fails.
async fn failure(server: &Server) -> Error {
    pull(&registry(&[server], Credentials::default()), server).await.err().expect("the pull fails")
}

#[tokio::test]
async fn a_component_is_pulled_with_its_digests() {
    let server = Server::start(pulled).await;
    let pulled = pull(&registry(&[&server], Credentials::default()), &server).await.unwrap();
    assert_eq!(pulled.component, COMPONENT);
    assert_eq!((pulled.digest, pulled.manifest), (Digest::of(COMPONENT), artifact().manifest_digest()));
}

#[tokio::test]
async fn a_manifest_is_pulled_by_its_digest_on_any_thread() {
    let pinned = |seen: &Seen| {
        let found = seen.path().contains("/manifests/sha256:");
        if found { Response::new(artifact().manifest.into()) } else { pulled(seen) }
    };
    let server = Server::start(pinned).await;
    let reference = reference(&server).pinned(artifact().manifest_digest());
    let registry = registry(&[&server], Credentials::default());
    let pull = tokio::spawn(async move { registry.pull(&reference, LIMIT, &Progress::default()).await });
    assert_eq!(pull.await.unwrap().unwrap().component, COMPONENT);
}
