//! The way to one server: an HTTP client made for one attempt and the URL it asks.
//!
//! It carries no credentials and no cookies, follows no redirect, knows no proxy and keeps no connection. Building it
//! touches nothing; the system's root certificates are read at their first use.

use std::io;
use std::time::Duration;

use http::header::{HOST, HeaderValue};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Method, RequestBuilder, Url, redirect};

use super::connect_to::ConnectTo;
use super::failure::Failure;
use super::{Target, tls};

/// What the operator calls itself in its requests.
const USER_AGENT: &str = concat!("mcp-operator/", env!("CARGO_PKG_VERSION"));

/// The way to one server.
#[derive(Clone, Debug)]
pub(super) struct Line {
    http: reqwest::Client,
    url: Url,
    /// The origin of the target's own URL.
    origin: String,
    /// The `Host` header, where a connect-to rule changed what the client would derive from the URL.
    host: Option<HeaderValue>,
}

impl Line {
    /// The way to `target` by `rules`, with at most `patience` for a connection with all that belongs to it.
    pub(super) fn to(target: &Target, rules: &[ConnectTo], patience: Duration) -> Result<Self, Failure> {
        let mut url = parse(&target.url)?;
        let tls = if url.scheme() == "https" { tls::client_config(&target.tls) } else { tls::no_tls() };
        let tls = tls.map_err(Failure::Tls)?;
        let mut http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(0)
            .connect_timeout(patience)
            .tls_backend_preconfigured(tls);
        let origin = url.origin().ascii_serialization();
        let mut host = None;
        if let Some(elsewhere) = elsewhere(&url, rules) {
            host = HeaderValue::from_str(url.authority()).ok();
            http = http.dns_resolver(Elsewhere(elsewhere.0.clone()));
            point_to(&mut url, &elsewhere.0, elsewhere.1)?;
        }
        let http = http.build().map_err(|_| Failure::Url("no HTTP client can be made for it".to_owned()))?;
        Ok(Self { http, url, origin, host })
    }

    /// Whether `url` is on the server that the target's URL names, wherever a connect-to rule leads.
    pub(super) fn is_to_origin_of(&self, url: &Url) -> bool {
        self.origin == url.origin().ascii_serialization()
    }

    /// A request to the server, without body.
    pub(super) fn request(&self, method: Method) -> RequestBuilder {
        let request = self.http.request(method, self.url.clone());
        match &self.host {
            Some(host) => request.header(HOST, host),
            None => request,
        }
    }
}

/// Reads the URL and drops what could carry credentials.
fn parse(text: &str) -> Result<Url, Failure> {
    let mut url = Url::parse(text).map_err(|error| Failure::Url(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Failure::Url("it is neither http nor https".to_owned()));
    }
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    cleared.map_err(|()| Failure::Url("it names no host".to_owned()))?;
    url.set_fragment(None);
    Ok(url)
}

fn elsewhere(url: &Url, rules: &[ConnectTo]) -> Option<(String, u16)> {
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    ConnectTo::destination(rules, host, url.port_or_known_default()?)
}

/// Makes `url` lead to `host` and `port`. A host name stays, because TLS needs it, and is resolved to `host`; an address
/// is never resolved and must be replaced.
fn point_to(url: &mut Url, host: &str, port: u16) -> Result<(), Failure> {
    let unusable = |()| Failure::Url("the connect-to rule does not fit it".to_owned());
    url.set_port(Some(port)).map_err(unusable)?;
    if url.domain().is_some() {
        return Ok(());
    }
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    url.set_host(Some(&bracketed)).map_err(|_| unusable(()))
}

/// Resolves every name to the addresses of one host.
struct Elsewhere(String);

impl Resolve for Elsewhere {
    fn resolve(&self, _name: Name) -> Resolving {
        let host = self.0.clone();
        Box::pin(async move {
            // Port 0 stands for the URL's port.
            let found: Vec<_> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            if found.is_empty() {
                return Err(io::Error::from(io::ErrorKind::NotFound).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
