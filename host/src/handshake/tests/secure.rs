//! https: whom a target trusts is trusted, and nobody else.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::server::*;
use super::*;

/// The name in the certificates; a connect-to rule leads it to loopback.
const NAME: &str = "mcp.test";

fn authority(name: &str) -> (Certificate, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap(), Issuer::new(params, key))
}

fn signed(params: &CertificateParams, by: &Issuer<'static, KeyPair>) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, by).unwrap(), key)
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

/// Serves `server` by TLS as well, in this runtime.
async fn by_tls(server: &Server, (certificate, key): (Certificate, KeyPair)) -> SocketAddr {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (acceptor, plain) = (TlsAcceptor::from(Arc::new(config)), server.address);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut outside = acceptor.accept(stream).await?;
                let mut inside = tokio::net::TcpStream::connect(plain).await?;
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await
            });
        }
    });
    address
}

/// Asks for `https://mcp.test/mcp` at `address`, trusting `tls`.
async fn ask(address: SocketAddr, tls: Tls) -> Result<Answer, Unanswered> {
    let client = Client::new(vec![format!("{NAME}:443:127.0.0.1:{}", address.port()).parse().unwrap()]);
    client.attempt(&Target { url: format!("https://{NAME}/mcp"), tls, era: None }).await
}

fn trusting(certificate: &Certificate) -> Tls {
    Tls::Roots(certificate.pem().into_bytes())
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_in_the_bundle() {
    let (ca, issuer) = authority("ours");
    let server = Server::start(|request| legacy(request, |_| status(400)));
    let address = by_tls(&server, signed(&named(NAME), &issuer)).await;
    verified(&ask(address, trusting(&ca)).await);
    assert_eq!(server.asked(), ["server/discover", "initialize", "notifications/initialized", "DELETE"]);
    assert_eq!(server.seen()[0].header("host"), Some(NAME));
}

#[tokio::test]
async fn another_authority_is_refused_and_so_are_the_systems() {
    let (_, issuer) = authority("theirs");
    let server = Server::start(modern);
    let address = by_tls(&server, signed(&named(NAME), &issuer)).await;
    let words = |answer: Result<Answer, Unanswered>| answer.unwrap_err().to_string();

    let unknown = "TLS: certificate signed by unknown authority";
    assert_eq!(words(ask(address, trusting(&authority("ours").0)).await), unknown);
    let namesake = "TLS: certificate signed by unknown authority, which shares its name with a trusted one";
    assert_eq!(words(ask(address, trusting(&authority("theirs").0)).await), namesake);
    let by_system = words(ask(address, Tls::SystemRoots).await);
    let rootless = "TLS: the operator's own system has no root certificates";
    assert!([unknown, rootless].contains(&&*by_system), "{by_system}");
    assert!(server.seen().is_empty(), "nothing is said to a server that is not trusted");
}

#[tokio::test]
async fn skip_verify_takes_any_certificate() {
    let (_, issuer) = authority("ours");
    let server = Server::start(modern);
    let mut expired = named("other.test");
    expired.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let address = by_tls(&server, signed(&expired, &issuer)).await;
    verified(&ask(address, Tls::SkipVerify).await);
}

#[tokio::test]
async fn a_certificate_out_of_its_time_or_for_another_name_is_refused() {
    let (ca, issuer) = authority("ours");
    let server = Server::start(modern);
    let mut expired = named(NAME);
    expired.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let mut early = named(NAME);
    early.not_before = rcgen::date_time_ymd(2999, 1, 1);
    for (params, words) in [
        (expired, "TLS: certificate has expired"),
        (early, "TLS: certificate is not valid yet"),
        (named("other.test"), "TLS: certificate is not valid for the Service's host name"),
    ] {
        let address = by_tls(&server, signed(&params, &issuer)).await;
        assert_eq!(ask(address, trusting(&ca)).await.unwrap_err().to_string(), words);
    }
}

/// What `openssl req -x509` makes: an authority that is the server's own certificate.
fn self_signed(params: &mut CertificateParams) -> (Certificate, KeyPair) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap(), key)
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_when_it_is_in_the_bundle_itself() {
    let server = Server::start(modern);
    let own = self_signed(&mut named(NAME));
    let bundle = trusting(&own.0);
    let address = by_tls(&server, own).await;
    verified(&ask(address, bundle).await);
}

#[tokio::test]
async fn a_self_signed_certificate_outside_the_bundle_is_refused() {
    let server = Server::start(modern);
    let address = by_tls(&server, self_signed(&mut named(NAME))).await;
    let other = self_signed(&mut named(NAME)).0;
    let words = ask(address, trusting(&other)).await.unwrap_err().to_string();
    assert_eq!(words, "TLS: certificate is a CA certificate that is not itself trusted");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_self_signed_certificate_in_the_bundle_still_needs_time_and_name() {
    let server = Server::start(modern);
    let mut expired = named(NAME);
    expired.not_after = rcgen::date_time_ymd(2001, 1, 1);
    for (mut params, words) in [
        (expired, "TLS: certificate has expired"),
        (named("other.test"), "TLS: certificate is not valid for the Service's host name"),
    ] {
        let own = self_signed(&mut params);
        let bundle = trusting(&own.0);
        let address = by_tls(&server, own).await;
        assert_eq!(ask(address, bundle).await.unwrap_err().to_string(), words);
    }
}

#[tokio::test]
async fn http_and_https_taken_for_each_other_are_named() {
    let (ca, issuer) = authority("ours");
    let server = Server::start(modern);
    let words = ask(server.address, trusting(&ca)).await.unwrap_err().to_string();
    assert_eq!(words, "TLS: the server does not speak TLS on this port");
    let address = by_tls(&server, signed(&named(NAME), &issuer)).await;
    assert_eq!(failure(format!("http://{address}/mcp")).await, "answered with something that is not HTTP");
}

#[tokio::test]
async fn a_server_that_never_finishes_the_tls_handshake_is_given_up() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("https://{}/mcp", listener.local_addr().unwrap());
    let patience = Patience { connect: Duration::from_millis(100), ..Patience::USUAL };
    let client = Client { patience, ..Client::new(Vec::new()) };
    let words = client.attempt(&Target { tls: Tls::SkipVerify, ..target(url) }).await.unwrap_err().to_string();
    assert_eq!(words, "connection timed out; does a network policy allow the operator in?");
}
