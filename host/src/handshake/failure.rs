//! Why a handshake failed, in words that fit a condition. Pure.
//!
//! The words depend on the kind of failure alone: no time of day, no counter, no port that was drawn, nothing a server
//! makes up anew for each request. A message that differed from attempt to attempt would write the status each time.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;
use rmcp::model::ErrorCode;
use rmcp::service::ClientInitializeError;
use rustls::CertificateError;
use serde::{Deserialize, Serialize};

/// Why no MCP server answered. Its `Display` is one short sentence for a condition, the same for every attempt that
/// fails the same way; it neither names the URL nor ends in a full stop.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("{words}")]
pub struct Unanswered {
    words: String,
    is_silence: bool,
}

impl Unanswered {
    /// For an attempt that did not end by itself.
    pub fn timed_out(after: Duration) -> Self {
        Failure::TimedOut(after).into()
    }

    /// For an attempt in which the client library gave up on what the server sent.
    pub fn unreadable() -> Self {
        Failure::NotMcp.into()
    }

    /// For an attempt that could not be made.
    pub fn not_asked() -> Self {
        Failure::NotAsked.into()
    }

    /// Whether nothing at all came back.
    pub fn is_silence(&self) -> bool {
        self.is_silence
    }
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        let is_silence =
            matches!(failure, Failure::NoConnection | Failure::Unreachable | Failure::Refused | Failure::TimedOut(_));
        Self { words: failure.to_string(), is_silence }
    }
}

/// Every way in which one question to a server can fail.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Failure {
    #[error("not asked: the operator could not start a process for it, see its log")]
    NotAsked,
    #[error("the URL cannot be used: {0}")]
    Url(String),
    #[error("host name not found")]
    UnknownHost,
    #[error("connection refused")]
    Refused,
    #[error("host or network unreachable")]
    Unreachable,
    #[error("connection timed out; does a network policy allow the operator in?")]
    NoConnection,
    #[error("TLS: {0}")]
    Tls(&'static str),
    #[error("connection closed before an answer")]
    Closed,
    #[error("connection reset")]
    Reset,
    #[error("answered with something that is not HTTP")]
    NotHttp,
    #[error("no MCP answer within {0:?}")]
    TimedOut(Duration),
    /// 401 or 403. Not a failure to the caller: see [`super::Answer::AuthRequired`].
    #[error("credentials required")]
    AuthRequired,
    /// To a path of the same server, or to a URL elsewhere.
    #[error("redirects to {0}, and redirects are not followed{hint}", hint = if .0.starts_with('/') { PATH_HINT } else { "" })]
    Redirect(String),
    #[error("no MCP answer: HTTP {}{}", .0.as_u16(), hint(*.0))]
    Status(StatusCode),
    #[error("answered with {0}, not JSON or an event stream")]
    MediaType(String),
    #[error("answered with invalid JSON")]
    InvalidJson,
    #[error("answered with JSON that is not an MCP message")]
    NotMcp,
    #[error("answered with a malformed event stream")]
    MalformedStream,
    #[error("event stream ended without an answer")]
    StreamEnded,
    #[error("answer is larger than {} KiB", .0 / 1024)]
    TooLarge(usize),
    #[error("accepted the request but gave no answer (HTTP {})", .0.as_u16())]
    Silent(StatusCode),
    #[error("answered with JSON-RPC error {}{}", .0.0, meaning(*.0))]
    Rpc(ErrorCode),
    #[error("answered with a result that MCP does not define for the request")]
    WrongResult,
    #[error("supports no MCP protocol version that the operator speaks")]
    NoCommonVersion,
}

const PATH_HINT: &str = "; is `config.path` the path of its MCP endpoint?";

fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => PATH_HINT,
        _ => "",
    }
}

/// The names JSON-RPC and MCP give to their error codes.
fn meaning(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::PARSE_ERROR => " (parse error)",
        ErrorCode::INVALID_REQUEST => " (invalid request)",
        ErrorCode::METHOD_NOT_FOUND => " (method not found)",
        ErrorCode::INVALID_PARAMS => " (invalid params)",
        ErrorCode::INTERNAL_ERROR => " (internal error)",
        _ => "",
    }
}

impl Failure {
    /// Whether asking in the other era's way cannot fare better: the server was not reached, or it is not the one to ask.
    pub(super) fn ends_the_attempt(&self) -> bool {
        matches!(
            self,
            Self::Url(_)
                | Self::UnknownHost
                | Self::Refused
                | Self::Unreachable
                | Self::NoConnection
                | Self::Tls(_)
                | Self::NotHttp
                | Self::AuthRequired
                | Self::Redirect(_)
        )
    }

    /// Which of the two eras' failures tells people more.
    ///
    /// Mere "I do not know this question" tells less than anything else; otherwise a server of the field is most likely
    /// one that knows `initialize`.
    pub(super) fn more_telling(discover: Self, initialize: Self) -> Self {
        if initialize.is_rejection() && !discover.is_rejection() { discover } else { initialize }
    }

    fn is_rejection(&self) -> bool {
        match self {
            Self::Status(status) => status.is_client_error(),
            Self::Rpc(code) => {
                matches!(*code, ErrorCode::METHOD_NOT_FOUND | ErrorCode::INVALID_REQUEST | ErrorCode::INVALID_PARAMS)
            }
            Self::NoCommonVersion => true,
            _ => false,
        }
    }

    /// What an error of the HTTP client means. The only timeout that client has is the one for its connections.
    pub(super) fn of_http(error: &reqwest::Error) -> Self {
        if error.is_dns() {
            return Self::UnknownHost;
        }
        if error.is_timeout() {
            return Self::NoConnection;
        }
        let known = std::iter::successors(Some(error as &(dyn Error + 'static)), |error| cause(*error));
        known.filter_map(Self::of_cause).last().unwrap_or(Self::Closed)
    }

    fn of_cause(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(Self::Tls(tls_words(tls)));
        }
        if let Some(http) = error.downcast_ref::<hyper::Error>() {
            return http.is_parse().then_some(Self::NotHttp);
        }
        match error.downcast_ref::<io::Error>()?.kind() {
            io::ErrorKind::ConnectionRefused => Some(Self::Refused),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Some(Self::Reset),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some(Self::Unreachable),
            _ => None,
        }
    }

    /// What an error of the MCP client means when the transport below it saw none.
    pub(super) fn of_mcp(error: &ClientInitializeError) -> Self {
        match error {
            ClientInitializeError::JsonRpcError(error) => Self::Rpc(error.code),
            ClientInitializeError::NoCompatibleProtocolVersion { .. } => Self::NoCommonVersion,
            ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. } => Self::Closed,
            _ => Self::WrongResult,
        }
    }
}

/// The error below `error`. An [`io::Error`] hides the one it was made from behind `get_ref`.
pub(crate) fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn tls_words(error: &rustls::Error) -> &'static str {
    use rustls::AlertDescription as Alert;
    match error {
        rustls::Error::InvalidCertificate(problem) => certificate_words(problem),
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS on this port",
        rustls::Error::AlertReceived(Alert::CertificateRequired | Alert::BadCertificate) => {
            "the server asks for a client certificate"
        }
        rustls::Error::AlertReceived(_) => "the server refused the handshake",
        rustls::Error::PeerIncompatible(_) => "the server and the operator share no TLS version or cipher suite",
        _ => "the handshake failed",
    }
}

fn certificate_words(problem: &CertificateError) -> &'static str {
    use CertificateError as Problem;
    match problem {
        Problem::UnknownIssuer => "certificate signed by unknown authority",
        Problem::Expired | Problem::ExpiredContext { .. } => "certificate has expired",
        Problem::NotValidYet | Problem::NotValidYetContext { .. } => "certificate is not valid yet",
        Problem::NotValidForName | Problem::NotValidForNameContext { .. } => {
            "certificate is not valid for the Service's host name"
        }
        Problem::BadSignature => "certificate signed by unknown authority, which shares its name with a trusted one",
        Problem::BadEncoding => "certificate is malformed",
        Problem::Revoked => "certificate is revoked",
        Problem::InvalidPurpose | Problem::InvalidPurposeContext { .. } => "certificate is not meant for a server",
        Problem::Other(why) if matches!(why.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)) => {
            "certificate is a CA certificate that is not itself trusted"
        }
        _ => "certificate is not acceptable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_short_and_say_what_to_look_at() {
        for (failure, words) in [
            (Failure::Refused, "connection refused"),
            (
                Failure::Status(StatusCode::NOT_FOUND),
                "no MCP answer: HTTP 404; is `config.path` the path of its MCP endpoint?",
            ),
            (Failure::Status(StatusCode::BAD_GATEWAY), "no MCP answer: HTTP 502"),
            (Failure::MediaType("text/html".into()), "answered with text/html, not JSON or an event stream"),
            (Failure::TimedOut(Duration::from_secs(8)), "no MCP answer within 8s"),
            (Failure::TooLarge(1 << 18), "answer is larger than 256 KiB"),
            (Failure::Rpc(ErrorCode::INTERNAL_ERROR), "answered with JSON-RPC error -32603 (internal error)"),
            (Failure::Rpc(ErrorCode(-32000)), "answered with JSON-RPC error -32000"),
            (Failure::Tls("certificate has expired"), "TLS: certificate has expired"),
        ] {
            assert_eq!(Unanswered::from(failure).to_string(), words);
        }
    }

    #[test]
    fn a_rejection_tells_less_than_any_other_failure() {
        let unknown = || Failure::Rpc(ErrorCode::METHOD_NOT_FOUND);
        let broken = || Failure::Rpc(ErrorCode::INTERNAL_ERROR);
        let missing = || Failure::Status(StatusCode::NOT_FOUND);
        assert_eq!(Failure::more_telling(broken(), missing()), broken());
        assert_eq!(Failure::more_telling(unknown(), broken()), broken());
        assert_eq!(Failure::more_telling(unknown(), missing()), missing());
        assert_eq!(Failure::more_telling(broken(), Failure::Reset), Failure::Reset);
    }

    #[test]
    fn an_error_hidden_in_an_io_error_is_found() {
        let hidden = io::Error::other(rustls::Error::InvalidCertificate(CertificateError::Expired));
        let found = cause(&hidden).and_then(Failure::of_cause);
        assert_eq!(found, Some(Failure::Tls("certificate has expired")));
    }
}
