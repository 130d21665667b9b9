//! Answers that are too much, too little, or something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::*;
use crate::registry::Problem;

/// 64 KiB without end; counts the pieces that were taken.
fn flood(taken: &Arc<AtomicUsize>) -> Response {
    let taken = taken.clone();
    let piece = move |_| {
        taken.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(vec![b' '; 64 << 10])
    };
    Response::new(Body::from_stream(stream::iter(0..).map(piece)))
}

/// The artifact's manifest with something else at this place.
fn forged(pointer: &str, value: &Value) -> Response {
    let mut manifest: Value = serde_json::from_slice(&artifact().manifest).unwrap();
    *manifest.pointer_mut(pointer).unwrap() = value.clone();
    Response::new(manifest.to_string().into())
}

fn is_manifest(seen: &Seen) -> bool {
    seen.path().contains("/manifests/")
}

#[tokio::test]
async fn an_endless_manifest_is_cut_off() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let server = Server::start(move |_| flood(&counted)).await;
    let error = failure(&server).await;
    assert!(error.to_string().ends_with("the manifest is too large: more than 1 MiB"), "{error}");
    // What the sockets between the two buffer, and no more.
    assert!(taken.load(Ordering::Relaxed) < 1000, "{taken:?} pieces");
}

#[tokio::test]
async fn an_endless_component_is_cut_off() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let server = Server::start(move |seen| if is_manifest(seen) { pulled(seen) } else { flood(&counted) }).await;
    let error = failure(&server).await;
    assert!(matches!(error.problem(), Problem::WrongSize(size) if *size == COMPONENT.len() as u64), "{error}");
    assert!(taken.load(Ordering::Relaxed) < 1000, "{taken:?} pieces");
}

#[tokio::test]
async fn an_endless_error_is_cut_off() {
    let server = Server::start(|_| {
        let mut response = flood(&Arc::default());
        *response.status_mut() = StatusCode::FORBIDDEN;
        response
    })
    .await;
    assert!(matches!(failure(&server).await.problem(), Problem::Forbidden { code: None, .. }));
}

#[tokio::test]
async fn an_endless_token_is_cut_off() {
    let server = Server::start(|seen| {
        if seen.path() == "/token" {
            return flood(&Arc::default());
        }
        let mut response = status(401);
        let how = format!(r#"Bearer realm="http://{}/token""#, seen.headers["host"].to_str().unwrap());
        response.headers_mut().insert("www-authenticate", how.parse().unwrap());
        response
    })
    .await;
    assert!(matches!(failure(&server).await.problem(), Problem::TooLarge { what: "the token", .. }));
}

#[tokio::test]
async fn a_component_above_the_limit_is_not_even_asked_for() {
    let server = Server::start(|_| forged("/layers/0/size", &json!(LIMIT + 1))).await;
    let error = failure(&server).await;
    assert!(error.to_string().ends_with("the component is too large: more than 1 MiB"), "{error}");
    assert_eq!(server.asked(), ["GET /v2/team/policy/manifests/1"]);
}

#[tokio::test]
async fn a_component_of_another_size_than_its_manifest_says_is_refused() {
    for (size, length) in [(14, 13), (13, 14), (14, 0)] {
        let server = Server::start(move |seen| {
            if is_manifest(seen) {
                forged("/layers/0/size", &json!(size))
            } else {
                Response::new(vec![0; length].into())
            }
        })
        .await;
        let error = failure(&server).await;
        assert!(matches!(error.problem(), Problem::WrongSize(found) if *found == size), "{error}");
        assert_eq!(server.seen().len(), 2, "it was tried again");
    }
}

#[tokio::test]
async fn a_component_with_another_digest_is_refused() {
    let other = |seen: &Seen| {
        if is_manifest(seen) { pulled(seen) } else { Response::new(vec![0; COMPONENT.len()].into()) }
    };
    let error = failure(&Server::start(other).await).await;
    assert!(matches!(error.problem(), Problem::WrongDigest { what: "the component", .. }), "{error}");
}

#[tokio::test]
async fn a_manifest_with_another_digest_than_the_pinned_one_is_refused() {
    let server = Server::start(|_| Response::new(artifact().manifest.into())).await;
    let pinned = reference(&server).pinned(Digest::of(b"another"));
    let registry = registry(&[&server], Credentials::default());
    let error = registry.pull(&pinned, LIMIT, &Progress::default()).await.err().unwrap();
    assert!(matches!(error.problem(), Problem::WrongDigest { what: "the manifest", .. }), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn what_is_no_component_is_refused_before_it_is_fetched() {
    let layers = serde_json::from_slice::<Value>(&artifact().manifest).unwrap()["layers"][0].clone();
    for (pointer, value) in [
        ("/config/mediaType", json!("application/vnd.oci.image.config.v1+json")),
        ("/layers/0/mediaType", json!("application/vnd.oci.image.layer.v1.tar")),
        ("/layers", json!([layers, layers])),
    ] {
        let server = Server::start(move |_| forged(pointer, &value)).await;
        let error = failure(&server).await;
        assert!(matches!(error.problem(), Problem::NotComponent(_)), "{error}");
        assert!(!error.passes());
        assert_eq!(server.seen().len(), 1);
    }
}
