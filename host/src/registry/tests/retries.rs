//! What passes is tried again; what does not is told at once.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures::stream;
use http::header::{CONTENT_LENGTH, RETRY_AFTER};

use super::*;
use crate::registry::Problem;

/// A server that gives the first answer so often, and then what a registry should.
async fn at_first(times: usize, first: fn() -> Response) -> Server {
    let asked = Arc::new(AtomicUsize::new(0));
    Server::start(move |seen| if asked.fetch_add(1, Ordering::Relaxed) < times { first() } else { pulled(seen) }).await
}

/// Half of what its header promises.
fn truncated() -> Response {
    let half = stream::iter([Ok::<_, Infallible>(&artifact().manifest[..40])].map(|it| it.map(<[u8]>::to_vec)));
    let mut response = Response::new(Body::from_stream(half));
    response.headers_mut().insert(CONTENT_LENGTH, 80.into());
    response
}

fn busy() -> Response {
    let mut response = status(429);
    response.headers_mut().insert(RETRY_AFTER, 1.into());
    response
}

#[tokio::test]
async fn failures_that_pass_are_tried_again() {
    for first in [truncated, || status(500), || status(503), || status(429)] {
        let server = at_first(2, first).await;
        let pulled = pull(&registry(&[&server], Credentials::default()), &server).await;
        assert_eq!(pulled.unwrap().component, COMPONENT);
        assert_eq!(server.seen().len(), 4);
    }
}

#[tokio::test]
async fn a_busy_registry_gets_the_time_it_asks_for() {
    let server = at_first(1, busy).await;
    let start = Instant::now();
    pull(&registry(&[&server], Credentials::default()), &server).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn failures_that_stay_end_after_a_few_attempts() {
    for first in [truncated, || status(500), || status(429)] {
        let server = at_first(usize::MAX, first).await;
        assert!(failure(&server).await.passes());
        assert_eq!(server.seen().len(), 4);
    }
}

#[tokio::test]
async fn refusals_are_told_at_once() {
    for (answer, words) in [
        (401, "unauthorized: the registry wants credentials; give some in spec.source.oci.pullSecrets"),
        (403, "forbidden: give the credentials of somebody who may do this in spec.source.oci.pullSecrets"),
        (404, "not found: check the name, and whether the tag has been pushed"),
        (400, "the registry answered 400 Bad Request"),
    ] {
        let server = Server::start(move |_| status(answer)).await;
        let error = failure(&server).await;
        assert!(error.to_string().starts_with(&format!("{}: {words}", reference(&server))), "{error}");
        assert!(!error.passes());
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_silent_registry_is_given_up_after_the_time_limit() {
    let server =
        Server::start(|_| Response::new(Body::from_stream(stream::pending::<Result<Vec<u8>, Infallible>>()))).await;
    let registry = Registry { time_limit: Duration::from_millis(200), ..registry(&[&server], Credentials::default()) };
    let error = pull(&registry, &server).await.err().unwrap();
    assert!(error.to_string().contains("not done after 0.2 s"), "{error}");
    assert!(matches!(error.problem(), Problem::Slow(_)) && error.passes());
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_named() {
    let server = Server::start(pulled).await;
    let (registry, reference) = (registry(&[&server], Credentials::default()), reference(&server));
    drop(server);
    // Another process may take the port meanwhile; nobody listens on port 1.
    let nowhere: Reference = reference.to_string().replace(&reference.registry()[10..], "1").parse().unwrap();
    let error = registry.pull(&nowhere, LIMIT, &Progress::default()).await.err().unwrap();
    assert!(error.passes(), "{error}");
    assert!(error.to_string().contains("no connection to 127.0.0.1: "), "{error}");
}
