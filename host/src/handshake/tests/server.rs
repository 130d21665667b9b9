//! A server whose every reply the test decides, and which remembers what it was asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Seen {
    /// What was asked in one word: the JSON-RPC method of a POST, the HTTP method of everything else.
    pub fn ask(&self) -> &str {
        if self.method == Method::POST { self.body["method"].as_str().unwrap() } else { self.method.as_str() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What a server says to a request.
pub type Reply = fn(&Seen) -> Response;

/// A running server; it stops when dropped. It has a thread and a runtime of its own, so that a test can count the tasks
/// in its runtime.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _stop: oneshot::Sender<()>,
}

impl Server {
    pub fn start(reply: impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let remembered = seen.clone();
        let app = Router::new().fallback(move |request: Request| async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            let request = Seen { method: parts.method, headers: parts.headers, body };
            remembered.lock().unwrap().push(request.clone());
            reply(&request)
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    served = async { axum::serve(listener, app).await } => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self { address, seen, _stop: stop }
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// What was asked, in order.
    pub fn asked(&self) -> Vec<String> {
        self.seen().iter().map(|seen| seen.ask().to_owned()).collect()
    }
}

pub fn reply(status: u16, media_type: &str, body: impl Into<Body>) -> Response {
    Response::builder().status(status).header("content-type", media_type).body(body.into()).unwrap()
}

pub fn status(status: u16) -> Response {
    Response::builder().status(status).body(Body::empty()).unwrap()
}

/// An answer whose head comes and whose body does not.
pub fn never(media_type: &str) -> Response {
    reply(200, media_type, Body::from_stream(futures::stream::pending::<Result<String, std::io::Error>>()))
}

/// The JSON-RPC result of `request`.
pub fn result(request: &Seen, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": request.body["id"], "result": result})
}

pub fn error(id: &Value, code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

pub fn as_json(message: &Value) -> Response {
    reply(200, "application/json", message.to_string())
}

/// As servers stream: an empty event, a log message, the answer; and the stream stays open.
pub fn as_stream(message: &Value) -> Response {
    let log = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "hi"}});
    let events = format!("id: 1\ndata: \n\nevent: message\ndata: {log}\n\nevent: message\ndata: {message}\n\n");
    let open = futures::stream::once(async { Ok::<_, std::io::Error>(events) });
    let open = futures::StreamExt::chain(open, futures::stream::pending());
    reply(200, "text/event-stream", Body::from_stream(open))
}

pub fn discovery() -> Value {
    json!({
        "resultType": "complete", "supportedVersions": ["2026-07-28"], "ttlMs": 0, "cacheScope": "private",
        "capabilities": {"tools": {}, "completions": {}}, "instructions": "be kind",
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "modern", "version": "2.0"}},
    })
}

pub fn initialization() -> Value {
    json!({
        "protocolVersion": "2025-06-18", "capabilities": {"resources": {"subscribe": true}, "logging": {}},
        "serverInfo": {"name": "legacy", "version": "1.0"}, "instructions": "be brief",
    })
}

/// A stateless server: it knows no method but `server/discover`, and neither GET nor DELETE.
pub fn modern(request: &Seen) -> Response {
    match request.ask() {
        "server/discover" => as_json(&result(request, &discovery())),
        "GET" | "DELETE" => status(405),
        _ => as_json(&error(&request.body["id"], -32601, "Method not found")),
    }
}

/// A server with sessions, which answers what it does not know with `otherwise`.
pub fn legacy(request: &Seen, otherwise: impl FnOnce(&Seen) -> Response) -> Response {
    let in_session = request.header("mcp-session-id") == Some("s-1");
    match request.ask() {
        "initialize" => {
            let mut response = as_json(&result(request, &initialization()));
            response.headers_mut().insert("mcp-session-id", "s-1".parse().unwrap());
            response
        }
        "notifications/initialized" if in_session => status(202),
        "DELETE" if in_session => status(StatusCode::NO_CONTENT.as_u16()),
        _ => otherwise(request),
    }
}
