//! Why a registry gave or took nothing, in words for the people who named it. Pure.
//!
//! Nothing in here carries credentials, tokens or query parameters of URLs. Of what a registry says itself only the error
//! codes of the OCI distribution specification are shown: its texts might repeat what it was sent.

use std::fmt;
use std::iter::successors;
use std::time::Duration;

use http::StatusCode;

use crate::handshake::cause;
use crate::sandbox::{Bytes, Digest};

/// What went wrong, and with what.
#[derive(Debug)]
pub struct Error {
    subject: String,
    problem: Box<Problem>,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Nobody can be trusted.
    #[error("{0}")]
    Trust(&'static str),
    /// No connection, or one that broke.
    #[error("no connection to {host}: {why}")]
    Connection {
        /// With whom.
        host: String,
        /// In the words of the layer that noticed.
        why: String,
    },
    /// Somebody answers whom we do not trust, or do not understand.
    #[error(
        "no TLS with {host}: {why}; the certificate of a private authority has to be given, and plain HTTP to be allowed"
    )]
    Tls {
        /// Who should have.
        host: String,
        /// In the words of the TLS library.
        why: String,
    },
    /// The whole time went by.
    #[error("not done after {} s: look at the registry and the network, or try again", .0.as_secs_f32())]
    Slow(Duration),
    /// It wants to know who we are, or does not believe it.
    #[error(
        "unauthorized: the registry {} {from}",
        if *.given { "refused the credentials that were given" } else { "wants credentials; give some" }
    )]
    Unauthorized {
        /// Whether there were credentials for it.
        given: bool,
        /// Where users give them: `in …`, `with …`.
        from: &'static str,
    },
    /// It knows who we are, and that is not enough.
    #[error("forbidden{}: give the credentials of somebody who may do this {from}", in_brackets(.code))]
    Forbidden {
        /// The registry's error code.
        code: Option<String>,
        /// Where users give credentials: `in …`, `with …`.
        from: &'static str,
    },
    /// The registry, its repository or the tag has it not.
    #[error("not found{}: check the name, and whether the tag has been pushed", in_brackets(.code))]
    NotFound {
        /// The registry's error code.
        code: Option<String>,
    },
    /// Too many requests.
    #[error("the registry is busy (429): try again later")]
    Busy {
        /// How long it wants us to wait.
        retry_after: Option<Duration>,
    },
    /// The registry's fault.
    #[error("the registry failed ({0}): try again later, or ask who runs it")]
    Server(StatusCode),
    /// Some other status.
    #[error("the registry answered {status}{}", in_brackets(.code))]
    Unexpected {
        /// What it answered.
        status: StatusCode,
        /// The registry's error code.
        code: Option<String>,
    },
    /// It breaks its protocol.
    #[error("the registry does not keep to the OCI distribution specification: {0}")]
    Protocol(String),
    /// It sends us where we do not go.
    #[error("the registry leads to {0}, which is not https: mend its configuration")]
    PlainHttp(String),
    /// Docker's configuration leaves the credentials to a program.
    #[error(
        "its credentials are kept by the helper `docker-credential-{0}`, which is not asked: give a user name and a password"
    )]
    CredentialHelper(String),
    /// It is there and is no component.
    #[error("not a component: {0}; `mcp-render push` publishes one as it should be")]
    NotComponent(String),
    /// More than the limit.
    #[error("{what} is too large: more than {}", Bytes(*.limit))]
    TooLarge {
        /// What.
        what: &'static str,
        /// In bytes.
        limit: usize,
    },
    /// It is not as large as the manifest says.
    #[error("the component has another size than its manifest says, which is {0} bytes: push it again")]
    WrongSize(u64),
    /// It is not what was asked for.
    #[error("{what} has the digest {found}, not {wanted}: somebody replaced it, or it was damaged on the way")]
    WrongDigest {
        /// What.
        what: &'static str,
        /// As it was asked for.
        wanted: Digest,
        /// Of what came.
        found: Digest,
    },
}

impl Error {
    pub(super) fn new(subject: String, problem: Problem) -> Self {
        Self { subject, problem: Box::new(problem) }
    }

    /// What went wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Whether it may go well later, with nothing changed.
    pub fn passes(&self) -> bool {
        self.problem.passes()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.problem)
    }
}

impl std::error::Error for Error {}

impl Problem {
    /// Whether it may go well later, with nothing changed.
    pub(super) fn passes(&self) -> bool {
        matches!(self, Self::Connection { .. } | Self::Slow(_) | Self::Busy { .. } | Self::Server(_))
    }
}

impl From<reqwest::Error> for Problem {
    /// In the words of the innermost error, the only ones without the URL, which may carry a signature.
    fn from(error: reqwest::Error) -> Self {
        let host = error.url().and_then(|url| url.host_str()).unwrap_or("the registry").to_owned();
        if error.is_redirect() {
            return Self::Protocol(format!("{host} redirects in circles, or to plain HTTP"));
        }
        let causes = || successors(cause(&error), |error| cause(*error));
        let why = causes().last().map_or_else(|| "it broke".to_owned(), ToString::to_string);
        if causes().any(<dyn std::error::Error>::is::<rustls::Error>) {
            Self::Tls { host, why }
        } else {
            Self::Connection { host, why }
        }
    }
}

#[expect(clippy::ref_option, reason = "thiserror gives fields as references")]
fn in_brackets(code: &Option<String>) -> String {
    code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default()
}
