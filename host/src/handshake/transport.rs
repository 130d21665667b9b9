//! The HTTP below rmcp's client: one POST per message, the whole answer at once, and nothing else.
//!
//! rmcp speaks the protocol; this limits what it may do and remembers what it forgets. There is no GET stream, no
//! credential leaves, answers are bounded, every failure is kept in words, and the session is remembered from the moment
//! a server opens it, so that it can be closed whatever happens next (rmcp forgets it when the handshake fails later).

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use futures::stream::BoxStream;
use http::header::{ACCEPT, LOCATION};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use reqwest::{Response, Url};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage, ServerResult};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::Sse;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::answer;
use super::failure::Failure;
use super::line::Line;

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// A session that a server opened and that is still to be closed.
#[derive(Debug)]
pub(super) struct Session {
    id: HeaderValue,
    version: Option<HeaderValue>,
}

impl Session {
    /// Asks the server to end the session; it may decline. Source: MCP 2025-11-25, Streamable HTTP, session management.
    pub(super) async fn close(self, line: &Line) {
        let mut request = line.request(Method::DELETE).header(SESSION_ID, self.id);
        if let Some(version) = self.version {
            request = request.header(PROTOCOL_VERSION, version);
        }
        match request.send().await {
            Ok(response) => tracing::debug!(status = response.status().as_u16(), "asked to close the MCP session"),
            Err(error) => tracing::debug!(%error, "could not ask to close the MCP session"),
        }
    }
}

/// What is remembered of one conversation, each the first time it happens.
#[derive(Debug, Default)]
struct Record {
    failure: OnceLock<Failure>,
    session: OnceLock<HeaderValue>,
    version: OnceLock<HeaderValue>,
}

/// One conversation with a server, seen from the side that started it.
#[derive(Debug)]
pub(super) struct Conversation {
    record: Arc<Record>,
    hung_up: CancellationToken,
    wires: mpsc::Receiver<Infallible>,
}

/// The same conversation, seen from rmcp: the HTTP client it is given.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    line: Line,
    record: Arc<Record>,
    hung_up: CancellationToken,
    /// Never sent on: its end tells that no task of rmcp holds a wire any more.
    _alive: mpsc::Sender<Infallible>,
}

impl Conversation {
    /// Begins a conversation over `line`.
    pub(super) fn begin(line: &Line) -> (Self, Wire) {
        let (alive, wires) = mpsc::channel(1);
        let record = Arc::new(Record::default());
        let hung_up = CancellationToken::new();
        let wire = Wire { line: line.clone(), record: record.clone(), hung_up: hung_up.clone(), _alive: alive };
        (Self { record, hung_up, wires }, wire)
    }

    /// Ends what is still under way and returns when rmcp's tasks are gone: why the HTTP failed, if it did, and the
    /// session that the server opened, if it did.
    pub(super) async fn end(mut self) -> (Option<Failure>, Option<Session>) {
        self.hung_up.cancel();
        // Without this rmcp's task would wait for a server that never answers.
        let _: Option<Infallible> = self.wires.recv().await;
        let session = self.record.session.get().cloned();
        let version = self.record.version.get().cloned();
        (self.record.failure.get().cloned(), session.map(|id| Session { id, version }))
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.hung_up.cancel();
    }
}

impl Wire {
    async fn post(
        &self,
        message: &ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let mut request = self.line.request(Method::POST).header(ACCEPT, "application/json, text/event-stream");
        if let Some(session) = session {
            request = request.header(SESSION_ID, &*session);
        }
        let request = request.headers(headers.into_iter().collect()).json(message);
        let response = request.send().await.map_err(|error| Failure::of_http(&error))?;
        let session = self.remember_session(&response);
        refuse(&response, &self.line)?;
        if !matches!(message, ClientJsonRpcMessage::Request(_)) {
            // Nothing is awaited; some servers answer 200 with a body all the same.
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if matches!(response.status(), StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Err(Failure::Silent(response.status()));
        }
        let answer = answer::read(response).await?;
        self.remember_version(&answer);
        Ok(StreamableHttpPostResponse::Json(answer, session))
    }

    fn remember_session(&self, response: &Response) -> Option<String> {
        let id = response.headers().get(SESSION_ID)?;
        let id = self.record.session.get_or_init(|| id.clone());
        id.to_str().ok().map(str::to_owned)
    }

    fn remember_version(&self, answer: &ServerJsonRpcMessage) {
        if let ServerJsonRpcMessage::Response(response) = answer
            && let ServerResult::InitializeResult(result) = &response.result
            && let Ok(version) = HeaderValue::from_str(result.protocol_version.as_str())
        {
            self.record.version.get_or_init(|| version);
        }
    }
}

/// Turns every status that carries no answer into the failure it stands for.
fn refuse(response: &Response, line: &Line) -> Result<(), Failure> {
    match response.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::AuthRequired),
        status if status.is_redirection() => Err(redirection(response, line)),
        status if status.is_success() => Ok(()),
        status => Err(Failure::Status(status)),
    }
}

/// Where a redirect leads, without the query: a login page's changes with each request.
fn redirection(response: &Response, line: &Line) -> Failure {
    let Some(location) = response.headers().get(LOCATION).and_then(|location| location.to_str().ok()) else {
        return Failure::Status(response.status());
    };
    let place = match Url::parse(location) {
        Ok(url) if line.is_to_origin_of(&url) => url.path().to_owned(),
        Ok(url) => format!("{}{}", url.origin().ascii_serialization(), url.path()),
        Err(_) => location.split(['?', '#']).next().unwrap_or_default().to_owned(),
    };
    Failure::Redirect(place.chars().take(200).collect())
}

impl StreamableHttpClient for Wire {
    type Error = Failure;

    async fn post_message(
        &self,
        _uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, StreamableHttpError<Failure>> {
        let outcome = tokio::select! {
            biased;
            () = self.hung_up.cancelled() => return Err(StreamableHttpError::TransportChannelClosed),
            outcome = self.post(&message, session_id, custom_headers) => outcome,
        };
        outcome.map_err(|failure| {
            self.record.failure.get_or_init(|| failure.clone());
            StreamableHttpError::Client(failure)
        })
    }

    /// Nothing: [`Session::close`] does it, also where rmcp would not.
    async fn delete_session(
        &self,
        _uri: Arc<str>,
        _session_id: Arc<str>,
        _auth_header: Option<String>,
        _custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), StreamableHttpError<Failure>> {
        Ok(())
    }

    /// Refused: the operator listens to nobody.
    async fn get_stream(
        &self,
        _uri: Arc<str>,
        _session_id: Option<Arc<str>>,
        _last_event_id: Option<String>,
        _auth_header: Option<String>,
        _custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, StreamableHttpError<Failure>> {
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    }
}
