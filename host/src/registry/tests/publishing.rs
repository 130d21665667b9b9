//! Pushing: what is sent, where to, and in which order.

use std::sync::{Arc, Mutex};

use http::Method;
use http::header::CONTENT_TYPE;

use super::*;
use crate::registry::{Problem, Pushed};

/// What a registry answers that takes everything at this address and has nothing yet.
fn takes(seen: &Seen, uploads: &str) -> Response {
    match seen.method {
        Method::POST => {
            let mut response = status(202);
            response.headers_mut().insert(LOCATION, uploads.parse().unwrap());
            response
        }
        Method::PUT => status(201),
        _ => status(404),
    }
}

async fn push(server: &Server, others: &[&Server], reference: &Reference) -> Result<Pushed, Error> {
    let servers: Vec<_> = others.iter().copied().chain([server]).collect();
    registry(&servers, marie(server)).push(reference, &artifact(), &Progress::default()).await
}

#[tokio::test]
async fn the_manifest_comes_last_so_that_nobody_pulls_half_an_artifact() {
    let server = Server::start(|seen| takes(seen, "/upload?state=s")).await;
    let pushed = push(&server, &[], &reference(&server)).await.unwrap();
    assert_eq!(pushed, Pushed { digest: Digest::of(COMPONENT), manifest: artifact().manifest_digest() });
    let blob = |bytes: &[u8]| format!("HEAD /v2/team/policy/blobs/{}", Digest::of(bytes));
    let begin = "POST /v2/team/policy/blobs/uploads/".to_owned();
    let (upload, manifest) = ("PUT /upload".to_owned(), "PUT /v2/team/policy/manifests/1".to_owned());
    let config = blob(&artifact().config);
    assert_eq!(server.asked(), [blob(COMPONENT), begin.clone(), upload.clone(), config, begin, upload, manifest]);
    let seen = server.seen();
    assert_eq!(seen[2].body, COMPONENT);
    assert_eq!(seen[2].headers["content-length"], COMPONENT.len().to_string());
    assert!(seen[2].uri.query().unwrap().starts_with("state=s&digest=sha256%3A"), "{:?}", seen[2].uri);
    assert_eq!(seen[6].headers[CONTENT_TYPE], "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(seen[6].body, artifact().manifest);
}

#[tokio::test]
async fn what_the_registry_has_is_not_sent_again() {
    let server = Server::start(|seen| if seen.method == Method::HEAD { status(200) } else { takes(seen, "/") }).await;
    push(&server, &[], &reference(&server)).await.unwrap();
    assert_eq!(server.seen().iter().filter(|seen| seen.method != Method::HEAD).count(), 1);
}

#[tokio::test]
async fn an_upload_to_another_host_carries_no_credentials() {
    let storage = Server::start(|_| status(201)).await;
    let uploads = storage.url("/upload");
    let server = Server::start(move |seen| match seen.authorization() {
        None => {
            let mut response = status(401);
            response.headers_mut().insert("www-authenticate", "Basic".parse().unwrap());
            response
        }
        Some(_) => takes(seen, &uploads),
    })
    .await;
    push(&server, &[&storage], &reference(&server)).await.unwrap();
    assert_eq!(storage.asked(), ["PUT /upload", "PUT /upload"]);
    assert!(storage.seen().iter().all(|seen| seen.authorization().is_none()));
}

#[tokio::test]
async fn a_failed_upload_begins_anew() {
    let uploads = Arc::new(Mutex::new(0));
    let server = Server::start(move |seen| {
        let mut uploads = uploads.lock().unwrap();
        *uploads += usize::from(seen.path() == "/upload");
        if seen.path() == "/upload" && *uploads == 1 { status(502) } else { takes(seen, "/upload") }
    })
    .await;
    push(&server, &[], &reference(&server)).await.unwrap();
    assert_eq!(server.asked().iter().filter(|asked| asked.starts_with("POST")).count(), 3);
}

#[tokio::test]
async fn a_pinned_reference_takes_nothing_else() {
    let server = Server::start(|seen| takes(seen, "/upload")).await;
    let error = push(&server, &[], &reference(&server).pinned(Digest::of(b""))).await.unwrap_err();
    assert!(matches!(error.problem(), Problem::WrongDigest { .. }), "{error}");
    assert_eq!(server.seen().len(), 0);
}
