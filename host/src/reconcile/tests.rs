//! Which calls a whole reconcile makes, and when it asks for the next one: against a scripted API server.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::{Value, json};

use super::gather::references::{Source, SourceKind};
use super::scripted::{Answer, Script, applied, refuses, says, scripted, server};
use super::*;
use crate::cache::children::{Child, ChildKey};
use crate::cache::sources::SourceVersion;

const FIRST: [&str; 4] = ["CREATE networkpolicies", "CREATE services", "CREATE deployments", "FORCE mcpservers/status"];

async fn attempt(server: &MCPServer, ctx: &Arc<Context>) -> (Action, &'static str) {
    Box::pin(reconcile(server.clone(), Arc::clone(ctx))).await
}

/// The server as the watch brings it back after our last write of its status.
fn newest(ctx: &Context, server: &MCPServer) -> MCPServer {
    ctx.cache.statuses.newest(server, || None)
}

/// The calls about the server, without the events that tell of it.
fn calls(script: &Script) -> Vec<String> {
    script.calls().into_iter().filter(|call| call != "POST events").collect()
}

fn trouble() -> Vec<Answer> {
    let codes = [401, 403, 429, 500, 503, 504].map(refuses);
    codes.into_iter().chain([Answer::Hangs, Answer::Breaks]).collect()
}

#[tokio::test]
async fn a_new_server_gets_its_objects_and_then_its_status() {
    let (script, ctx) = scripted([]);
    let ctx = Arc::new(ctx);
    assert_eq!(attempt(&server(), &ctx).await, (Action::await_change(), "Applied"));
    assert_eq!(calls(&script), FIRST);
    attempt(&newest(&ctx, &server()), &ctx).await;
    assert_eq!(calls(&script), Vec::<String>::new());
}

/// At whichever call it begins.
#[tokio::test(start_paused = true)]
async fn an_api_server_in_trouble_leaves_the_status_alone_and_is_asked_again() {
    for trouble in trouble() {
        for (index, call) in FIRST.iter().enumerate() {
            let before = FIRST[..index].iter().map(|_| says(200, applied()));
            let (script, ctx) = scripted(before.chain([trouble.clone()]));
            let outcome = attempt(&server(), &Arc::new(ctx)).await;
            assert_eq!(outcome, (Action::requeue(Duration::from_millis(500)), "Unreachable"), "{call}: {trouble:?}");
            assert_eq!(script.calls(), FIRST[..=index], "{trouble:?}");
        }
    }
}

#[tokio::test]
async fn waiting_grows_with_each_failure_in_a_row_and_starts_over_after_a_success() {
    let (script, ctx) = scripted([]);
    let ctx = Arc::new(ctx);
    let mut server = server();
    for milliseconds in [500, 1000, 2000] {
        script.then([refuses(503)]);
        let expected = Action::requeue(Duration::from_millis(milliseconds));
        assert_eq!(attempt(&server, &ctx).await.0, expected);
    }
    attempt(&server, &ctx).await;
    server.spec.config.port = 81;
    script.then([refuses(503)]);
    let (next, _) = attempt(&newest(&ctx, &server), &ctx).await;
    assert_eq!(next, Action::requeue(Duration::from_millis(500)));
}

/// A server that uses a ConfigMap and a Secret.
fn reading() -> MCPServer {
    let mut server = server();
    server.spec.config.env_from = serde_json::from_value(json!([
        {"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "token"}},
    ]))
    .unwrap();
    server
}

fn appears(ctx: &Context, resource_version: &str) {
    for (kind, name) in [(SourceKind::ConfigMap, "settings"), (SourceKind::Secret, "token")] {
        let version = SourceVersion { uid: name.to_owned(), resource_version: resource_version.to_owned() };
        ctx.cache.sources.observe("default", Source { kind, name: name.to_owned() }, version);
    }
}

const CONTENTS: [&str; 2] = ["GET configmaps", "GET secrets"];

/// What both contain, whatever their version.
fn contents() -> [Answer; 2] {
    let data = json!({"A": "1"});
    let config_map: ConfigMap =
        serde_json::from_value(json!({"metadata": {"name": "settings"}, "data": data})).unwrap();
    let secret: Secret = serde_json::from_value(json!({"metadata": {"name": "token"}, "stringData": data})).unwrap();
    [says(200, serde_json::to_value(config_map).unwrap()), says(200, serde_json::to_value(secret).unwrap())]
}

/// The context and the server after its objects and its status were written.
async fn settled() -> (Arc<Script>, Arc<Context>, MCPServer) {
    let (script, ctx) = scripted(contents());
    let ctx = Arc::new(ctx);
    appears(&ctx, "1");
    attempt(&reading(), &ctx).await;
    let server = newest(&ctx, &reading());
    assert_eq!(calls(&script), [&CONTENTS[..], &FIRST].concat());
    assert!(server.status.as_ref().unwrap().render.as_ref().unwrap().config_hash.is_some());
    (script, ctx, server)
}

/// The resourceVersions that a status records.
fn versions(status: &Value) -> Vec<&str> {
    let inputs = status["render"]["inputs"].as_array().unwrap();
    inputs.iter().map(|input| input["resourceVersion"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_version_that_changes_no_content_is_read_once_and_rides_on_the_next_write() {
    let (script, ctx, mut server) = settled().await;
    appears(&ctx, "2");
    script.then(contents());
    attempt(&server, &ctx).await;
    assert_eq!(calls(&script), CONTENTS);
    attempt(&server, &ctx).await;
    assert_eq!(calls(&script), Vec::<String>::new());
    server.metadata.generation = Some(2);
    attempt(&server, &ctx).await;
    let written = script.calls_with_bodies();
    let [(call, body)] = written.as_slice() else { panic!("{written:?}") };
    assert_eq!(call, "FORCE mcpservers/status");
    assert_eq!(versions(&body["status"]), ["2", "2"]);
}

/// How often a plugin was called.
fn renders(ctx: &Context) -> u64 {
    let text = ctx.metrics.text();
    let series = text.lines().filter(|line| line.starts_with("mcp_operator_renders_total"));
    series.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[tokio::test]
async fn what_was_applied_is_rendered_again_when_what_it_depends_on_or_it_itself_changed() {
    let (script, ctx, mut server) = settled().await;
    attempt(&server, &ctx).await;
    assert_eq!((renders(&ctx), calls(&script)), (1, vec![]), "nothing changed");
    let key = ChildKey { kind: Kind::Service, namespace: "default".into(), name: "a".into() };
    let child = ctx.cache.children.get(&key).unwrap();
    let touched = Child { fields: Some("other".into()), ..Child::clone(&child) };
    ctx.cache.children.observe(key, touched);
    attempt(&server, &ctx).await;
    assert_eq!((renders(&ctx), calls(&script)), (2, vec!["FORCE services".to_owned()]), "somebody took a field");
    attempt(&server, &ctx).await;
    assert_eq!(renders(&ctx), 2);
    server.spec.extra_labels.insert("team".into(), "maps".into());
    attempt(&server, &ctx).await;
    assert_eq!(renders(&ctx), 3, "the spec changed");
    let record = server.status.as_mut().unwrap().render.as_mut().unwrap();
    record.objects[0].digest = Some("another".into());
    server.spec.extra_labels.clear();
    attempt(&server, &ctx).await;
    assert_eq!(renders(&ctx), 4, "the record is not ours");
}

#[tokio::test]
async fn what_another_server_refers_to_as_well_is_not_read_again() {
    let (script, ctx, _) = settled().await;
    let mut other = reading();
    (other.metadata.name, other.metadata.uid) = (Some("b".into()), Some("v".into()));
    attempt(&other, &ctx).await;
    assert_eq!(calls(&script), FIRST);
}

/// Both were read before, for something else.
#[tokio::test]
async fn a_ca_bundle_that_is_missing_or_lacks_its_key_is_not_accepted() {
    let (script, ctx, mut server) = settled().await;
    let table = [
        ("token", &CONTENTS[..], "Secret token has no key ca.crt; put the CA's certificates there, in PEM"),
        ("nowhere", &[], "Secret default/nowhere does not exist"),
    ];
    for (secret, reads, problem) in table {
        let tls = json!({"tls": {"enabled": true, "caBundleSecret": {"name": secret}}});
        server.spec.transport = Some(serde_json::from_value(tls).unwrap());
        script.then(contents().into_iter().take(reads.len()));
        let (next, result) = attempt(&server, &ctx).await;
        assert_eq!((next, result), (Action::await_change(), "Invalid"));
        assert_eq!(calls(&script), [reads, &["FORCE mcpservers/status"]].concat());
        let status = newest(&ctx, &server).status.unwrap();
        let accepted = status.conditions.iter().find(|condition| condition.type_ == "Accepted").unwrap();
        assert_eq!(accepted.message, format!("spec.transport.tls.caBundleSecret.name: {problem}"));
    }
}

/// All that the new process knows is what it watches.
#[tokio::test]
async fn a_restart_reads_no_contents_and_writes_nothing() {
    let (_, before, server) = settled().await;
    let (script, ctx) = scripted([]);
    appears(&ctx, "1");
    for kind in [Kind::NetworkPolicy, Kind::Service, Kind::Deployment] {
        let key = ChildKey { kind, namespace: "default".into(), name: "a".into() };
        ctx.cache.children.observe(key.clone(), before.cache.children.get(&key).unwrap());
    }
    attempt(&server, &Arc::new(ctx)).await;
    assert_eq!(script.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_was_deleted_while_it_was_reconciled_leaves_no_series() {
    let (_, ctx) = scripted([]);
    let ctx = Arc::new(ctx);
    let of_server = |ctx: &Context| ctx.metrics.text().lines().filter(|line| line.contains(r#"name="a""#)).count();
    attempt(&server(), &ctx).await;
    assert_eq!(of_server(&ctx), 0, "the watch knows no such server");
    ctx.metrics.known(("default".to_owned(), "a".to_owned()));
    attempt(&newest(&ctx, &server()), &ctx).await;
    assert_eq!(of_server(&ctx), 5, "a series for each condition, also when the status needs no write");
}
