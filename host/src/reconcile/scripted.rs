//! For tests: an API server that gives the answers of a script, and remembers what it was asked for.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use http::header::CONTENT_TYPE;
use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use super::gather::{Stage, Surroundings};
use super::render::Renderer;
use super::{Backoff, Context, Settings, apply};
use crate::api::MCPServer;
use crate::cache::Cache;
use crate::default_plugin;
use crate::events::Events;
use crate::handshake::Client;
use crate::metrics::Metrics;
use crate::plugins::Plugins;
use crate::sandbox::{Limits, Plugin, Sandbox};
use crate::verification::Verifier;

static PLUGIN: LazyLock<Plugin> =
    LazyLock::new(|| Sandbox::new(1).unwrap().load(default_plugin::COMPONENT, Limits::default()).unwrap());

/// The operator's own plugin.
pub(crate) fn stage() -> Stage {
    Stage::new("default", PLUGIN.clone())
}

/// How the API server answers one call.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// With this code and body.
    Says(u16, Value),
    /// Not at all.
    Hangs,
    /// By closing the connection.
    Breaks,
}

/// An answer with this code and body.
pub(super) fn says(code: u16, body: Value) -> Answer {
    Answer::Says(code, body)
}

/// A refusal.
pub(super) fn refuses(code: u16) -> Answer {
    let reason = if code == 404 { "NotFound" } else { "Other" };
    let message = "the object has been modified; please apply your changes to the latest version";
    says(
        code,
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": code}),
    )
}

/// A child of [`server`] as a write of ours leaves it.
pub(super) fn applied() -> Value {
    let fields = json!({"f:spec": {}});
    let owner =
        json!({"apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer", "name": "a", "uid": "u", "controller": true});
    json!({"apiVersion": "v1", "kind": "Any", "metadata": {
        "name": "a", "namespace": "default", "uid": "child", "resourceVersion": "7", "ownerReferences": [owner],
        "managedFields": [{"manager": "mcp-operator", "operation": "Apply", "fieldsV1": fields}],
    }, "spec": {}})
}

/// Calls as `VERB kind` with their bodies, and the answers to give. When those are used up, nothing is there that is asked
/// for, and every write succeeds.
pub(super) struct Script {
    answers: Mutex<VecDeque<Answer>>,
    calls: Mutex<Vec<(String, Value)>>,
}

impl Script {
    fn answer(&self, call: &str, body: Value) -> Answer {
        self.calls.lock().unwrap().push((call.to_owned(), body.clone()));
        let next = self.answers.lock().unwrap().pop_front();
        next.unwrap_or_else(|| match call.split(' ').next() {
            Some("GET") => refuses(404),
            Some("POST") => says(201, body),
            _ if call.ends_with("/status") => says(200, with_status(&body)),
            _ => says(200, applied()),
        })
    }

    /// What comes next, before anything else.
    pub(super) fn then(&self, answers: impl IntoIterator<Item = Answer>) {
        *self.answers.lock().unwrap() = answers.into_iter().collect();
    }

    /// The calls since the last time that somebody asked.
    pub(super) fn calls(&self) -> Vec<String> {
        self.calls_with_bodies().into_iter().map(|(call, _)| call).collect()
    }

    /// The same with what was sent.
    pub(super) fn calls_with_bodies(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

/// `VERB kind`: PATCH is a JSON patch; APPLY, FORCE and CREATE, of what must not exist, are server-side applies.
fn call(request: &Request<()>, body: &Value) -> String {
    let parts: Vec<_> = request.uri().path().rsplit('/').collect();
    let kind = match (parts[0], request.method()) {
        ("status", _) => format!("{}/status", parts[2]),
        (collection, &Method::POST) => collection.to_owned(),
        _ => parts[1].to_owned(),
    };
    let is_json_patch = request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json-patch+json");
    let force = request.uri().query().is_some_and(|query| query.contains("force=true"));
    let verb = match *request.method() {
        Method::PATCH if is_json_patch => "PATCH",
        Method::PATCH if force => "FORCE",
        Method::PATCH if body["metadata"]["resourceVersion"] == apply::NO_VERSION => "CREATE",
        Method::PATCH => "APPLY",
        ref other => other.as_str(),
    };
    format!("{verb} {kind}")
}

fn with_status(patch: &Value) -> Value {
    let mut server = serde_json::to_value(server()).unwrap();
    server["metadata"]["resourceVersion"] = "9".into();
    server["status"] = patch["status"].clone();
    server
}

/// What reconciles work with, against a script.
pub(super) fn scripted(answers: impl IntoIterator<Item = Answer>) -> (Arc<Script>, Context) {
    let script = Arc::new(Script { answers: Mutex::default(), calls: Mutex::default() });
    script.then(answers);
    let answering = Arc::clone(&script);
    let service = tower::service_fn(move |request: Request<Body>| {
        let script = Arc::clone(&answering);
        async move {
            let (head, body) = request.into_parts();
            let body = serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap_or_default();
            match script.answer(&call(&Request::from_parts(head, ()), &body), body) {
                Answer::Says(code, body) => {
                    Ok(Response::builder().status(code).body(Body::from(body.to_string().into_bytes())).unwrap())
                }
                Answer::Hangs => pending().await,
                Answer::Breaks => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
            }
        }
    });
    let context = context(kube::Client::new(service, "default"));
    (script, context)
}

fn context(client: kube::Client) -> Context {
    let metrics = Metrics::default();
    let stage = stage();
    Context {
        cache: Cache::default(),
        surroundings: Surroundings {
            cluster_domain: "cluster.local".into(),
            kubernetes_version: None,
            verify_from: None,
            chain: vec![stage.clone()],
        },
        plugins: Plugins::new(stage),
        plugin_news: Notify::new(),
        renderer: Renderer::new(1),
        verifier: Verifier::new(Client::new(Vec::new()), 1, metrics.clone(), mpsc::unbounded_channel().0),
        events: Events::new(client.clone(), None),
        metrics,
        backoff: Backoff::default(),
        settings: Settings { verify: false },
        client,
    }
}

/// The server that the script knows.
pub(crate) fn server() -> MCPServer {
    serde_json::from_value(json!({
        "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer",
        "metadata": {"name": "a", "namespace": "default", "uid": "u", "generation": 1, "resourceVersion": "1"},
        "spec": {
            "source": {"type": "ContainerImage", "containerImage": {"ref": "example.com/a:1"}},
            "config": {"port": 80},
        },
    }))
    .unwrap()
}
