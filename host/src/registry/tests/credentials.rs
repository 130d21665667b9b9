//! Who gets credentials, and how.

use http::header::WWW_AUTHENTICATE;

use super::*;
use crate::registry::Problem;

fn challenge(value: &str) -> Response {
    let mut response = status(401);
    response.headers_mut().insert(WWW_AUTHENTICATE, value.parse().unwrap());
    response
}

/// A registry that wants this `Authorization` and says where to get it.
async fn guarded(wanted: &'static str, how: String) -> Server {
    Server::start(move |seen| if seen.authorization() == Some(wanted) { pulled(seen) } else { challenge(&how) }).await
}

/// A token service for this user, or for anybody.
async fn tokens(user: Option<&'static str>) -> Server {
    let token = || Response::new(r#"{"token": "t0ken", "expires_in": 60}"#.into());
    Server::start(move |seen| if seen.authorization() == user { token() } else { status(401) }).await
}

fn bearer(tokens: &Server) -> String {
    format!(r#"Bearer realm="{}",service="test",scope="repository:other:pull""#, tokens.url("/token"))
}

#[tokio::test]
async fn a_token_is_fetched_with_the_password_and_used_without_it() {
    let tokens = tokens(Some(BASIC)).await;
    let server = guarded("Bearer t0ken", bearer(&tokens)).await;
    let registry = registry(&[&server, &tokens], marie(&server));
    assert_eq!(pull(&registry, &server).await.unwrap().component, COMPONENT);
    let query = tokens.seen()[0].uri.query().unwrap().to_owned();
    assert_eq!(query, "service=test&scope=repository%3Ateam%2Fpolicy%3Apull");
    let shown: Vec<_> = server.seen().iter().map(|seen| seen.authorization().map(str::to_owned)).collect();
    // Once for the whole conversation.
    assert_eq!(shown, [None, Some("Bearer t0ken".to_owned()), Some("Bearer t0ken".to_owned())]);
    assert_eq!(tokens.seen().len(), 1);
}

#[tokio::test]
async fn a_public_repository_needs_a_token_and_no_password() {
    let tokens = tokens(None).await;
    let server = guarded("Bearer t0ken", bearer(&tokens)).await;
    pull(&registry(&[&server, &tokens], Credentials::default()), &server).await.unwrap();
}

#[tokio::test]
async fn a_password_is_shown_only_when_it_is_asked_for() {
    let server = guarded(BASIC, r#"Basic realm="r""#.to_owned()).await;
    pull(&registry(&[&server], marie(&server)), &server).await.unwrap();
    assert_eq!(server.seen()[0].authorization(), None);
    let open = Server::start(pulled).await;
    pull(&registry(&[&open], marie(&open)), &open).await.unwrap();
    assert!(open.seen().iter().all(|seen| seen.authorization().is_none()));
}

#[tokio::test]
async fn refused_credentials_are_told_from_missing_ones() {
    let tokens = tokens(Some("Basic somebody else")).await;
    for how in [bearer(&tokens), r#"Basic realm="r""#.to_owned()] {
        let server = guarded("Bearer another", how).await;
        let error = pull(&registry(&[&server, &tokens], marie(&server)), &server).await.err().unwrap();
        assert!(matches!(error.problem(), Problem::Unauthorized { given: true, .. }), "{error}");
        let error = pull(&registry(&[&server, &tokens], Credentials::default()), &server).await.err().unwrap();
        assert!(matches!(error.problem(), Problem::Unauthorized { given: false, .. }), "{error}");
    }
}

#[tokio::test]
async fn a_token_service_that_is_busy_is_asked_again() {
    let tokens = Server::start(|_| status(503)).await;
    let server = guarded("Bearer t0ken", bearer(&tokens)).await;
    let error = pull(&registry(&[&server, &tokens], marie(&server)), &server).await.err().unwrap();
    assert!(matches!(error.problem(), Problem::Server(StatusCode::SERVICE_UNAVAILABLE)), "{error}");
    assert_eq!(tokens.seen().len(), 4);
}

#[tokio::test]
async fn no_password_goes_to_a_token_service_in_the_clear() {
    let tokens = tokens(Some(BASIC)).await;
    let server = guarded("Bearer t0ken", bearer(&tokens)).await;
    let error = pull(&registry(&[&server], marie(&server)), &server).await.err().unwrap();
    assert!(error.to_string().contains("leads to 127.0.0.1, which is not https"), "{error}");
    assert_eq!(tokens.seen().len(), 0);
}

#[tokio::test]
async fn a_registry_that_is_not_listed_is_never_spoken_to_in_the_clear() {
    let server = Server::start(pulled).await;
    let error = pull(&registry(&[], marie(&server)), &server).await.err().unwrap();
    assert!(matches!(error.problem(), Problem::Tls { .. }) && !error.passes(), "{error}");
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn what_a_registry_repeats_does_not_get_into_messages() {
    let server = Server::start(|seen| {
        let sent = seen.authorization().unwrap_or_default();
        if sent.is_empty() {
            return challenge("Basic");
        }
        let mut response =
            Response::new(format!(r#"{{"errors": [{{"code": "{sent}", "message": "{sent}"}}]}}"#).into());
        *response.status_mut() = StatusCode::FORBIDDEN;
        response
    })
    .await;
    let error = pull(&registry(&[&server], marie(&server)), &server).await.err().unwrap();
    assert!(matches!(error.problem(), Problem::Forbidden { code: None, .. }), "{error}");
    let words = format!("{error} {error:?}");
    assert!(!words.contains("bWFyaWU6") && !words.contains(PASSWORD), "{words}");
}
