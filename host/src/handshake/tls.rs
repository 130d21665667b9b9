//! Whom a TLS connection to an MCP server or a registry trusts: the bundle of a Secret, the system's roots, or anybody.
//!
//! Reads the system's root certificates once per process; pure otherwise. No client certificate is ever presented.

use std::sync::{Arc, LazyLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme, WantsVerifier,
};
use serde::{Deserialize, Serialize};

/// Whom to trust with an https URL. Without meaning for http.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Tls {
    /// The root certificates of the operator's own system.
    SystemRoots,
    /// The certificates of a PEM bundle, and no others: the key `ca.crt` of `transport.tls.caBundleSecret`.
    Roots(Vec<u8>),
    /// Any certificate at all: `transport.tls.insecureSkipVerify`.
    SkipVerify,
}

/// What is wrong with a CA bundle, for a condition; `None` when at least one certificate in it can be trusted.
pub fn ca_bundle_problem(pem: &[u8]) -> Option<String> {
    let certificates = certificates(pem);
    if certificates.is_empty() {
        return Some("no PEM certificate in it (a block that begins with `-----BEGIN CERTIFICATE-----`)".to_owned());
    }
    roots(&certificates).is_empty().then(|| "none of the PEM blocks in it is an X.509 certificate".to_owned())
}

/// The PEM blocks that are certificates; other blocks (keys) and damaged ones are passed over.
fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect()
}

fn roots(certificates: &[CertificateDer<'static>]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    roots
}

static SYSTEM_ROOTS: LazyLock<Arc<RootCertStore>> =
    LazyLock::new(|| Arc::new(roots(&rustls_native_certs::load_native_certs().certs)));

/// The TLS settings for a connection that trusts `tls`, or why there are none.
pub(crate) fn client_config(tls: &Tls) -> Result<ClientConfig, &'static str> {
    let verifier: Arc<dyn ServerCertVerifier> = match tls {
        Tls::SystemRoots if SYSTEM_ROOTS.is_empty() => {
            return Err("the operator's own system has no root certificates");
        }
        Tls::SystemRoots => return Ok(builder()?.with_root_certificates(SYSTEM_ROOTS.clone()).with_no_client_auth()),
        Tls::Roots(pem) => Arc::new(Bundle::new(pem)?),
        Tls::SkipVerify => Arc::new(Anybody(ring::default_provider())),
    };
    Ok(builder()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// The TLS settings of a client for http URLs, which never come to use: nobody is trusted.
pub(super) fn no_tls() -> Result<ClientConfig, &'static str> {
    Ok(builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// Names the provider, so that no process-wide default needs to be installed.
fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, &'static str> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| "no usable protocol version")
}

/// Trusts what the bundle's certificates signed, and the bundle's certificates themselves.
///
/// The latter is what `openssl req -x509` makes: one self-signed certificate, marked as an authority, that the server
/// presents as its own. OpenSSL and Go accept it when it is among the roots; webpki refuses it by principle.
#[derive(Debug)]
struct Bundle {
    certificates: Vec<CertificateDer<'static>>,
    issuers: Arc<WebPkiServerVerifier>,
}

impl Bundle {
    fn new(pem: &[u8]) -> Result<Self, &'static str> {
        let certificates = certificates(pem);
        let provider = Arc::new(ring::default_provider());
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots(&certificates)), provider)
            .build()
            .map(|issuers| Self { certificates, issuers })
            .map_err(|_| "no certificate to trust in the CA bundle")
    }

    /// Whether webpki refused one of our own certificates for being an authority, and for nothing else. It checks the
    /// validity period before it comes to that.
    fn is_itself_trusted(&self, end_entity: &CertificateDer<'_>, refusal: &rustls::Error) -> bool {
        let rustls::Error::InvalidCertificate(CertificateError::Other(why)) = refusal else { return false };
        matches!(why.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)) && self.certificates.contains(end_entity)
    }
}

impl ServerCertVerifier for Bundle {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.issuers.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(refusal) if self.is_itself_trusted(end_entity, &refusal) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.issuers.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.issuers.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.issuers.supported_verify_schemes()
    }
}

/// Trusts any certificate whose key the server holds.
#[derive(Debug)]
struct Anybody(CryptoProvider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn certificate() -> String {
        rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap().cert.pem()
    }

    #[test]
    fn a_bundle_with_a_certificate_has_no_problem() {
        assert_eq!(ca_bundle_problem(certificate().as_bytes()), None);
        let among_others =
            format!("# our roots\n{}\n{}", rcgen::KeyPair::generate().unwrap().serialize_pem(), certificate());
        assert_eq!(ca_bundle_problem(among_others.as_bytes()), None);
    }

    #[test]
    fn a_bundle_without_a_certificate_is_told_apart_from_a_damaged_one() {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for pem in ["", "no PEM at all", &key, "-----BEGIN CERTIFICATE-----\nAAAA"] {
            let problem = ca_bundle_problem(pem.as_bytes()).unwrap();
            assert!(problem.starts_with("no PEM certificate in it"), "{pem}: {problem}");
        }
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(
            ca_bundle_problem(damaged.as_bytes()).unwrap(),
            "none of the PEM blocks in it is an X.509 certificate"
        );
    }

    #[test]
    fn a_bundle_without_a_certificate_is_a_failure_and_no_panic() {
        let failure = client_config(&Tls::Roots(Vec::new())).unwrap_err();
        assert_eq!(failure, "no certificate to trust in the CA bundle");
    }
}
