//! One conversation with a registry about one repository: who we are, where we let ourselves be led, and how much we
//! listen to.
//!
//! Redirects are followed to https and to the listed plain-HTTP registries only; `Authorization` stays behind where the
//! host, the port or the scheme changes. A challenge is met only when the registry itself puts it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use reqwest::{RequestBuilder, Response, Url, redirect};
use serde_json::Value;

use super::Access;
use super::credentials::Credentials;
use super::error::{Error, Problem};
use super::login::{self, Challenge};
use super::progress::Progress;
use super::reference::Reference;
use crate::handshake::{Tls, client_config};

const USER_AGENT: &str = concat!("mcp-operator/", env!("CARGO_PKG_VERSION"));
const CONNECT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer.
const SILENCE: Duration = Duration::from_secs(30);
const REDIRECTS: usize = 5;
/// The largest token or error that is read.
const SMALL: usize = 64 << 10;

/// The client that all conversations share.
pub(super) struct Client {
    http: reqwest::Client,
    credentials: Credentials,
    credentials_from: &'static str,
    plain_http: Arc<[String]>,
}

/// What is done with a repository.
#[derive(Clone, Copy)]
pub(super) enum Action {
    Pull,
    Push,
}

/// One conversation.
pub(super) struct Session<'a> {
    client: &'a Client,
    reference: &'a Reference,
    action: Action,
    /// `/v2/` of the registry.
    base: Url,
    /// What the last challenge gave.
    authorization: Mutex<Option<HeaderValue>>,
}

impl Client {
    pub(super) fn new(access: Access) -> Result<Self, Error> {
        let Access { credentials, credentials_from, ca, plain_http, time_limit: _ } = access;
        let plain_http: Arc<[String]> = plain_http.into();
        let allowed = plain_http.clone();
        let redirects = redirect::Policy::custom(move |attempt| {
            let wrong = attempt.previous().len() > REDIRECTS || !permitted(attempt.url(), &allowed);
            if wrong { attempt.error("not followed") } else { attempt.follow() }
        });
        let unusable = |why| Error::new("the way to registries".to_owned(), Problem::Trust(why));
        let tls = client_config(&ca.map_or(Tls::SystemRoots, Tls::Roots)).map_err(unusable)?;
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirects)
            .referer(false)
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|_| unusable("no HTTP client can be made"))?;
        Ok(Self { http, credentials, credentials_from, plain_http })
    }

    pub(super) fn talk<'a>(&'a self, reference: &'a Reference, action: Action) -> Result<Session<'a>, Problem> {
        let listed = self.plain_http.iter().any(|host| host.eq_ignore_ascii_case(reference.registry()));
        let base = format!("{}://{}/v2/", if listed { "http" } else { "https" }, reference.host());
        let base = Url::parse(&base)
            .map_err(|error| Problem::Connection { host: reference.registry().to_owned(), why: error.to_string() })?;
        Ok(Session { client: self, reference, action, base, authorization: Mutex::default() })
    }
}

impl Session<'_> {
    /// The address of something in the repository, such as `blobs/sha256:…`.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{path}", self.reference.repository()));
        url
    }

    /// Where a registry's `Location` leads.
    pub(super) fn follow(&self, response: &Response, location: &str) -> Result<Url, Problem> {
        let url = response.url().join(location).map_err(|_| Problem::Protocol("its Location is no URL".to_owned()))?;
        self.permit(url)
    }

    /// Sends a request to the registry, once more after a challenge. Anything but a success is a problem.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &Url,
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Problem> {
        let request = || fill(self.client.http.request(method.clone(), url.clone()));
        let response = self.exchange(request()).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.is_registry(response.url()) {
            self.meet_challenge(response.headers()).await?;
            return self.accept(self.exchange(request()).await?).await;
        }
        self.accept(response).await
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<Response, Problem> {
        let mut request = request.build()?;
        if self.is_registry(request.url()) {
            let authorization = self.authorization.lock().expect("nobody panics with it").clone();
            request.headers_mut().extend(authorization.map(|value| (AUTHORIZATION, value)));
        }
        Ok(self.client.http.execute(request).await?)
    }

    fn is_registry(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    async fn meet_challenge(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let action = match self.action {
            Action::Pull => "pull",
            Action::Push => "pull,push",
        };
        let scope = format!("repository:{}:{action}", self.reference.repository());
        let authorization = match Challenge::of(headers, &scope) {
            Some(Challenge::Basic) => self.basic()?,
            Some(Challenge::Bearer(service)) => self.token(service).await?,
            None => return Err(self.unauthorized()),
        };
        *self.authorization.lock().expect("nobody panics with it") = Some(authorization);
        Ok(())
    }

    /// What the user's own requests carry.
    fn basic(&self) -> Result<HeaderValue, Problem> {
        let mut request = self.signed(self.client.http.get(self.base.clone()))?.build()?;
        request.headers_mut().remove(AUTHORIZATION).ok_or_else(|| self.unauthorized())
    }

    /// A token for the user, or for anybody.
    async fn token(&self, service: Url) -> Result<HeaderValue, Problem> {
        let request = self.signed(self.client.http.get(self.permit(service)?))?;
        let response = self.accept(request.send().await?).await?;
        login::bearer(&read(response, "the token", SMALL, &Progress::default()).await?)
    }

    fn signed(&self, request: RequestBuilder) -> Result<RequestBuilder, Problem> {
        Ok(match self.client.credentials.find(self.reference)? {
            Some(login) => request.basic_auth(&login.username, Some(&login.password)),
            None => request,
        })
    }

    fn permit(&self, url: Url) -> Result<Url, Problem> {
        let host = || url.host_str().unwrap_or_default().to_owned();
        if permitted(&url, &self.client.plain_http) { Ok(url) } else { Err(Problem::PlainHttp(host())) }
    }

    async fn accept(&self, response: Response) -> Result<Response, Problem> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = retry_after(response.headers());
        let code = code(response).await;
        let from = self.client.credentials_from;
        Err(match status {
            StatusCode::UNAUTHORIZED => self.unauthorized(),
            StatusCode::FORBIDDEN => Problem::Forbidden { code, from },
            StatusCode::NOT_FOUND => Problem::NotFound { code },
            StatusCode::TOO_MANY_REQUESTS => Problem::Busy { retry_after },
            status if status.is_server_error() => Problem::Server(status),
            status => Problem::Unexpected { status, code },
        })
    }

    fn unauthorized(&self) -> Problem {
        let given = matches!(self.client.credentials.find(self.reference), Ok(Some(_)));
        Problem::Unauthorized { given, from: self.client.credentials_from }
    }
}

/// Whether we let ourselves be led there: over TLS, or to a host that is listed for plain HTTP.
fn permitted(url: &Url, plain_http: &[String]) -> bool {
    url.scheme() == "https" || plain_http.iter().any(|host| host.eq_ignore_ascii_case(url.authority()))
}

/// The time in seconds that the registry asks for. The other form, a date, is rare and passed over.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// The first error code of the answer, if it looks like one.
async fn code(response: Response) -> Option<String> {
    let body = read(response, "the error", SMALL, &Progress::default()).await.ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    let code = body["errors"][0]["code"].as_str()?;
    let plain = code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    plain.then(|| code.to_owned())
}

/// The body of an answer, of at most `limit` bytes, whatever the registry says or sends.
pub(super) async fn read(
    response: Response,
    what: &'static str,
    limit: usize,
    progress: &Progress,
) -> Result<Vec<u8>, Problem> {
    let mut stream = response.bytes_stream();
    let mut body = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece?;
        if piece.len() > limit - body.len() {
            return Err(Problem::TooLarge { what, limit });
        }
        body.extend_from_slice(&piece);
        progress.tell(body.len(), limit);
    }
    Ok(body)
}
