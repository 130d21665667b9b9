//! Which calls an apply makes, in which order, and no other: against a scripted API server.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex};

use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use super::*;
use crate::cache::Cache;
use crate::cache::workload::Workload;
use crate::default_plugin;
use crate::events::Events;
use crate::handshake::Client;
use crate::metrics::Metrics;
use crate::plugins::Plugins;
use crate::reconcile::gather::{Stage, Surroundings};
use crate::reconcile::render::{self, Renderer};
use crate::reconcile::{Backoff, Settings, vet};
use crate::sandbox::{Limits, Plugin, Sandbox};
use crate::verification::Verifier;

static PLUGIN: LazyLock<Plugin> =
    LazyLock::new(|| Sandbox::new(1).unwrap().load(default_plugin::COMPONENT, Limits::default()).unwrap());

/// Calls as `METHOD kind`, and the answers to give.
struct Script {
    answers: Mutex<VecDeque<(u16, Value)>>,
    calls: Mutex<Vec<String>>,
}

impl Script {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (request, body) = request.into_parts();
        let body: Value = serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap_or_default();
        let kind = request.uri.path().rsplit('/').nth(1).unwrap().to_owned();
        let force = request.uri.query().is_some_and(|query| query.contains("force=true"));
        let verb = match request.method {
            Method::PATCH if force => "FORCE",
            Method::PATCH if body["metadata"]["resourceVersion"] == FIRST_VERSION => "CREATE",
            Method::PATCH => "APPLY",
            Method::GET => "GET",
            Method::DELETE => "DELETE",
            _ => "?",
        };
        self.calls.lock().unwrap().push(format!("{verb} {kind}"));
        let next = self.answers.lock().unwrap().pop_front();
        let (code, body) = next.unwrap_or_else(|| if verb == "GET" { (404, failure(404)) } else { (200, applied()) });
        Response::builder().status(code).body(Body::from(body.to_string().into_bytes())).unwrap()
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

fn failure(code: u16) -> Value {
    let reason = if code == 404 { "NotFound" } else { "Other" };
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "reason": reason, "code": code})
}

fn applied() -> Value {
    let fields = json!({"f:spec": {}});
    let owner =
        json!({"apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer", "name": "a", "uid": "u", "controller": true});
    json!({"apiVersion": "v1", "kind": "Any", "metadata": {
        "name": "a", "namespace": "default", "uid": "child", "resourceVersion": "7", "ownerReferences": [owner],
        "managedFields": [{"manager": "mcp-operator", "operation": "Apply", "fieldsV1": fields}],
    }})
}

fn scripted(answers: Vec<(u16, Value)>) -> (Arc<Script>, Context) {
    let script = Arc::new(Script { answers: Mutex::new(answers.into()), calls: Mutex::default() });
    let answering = Arc::clone(&script);
    let service = tower::service_fn(move |request: Request<Body>| {
        let script = Arc::clone(&answering);
        async move { Ok::<_, std::convert::Infallible>(script.answer(request).await) }
    });
    let client = kube::Client::new(service, "default");
    let metrics = Metrics::default();
    let stage = Stage::new("default", PLUGIN.clone());
    let context = Context {
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
    };
    (script, context)
}

fn server() -> MCPServer {
    serde_json::from_value(json!({
        "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer",
        "metadata": {"name": "a", "namespace": "default", "uid": "u", "generation": 1},
        "spec": {
            "source": {"type": "ContainerImage", "containerImage": {"ref": "example.com/a:1"}},
            "config": {"port": 80},
        },
    }))
    .unwrap()
}

async fn attempt(server: &MCPServer, ctx: &Context) -> Result<Applied, Error> {
    let inputs = Inputs::new(server, Resolved::default(), &ctx.surroundings);
    let vetted = vet::vet(&inputs, render::chain(&inputs).unwrap()).unwrap();
    apply(server, &inputs, &vetted, ctx).await
}

/// The server after a first apply, with the record in its status.
async fn settled(ctx: &Context) -> MCPServer {
    let mut server = server();
    let applied = attempt(&server, ctx).await.unwrap();
    let status = crate::api::MCPServerStatus { render: Some(applied.render().clone()), ..Default::default() };
    server.status = Some(status);
    server
}

const ALL: [&str; 3] = ["networkpolicies", "services", "deployments"];

#[tokio::test]
async fn a_new_server_takes_one_call_for_each_object_the_workload_last() {
    let (script, ctx) = scripted(Vec::new());
    settled(&ctx).await;
    assert_eq!(script.calls(), ALL.map(|kind| format!("CREATE {kind}")));
}

#[tokio::test]
async fn an_object_that_is_there_after_all_is_looked_at_and_applied_without_force() {
    let mut ours = applied();
    ours["metadata"]["managedFields"] = json!([]);
    let (script, ctx) = scripted(vec![(409, failure(409)), (200, ours)]);
    settled(&ctx).await;
    let first = ["CREATE networkpolicies", "GET networkpolicies", "APPLY networkpolicies"];
    assert_eq!(script.calls(), [&first[..], &["CREATE services", "CREATE deployments"]].concat());
}

#[tokio::test]
async fn a_server_in_line_needs_no_call() {
    let (script, ctx) = scripted(Vec::new());
    let server = settled(&ctx).await;
    script.calls();
    attempt(&server, &ctx).await.unwrap();
    assert_eq!(script.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_field_that_somebody_took_is_applied_by_force() {
    let (script, ctx) = scripted(Vec::new());
    let server = settled(&ctx).await;
    script.calls();
    let key = ChildKey { kind: Kind::Service, namespace: "default".into(), name: "a".into() };
    let child = ctx.cache.children.get(&key).unwrap();
    let touched = Child { fields: Some("other".into()), version: child.version + 1, ..child };
    ctx.cache.children.observe(key, touched);
    attempt(&server, &ctx).await.unwrap();
    assert_eq!(script.calls(), ["FORCE services"]);
}

#[tokio::test]
async fn a_number_of_pods_that_the_spec_gives_up_is_handed_over_first() {
    let (script, ctx) = scripted(Vec::new());
    let server = settled(&ctx).await;
    script.calls();
    let key = ChildKey { kind: Kind::Deployment, namespace: "default".into(), name: "a".into() };
    let child = ctx.cache.children.get(&key).unwrap();
    let workload = Some(Workload { desired: 3, ..Workload::default() });
    let numbered = Child { owns_replicas: true, fields: Some("other".into()), workload, ..child };
    ctx.cache.children.observe(key, numbered);
    attempt(&server, &ctx).await.unwrap();
    assert_eq!(script.calls(), ["APPLY deployments", "FORCE deployments"]);
}

/// Its status is of the time before: whoever reported that would tell old news as the new spec's.
#[tokio::test]
async fn a_workload_lags_from_the_moment_of_our_write() {
    let mut reply = applied();
    reply["metadata"]["generation"] = 2.into();
    reply["spec"] = json!({"replicas": 3});
    reply["status"] = json!({"observedGeneration": 1, "availableReplicas": 1});
    let (_, ctx) = scripted(vec![(200, applied()), (200, applied()), (200, reply)]);
    settled(&ctx).await;
    let key = ChildKey { kind: Kind::Deployment, namespace: "default".into(), name: "a".into() };
    let workload = ctx.cache.children.get(&key).unwrap().workload.unwrap();
    assert_eq!((workload.lagging, workload.desired, workload.available), (true, 3, 1));
}

#[tokio::test]
async fn a_deleted_child_is_made_again() {
    let (script, ctx) = scripted(Vec::new());
    let server = settled(&ctx).await;
    script.calls();
    let key = ChildKey { kind: Kind::Deployment, namespace: "default".into(), name: "a".into() };
    assert!(ctx.cache.children.forget(&key, "child"));
    attempt(&server, &ctx).await.unwrap();
    assert_eq!(script.calls(), ["CREATE deployments"]);
}

#[tokio::test]
async fn a_foreign_object_is_left_alone_and_what_came_before_it_is_recorded() {
    let foreign = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "resourceVersion": "1"}});
    let (script, ctx) = scripted(vec![(200, applied()), (409, failure(409)), (200, foreign)]);
    let Err(Error::Child { kind, refused, objects, .. }) = attempt(&server(), &ctx).await else { panic!() };
    assert_eq!((kind, refused), (Kind::Service, true));
    assert_eq!(objects.iter().map(|object| object.kind.as_str()).collect::<Vec<_>>(), ["NetworkPolicy"]);
    assert_eq!(script.calls(), ["CREATE networkpolicies", "CREATE services", "GET services"]);
}

#[tokio::test]
async fn a_conflict_without_force_is_a_refusal() {
    let (_, ctx) = scripted(vec![(409, failure(409)), (404, failure(404)), (409, failure(409))]);
    assert!(matches!(attempt(&server(), &ctx).await, Err(Error::Child { refused: true, .. })));
}

#[tokio::test]
async fn an_api_server_in_trouble_says_nothing_about_the_server() {
    for code in [403, 429, 500, 503] {
        let (_, ctx) = scripted(vec![(code, failure(code))]);
        let outcome = attempt(&server(), &ctx).await;
        assert!(matches!(outcome, Err(Error::Unreachable(_))), "{code}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_is_no_longer_rendered_is_deleted_after_everything_else_was_applied() {
    let (script, ctx) = scripted(Vec::new());
    let server = settled(&ctx).await;
    script.calls();
    let stale = ChildKey { kind: Kind::Service, namespace: "default".into(), name: "a-old".into() };
    let ours = ctx.cache.children.get(&ChildKey { name: "a".into(), ..stale.clone() }).unwrap();
    ctx.cache.children.observe(stale.clone(), Child { uid: "stale".into(), ..ours });
    attempt(&server, &ctx).await.unwrap();
    assert_eq!(script.calls(), ["DELETE services"]);
    assert_eq!(ctx.cache.children.get(&stale), None);
}
