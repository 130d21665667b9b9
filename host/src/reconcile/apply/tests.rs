//! Which calls an apply makes, in which order, and no other: against a scripted API server.

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;
use crate::cache::workload::Workload;
use crate::reconcile::gather::Stage;
use crate::reconcile::scripted::{applied, refuses, says, scripted, server, stage};
use crate::reconcile::{render, vet};

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
    let (script, ctx) = scripted([]);
    settled(&ctx).await;
    assert_eq!(script.calls(), ALL.map(|kind| format!("CREATE {kind}")));
}

#[tokio::test]
async fn an_object_that_is_there_after_all_is_looked_at_and_applied_without_force() {
    let mut ours = applied();
    ours["metadata"]["managedFields"] = json!([]);
    let (script, ctx) = scripted([refuses(409), says(200, ours)]);
    settled(&ctx).await;
    let first = ["CREATE networkpolicies", "GET networkpolicies", "APPLY networkpolicies"];
    assert_eq!(script.calls(), [&first[..], &["CREATE services", "CREATE deployments"]].concat());
}

#[tokio::test]
async fn a_server_in_line_needs_no_call() {
    let (script, ctx) = scripted([]);
    let server = settled(&ctx).await;
    script.calls();
    attempt(&server, &ctx).await.unwrap();
    assert_eq!(script.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_field_that_somebody_took_is_applied_by_force() {
    let (script, ctx) = scripted([]);
    let server = settled(&ctx).await;
    script.calls();
    touch(Kind::Service, &ctx);
    attempt(&server, &ctx).await.unwrap();
    assert_eq!(script.calls(), ["FORCE services"]);
}

/// Somebody changes a field of ours.
fn touch(kind: Kind, ctx: &Context) {
    let key = ChildKey { kind, namespace: "default".into(), name: "a".into() };
    let child = ctx.cache.children.get(&key).unwrap();
    let touched = Child { fields: Some("other".into()), version: child.version + 1, ..Child::clone(&child) };
    ctx.cache.children.observe(key, touched);
}

#[tokio::test]
async fn what_a_deleted_namesake_left_is_given_to_the_new_one_and_applied_by_force() {
    let mut orphan = applied();
    orphan["metadata"]["ownerReferences"][0]["uid"] = "before".into();
    let answers = |_| [refuses(409), says(200, orphan.clone()), says(200, applied()), says(200, applied())];
    let (script, ctx) = scripted(ALL.into_iter().flat_map(answers));
    attempt(&server(), &ctx).await.unwrap();
    let calls = script.calls_with_bodies();
    let expected = ALL.map(|kind| ["CREATE", "GET", "PATCH", "FORCE"].map(|verb| format!("{verb} {kind}")));
    assert_eq!(calls.iter().map(|(call, _)| call.clone()).collect::<Vec<_>>(), expected.concat());
    let owner = server_reference();
    let patch = json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "replace", "path": "/metadata/ownerReferences", "value": [owner]},
    ]);
    for (call, body) in calls.iter().filter(|(call, _)| call.starts_with("PATCH")) {
        assert_eq!(*body, patch, "{call}");
    }
}

fn server_reference() -> serde_json::Value {
    serde_json::to_value(Identity::of(&server()).owner_reference()).unwrap()
}

#[tokio::test]
async fn another_plugin_that_changes_no_object_is_not_recorded() {
    let (script, mut ctx) = scripted([]);
    let mut server = settled(&ctx).await;
    script.calls();
    let before = record(&server).unwrap().clone();
    ctx.surroundings.chain = vec![Stage { name: "another".into(), ..stage() }];
    assert_eq!(*attempt(&server, &ctx).await.unwrap().render(), before);
    assert_eq!(script.calls(), Vec::<String>::new());
    server.spec.config.port = 81;
    let after = attempt(&server, &ctx).await.unwrap().render().clone();
    assert_eq!(after.plugins[0].name, "another");
    assert!(after.chain.unwrap().starts_with("another@"));
}

#[tokio::test]
async fn a_number_of_pods_that_the_spec_gives_up_is_handed_over_first() {
    let (script, ctx) = scripted([]);
    let server = settled(&ctx).await;
    script.calls();
    let key = ChildKey { kind: Kind::Deployment, namespace: "default".into(), name: "a".into() };
    let child = ctx.cache.children.get(&key).unwrap();
    let workload = Some(Workload { desired: 3, ..Workload::default() });
    let numbered = Child { owns_replicas: true, fields: Some("other".into()), workload, ..Child::clone(&child) };
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
    let (_, ctx) = scripted([says(200, applied()), says(200, applied()), says(200, reply)]);
    settled(&ctx).await;
    let key = ChildKey { kind: Kind::Deployment, namespace: "default".into(), name: "a".into() };
    let workload = ctx.cache.children.get(&key).unwrap().workload.clone().unwrap();
    assert_eq!((workload.lagging, workload.desired, workload.available), (true, 3, 1));
}

#[tokio::test]
async fn a_deleted_child_is_made_again() {
    let (script, ctx) = scripted([]);
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
    let (script, ctx) = scripted([says(200, applied()), refuses(409), says(200, foreign)]);
    let Err(Error::Child { kind, refused, objects, .. }) = attempt(&server(), &ctx).await else { panic!() };
    assert_eq!((kind, refused), (Kind::Service, true));
    assert_eq!(objects.iter().map(|object| object.kind.as_str()).collect::<Vec<_>>(), ["NetworkPolicy"]);
    assert_eq!(script.calls(), ["CREATE networkpolicies", "CREATE services", "GET services"]);
}

#[tokio::test]
async fn a_conflict_of_field_managers_is_a_refusal_that_names_them() {
    let first = r#"Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas"#;
    let conflict = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409, "reason": "Conflict",
        "message": format!("{first}\nPlease review the fields above"),
        "details": {"causes": [
            {"reason": "FieldManagerConflict", "message": r#"conflict with "kubectl""#, "field": ".spec.replicas"},
        ]},
    });
    let (_, ctx) = scripted([refuses(409), refuses(404), says(409, conflict)]);
    let Err(Error::Child { refused: true, message, .. }) = attempt(&server(), &ctx).await else { panic!() };
    assert!(message.ends_with(first), "{message}");
}

/// Nobody reads of optimistic locks in a condition.
#[tokio::test]
async fn any_other_conflict_says_nothing_about_the_server() {
    let (script, ctx) = scripted([refuses(409), refuses(404), refuses(409)]);
    assert!(matches!(attempt(&server(), &ctx).await, Err(Error::Unreachable(_))));
    let server = settled(&ctx).await;
    touch(Kind::Service, &ctx);
    script.then([refuses(409)]);
    assert!(matches!(attempt(&server, &ctx).await, Err(Error::Unreachable(_))), "by force");
}

#[tokio::test]
async fn an_api_server_in_trouble_says_nothing_about_the_server() {
    for code in [403, 429, 500, 503] {
        let (_, ctx) = scripted([refuses(code)]);
        let outcome = attempt(&server(), &ctx).await;
        assert!(matches!(outcome, Err(Error::Unreachable(_))), "{code}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_is_no_longer_rendered_is_deleted_after_everything_else_was_applied() {
    let (script, ctx) = scripted([]);
    let server = settled(&ctx).await;
    script.calls();
    let stale = ChildKey { kind: Kind::Service, namespace: "default".into(), name: "a-old".into() };
    let ours = ctx.cache.children.get(&ChildKey { name: "a".into(), ..stale.clone() }).unwrap();
    ctx.cache.children.observe(stale.clone(), Child { uid: "stale".into(), ..Child::clone(&ours) });
    attempt(&server, &ctx).await.unwrap();
    assert_eq!(script.calls(), ["DELETE services"]);
    assert_eq!(ctx.cache.children.get(&stale), None);
}
