//! One attempt to verify that a real MCP server answers at a URL.
//!
//! Two eras of the protocol are in the field: stateless servers answer `server/discover` (2026-07-28), older ones
//! `initialize` (up to 2025-11-25). An attempt asks the way the server answered last time, the stateless way when that is
//! unknown, and the other way when the first is not understood. rmcp speaks both; what it may do is bounded in
//! `handshake/transport.rs`. The operator has attempts made in a process of their own, `handshake/apart.rs`. When to attempt,
//! and what a status says about it, is decided elsewhere. Touches the network.

mod answer;
mod apart;
mod connect_to;
mod failure;
mod line;
mod server_info;
#[cfg(test)]
mod tests;
mod tls;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation, ProtocolVersion, ServerPeerInfo};
use rmcp::service::{ClientInitializeError, ClientLifecycleMode, ClientServiceExt};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

pub use apart::{Apart, serve};
pub use connect_to::{ConnectTo, InvalidRule};
pub use failure::Unanswered;
pub(crate) use failure::cause;
pub use server_info::{Capabilities, ServerInfo};
pub(crate) use tls::client_config;
pub use tls::{Tls, ca_bundle_problem};

use failure::Failure;
use line::Line;
use transport::{Conversation, Session, Wire};

/// The server to ask.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Target {
    /// Its URL, http or https.
    pub url: String,
    /// Whom to trust with an https URL.
    pub tls: Tls,
    /// What this server spoke last time: that is asked first.
    pub era: Option<Era>,
}

/// The two ways in which MCP servers are spoken to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Era {
    /// Revision 2026-07-28: `server/discover`, no session.
    Stateless,
    /// Revision 2025-11-25 and older: `initialize`, then `notifications/initialized`.
    Session,
}

impl Era {
    fn other(self) -> Self {
        match self {
            Self::Stateless => Self::Session,
            Self::Session => Self::Stateless,
        }
    }
}

/// What an attempt found.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Answer {
    /// An MCP server answered.
    Verified {
        /// How it was spoken to.
        era: Era,
        /// What it says about itself.
        info: ServerInfo,
    },
    /// The server is reachable and wants credentials (401 or 403), which the operator never has.
    AuthRequired,
}

/// What one attempt came to.
pub type Outcome = Result<Answer, Unanswered>;

/// Who makes attempts.
pub trait Attempts: Send + Sync {
    /// Makes one attempt, which always ends.
    fn attempt<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Outcome>;
}

/// How long an attempt waits, step by step. The longest attempt asks both ways and then closes a session.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// For one connection with name resolution and TLS; part of the time for the question.
    connect: Duration,
    /// For `server/discover`.
    discover: Duration,
    /// For `initialize` and `notifications/initialized` together.
    initialize: Duration,
    /// For closing sessions afterwards.
    close: Duration,
}

impl Patience {
    /// Adds up to 15 s, and to less than 10 s for every request.
    const USUAL: Self = Self {
        connect: Duration::from_secs(4),
        discover: Duration::from_secs(5),
        initialize: Duration::from_secs(8),
        close: Duration::from_secs(2),
    };

    fn with(self, era: Era) -> Duration {
        match era {
            Era::Stateless => self.discover,
            Era::Session => self.initialize,
        }
    }
}

/// Makes attempts. Holds what they share, and no connection.
#[derive(Clone, Debug)]
pub struct Client {
    connect_to: Vec<ConnectTo>,
    patience: Patience,
}

impl Client {
    /// A client whose connections go where `connect_to` says; the first rule that matches counts.
    pub fn new(connect_to: Vec<ConnectTo>) -> Self {
        Self { connect_to, patience: Patience::USUAL }
    }

    /// Makes one attempt, which ends within 15 s. Sends no credentials, follows no redirect, opens no GET stream and
    /// closes the session it opened.
    ///
    /// When the future is dropped before it ends, requests end with it, and an opened session is left to the server.
    pub async fn attempt(&self, target: &Target) -> Outcome {
        let line = Line::to(target, &self.connect_to, self.patience.connect)?;
        let mut attempt = Attempt { line, patience: self.patience, sessions: Vec::new() };
        let outcome = attempt.ask_both_ways(target.era.unwrap_or(Era::Stateless)).await;
        attempt.close_sessions().await;
        match outcome {
            Ok((era, info)) => Ok(Answer::Verified { era, info }),
            Err(Failure::AuthRequired) => Ok(Answer::AuthRequired),
            Err(failure) => Err(failure.into()),
        }
    }
}

impl Attempts for Client {
    fn attempt<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Outcome> {
        self.attempt(target).boxed()
    }
}

struct Attempt {
    line: Line,
    patience: Patience,
    sessions: Vec<Session>,
}

impl Attempt {
    async fn ask_both_ways(&mut self, first: Era) -> Result<(Era, ServerInfo), Failure> {
        let failure = match self.ask(first).await {
            Ok(info) => return Ok((first, info)),
            Err(failure) if failure.ends_the_attempt() => return Err(failure),
            Err(failure) => failure,
        };
        let second = first.other();
        match (self.ask(second).await, second) {
            (Ok(info), _) => Ok((second, info)),
            (Err(again), _) if again.ends_the_attempt() => Err(again),
            (Err(again), Era::Session) => Err(Failure::more_telling(failure, again)),
            (Err(again), Era::Stateless) => Err(Failure::more_telling(again, failure)),
        }
    }

    async fn ask(&mut self, era: Era) -> Result<ServerInfo, Failure> {
        let patience = self.patience.with(era);
        let (conversation, wire) = Conversation::begin(&self.line);
        let outcome = timeout(patience, converse(wire, era)).await;
        let (failure, session) = conversation.end().await;
        self.sessions.extend(session);
        match outcome {
            Ok(Ok(Some(peer))) => Ok(ServerInfo::from(&*peer)),
            Ok(Ok(None)) => Err(Failure::WrongResult),
            Ok(Err(error)) => Err(failure.unwrap_or_else(|| Failure::of_mcp(&error))),
            Err(_elapsed) => Err(Failure::TimedOut(patience)),
        }
    }

    async fn close_sessions(&mut self) {
        let closing = self.sessions.drain(..).map(|session| session.close(&self.line));
        if timeout(self.patience.close, join_all(closing)).await.is_err() {
            tracing::debug!("a server did not answer in time when asked to close the MCP session");
        }
    }
}

/// Lets rmcp make the handshake of `era`, then ends its client.
async fn converse(wire: Wire, era: Era) -> Result<Option<Arc<ServerPeerInfo>>, ClientInitializeError> {
    let lifecycle = match era {
        Era::Stateless => ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] },
        Era::Session => ClientLifecycleMode::Initialize,
    };
    let operator = Implementation::new("mcp-operator", env!("CARGO_PKG_VERSION"));
    let introduction = ClientConfig::new(ClientCapabilities::default(), operator)
        .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE);
    // The wire knows the URL; rmcp need not.
    let config = StreamableHttpClientTransportConfig::with_uri("");
    let transport = StreamableHttpClientTransport::with_client(wire, config);
    let service = introduction.serve_with_lifecycle(transport, lifecycle).await?;
    let peer = service.peer_info();
    // An error here is a panic of rmcp's task, which has ended all the same.
    let _ = service.cancel().await;
    Ok(peer)
}
