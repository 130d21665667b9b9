//! Where a registry may lead us, and what does not come along.

use http::header::WWW_AUTHENTICATE;

use super::*;
use crate::registry::Problem;

/// A registry for marie whose components are somewhere else.
async fn leading_to(elsewhere: String) -> Server {
    Server::start(move |seen| match seen.authorization() {
        Some(BASIC) if seen.path().contains("/blobs/") => redirect(&elsewhere),
        Some(BASIC) => pulled(seen),
        _ => {
            let mut response = status(401);
            response.headers_mut().insert(WWW_AUTHENTICATE, "Basic".parse().unwrap());
            response
        }
    })
    .await
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_host() {
    let storage = Server::start(|_| Response::new(COMPONENT.into())).await;
    let server = leading_to(storage.url("/signed?key=abc")).await;
    let pulled = pull(&registry(&[&server, &storage], marie(&server)), &server).await.unwrap();
    assert_eq!(pulled.component, COMPONENT);
    let seen = &storage.seen()[0];
    assert_eq!((seen.uri.to_string().as_str(), seen.authorization()), ("/signed?key=abc", None));
}

#[tokio::test]
async fn a_challenge_of_another_host_is_not_met() {
    let storage = Server::start(|seen| {
        let mut response = status(401);
        let how = format!(r#"Bearer realm="http://{}/token""#, seen.headers["host"].to_str().unwrap());
        response.headers_mut().insert(WWW_AUTHENTICATE, how.parse().unwrap());
        response
    })
    .await;
    let server = leading_to(storage.url("/signed")).await;
    let error = pull(&registry(&[&server, &storage], marie(&server)), &server).await.err().unwrap();
    assert!(matches!(error.problem(), Problem::Unauthorized { .. }), "{error}");
    assert_eq!(storage.asked(), ["GET /signed"]);
    assert_eq!(storage.seen()[0].authorization(), None);
}

#[tokio::test]
async fn a_redirect_to_plain_http_is_not_followed() {
    let storage = Server::start(|_| Response::new(COMPONENT.into())).await;
    let server = leading_to(storage.url("/signed")).await;
    let error = pull(&registry(&[&server], marie(&server)), &server).await.err().unwrap();
    assert!(error.to_string().contains("redirects in circles, or to plain HTTP"), "{error}");
    assert!(!error.passes() && storage.seen().is_empty());
}

#[tokio::test]
async fn redirects_in_circles_end() {
    let server = Server::start(|seen| redirect(seen.path())).await;
    let error = failure(&server).await;
    assert!(error.to_string().contains("redirects in circles"), "{error}");
    assert_eq!(server.seen().len(), 6);
}
