//! Both eras verify, in whatever way real servers of each answer what they do not know.

use super::server::*;
use super::*;
use http::HeaderMap;
use serde_json::{Value, json};

#[tokio::test]
async fn a_stateless_server_verifies_with_one_request() {
    let server = Server::start(modern);
    let answer = attempt(server.url()).await;
    let (era, info) = verified(&answer);
    assert_eq!(era, Era::Stateless);
    assert_eq!((info.name.as_deref(), info.version.as_deref()), (Some("modern"), Some("2.0")));
    assert_eq!(info.protocol_version, "2026-07-28");
    assert_eq!(info.instructions.as_deref(), Some("be kind"));
    assert_eq!(info.capabilities, Capabilities { tools: true, completions: true, ..Capabilities::default() });
    assert_eq!(server.asked(), ["server/discover"]);
}

#[tokio::test]
async fn a_stateless_server_may_answer_by_stream() {
    let server = Server::start(|request| as_stream(&result(request, &discovery())));
    assert_eq!(verified(&attempt(server.url()).await).0, Era::Stateless);
}

#[tokio::test]
async fn the_stateless_question_carries_version_method_and_identity() {
    let server = Server::start(modern);
    attempt(server.url()).await.unwrap();
    let asked = &server.seen()[0];
    assert_eq!(asked.header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(asked.header("mcp-method"), Some("server/discover"));
    let meta = &asked.body["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    assert_eq!(meta["io.modelcontextprotocol/clientInfo"]["name"], "mcp-operator");
    assert_eq!(meta["io.modelcontextprotocol/clientCapabilities"], json!({}));
}

#[tokio::test]
async fn a_session_server_verifies_and_its_session_is_closed() {
    let server = Server::start(|request| legacy(request, |_| status(400)));
    let answer = attempt(server.url()).await;
    let (era, info) = verified(&answer);
    assert_eq!(era, Era::Session);
    assert_eq!((info.name.as_deref(), info.version.as_deref()), (Some("legacy"), Some("1.0")));
    assert_eq!(info.protocol_version, "2025-06-18");
    assert_eq!(info.capabilities, Capabilities { resources: true, logging: true, ..Capabilities::default() });
    assert_eq!(server.asked(), ["server/discover", "initialize", "notifications/initialized", "DELETE"]);
    let seen = server.seen();
    assert_eq!(seen[1].body["params"]["protocolVersion"], "2025-11-25");
    for in_session in &seen[2..] {
        assert_eq!(in_session.header("mcp-session-id"), Some("s-1"));
        assert_eq!(in_session.header("mcp-protocol-version"), Some("2025-06-18"));
    }
}

#[tokio::test]
async fn a_server_that_answers_initialize_by_stream_verifies() {
    let server = Server::start(|request| match request.ask() {
        "initialize" => as_stream(&result(request, &initialization())),
        "notifications/initialized" => status(202),
        _ => status(404),
    });
    assert_eq!(verified(&attempt(server.url()).await).0, Era::Session);
    assert_eq!(server.asked(), ["server/discover", "initialize", "notifications/initialized"]);
}

#[tokio::test]
async fn a_notification_may_be_answered_with_200_and_anything() {
    let server = Server::start(|request| match request.ask() {
        "initialize" => as_json(&result(request, &initialization())),
        "notifications/initialized" => reply(200, "text/plain", "ok"),
        _ => status(404),
    });
    assert_eq!(verified(&attempt(server.url()).await).0, Era::Session);
}

/// How servers older than the stateless revision answer `server/discover`.
fn old_answers() -> Vec<(&'static str, Reply)> {
    vec![
        ("400 with an error without id", |_| {
            let message = error(&Value::Null, -32000, "Bad Request: No valid session ID provided");
            reply(400, "application/json", message.to_string())
        }),
        ("400 with an error under another id", |_| {
            let message = error(&json!("server-error"), -32600, "Bad Request: Missing session ID");
            reply(400, "application/json", message.to_string())
        }),
        ("400 without a body", |_| status(400)),
        ("404", |_| status(404)),
        ("405", |_| status(405)),
        ("406 in words", |_| reply(406, "text/plain", "Not Acceptable")),
        ("422 in words", |_| reply(422, "text/plain", "expect initialize request")),
        ("500", |_| status(500)),
        ("202", |_| status(202)),
        ("method not found", |request| as_json(&error(&request.body["id"], -32601, "Method not found"))),
        ("method not found by stream", |request| as_stream(&error(&request.body["id"], -32601, "Method not found"))),
        ("invalid params under another id", |_| as_json(&error(&json!(77), -32602, "Invalid request parameters"))),
        ("an empty result", |request| as_json(&result(request, &json!({})))),
        ("an empty body", |_| reply(200, "application/json", "")),
        ("a page", |_| reply(200, "text/html", "<html>")),
        ("only older versions", |request| {
            let mut discovery = discovery();
            discovery["supportedVersions"] = json!(["2025-11-25"]);
            as_json(&result(request, &discovery))
        }),
        ("version refused", |request| {
            let mut message = error(&request.body["id"], -32022, "Unsupported protocol version");
            message["error"]["data"] = json!({"supported": ["2025-11-25"], "requested": "2026-07-28"});
            reply(400, "application/json", message.to_string())
        }),
    ]
}

#[tokio::test]
async fn an_older_server_verifies_however_it_answers_the_stateless_question() {
    for (name, otherwise) in old_answers() {
        let server = Server::start(move |request| legacy(request, otherwise));
        let answer = attempt(server.url()).await;
        assert!(matches!(answer, Ok(Answer::Verified { era: Era::Session, .. })), "{name}: {answer:?}");
        assert_eq!(server.asked().last().unwrap(), "DELETE", "{name}");
    }
}

#[tokio::test]
async fn an_older_server_that_never_answers_the_stateless_question_verifies() {
    let server = Server::start(|request| legacy(request, |_| never("text/event-stream")));
    let client =
        Client { patience: Patience { initialize: Patience::USUAL.initialize, ..hasty().patience }, ..hasty() };
    assert_eq!(verified(&client.attempt(&target(server.url())).await).0, Era::Session);
}

#[tokio::test]
async fn the_remembered_era_is_asked_first() {
    let server = Server::start(|request| legacy(request, |_| status(400)));
    let remembered = Target { era: Some(Era::Session), ..target(server.url()) };
    assert_eq!(verified(&Client::new(Vec::new()).attempt(&remembered).await).0, Era::Session);
    assert_eq!(server.asked(), ["initialize", "notifications/initialized", "DELETE"]);
}

#[tokio::test]
async fn a_server_that_changed_its_era_verifies_at_once() {
    let server = Server::start(modern);
    let remembered = Target { era: Some(Era::Session), ..target(server.url()) };
    assert_eq!(verified(&Client::new(Vec::new()).attempt(&remembered).await).0, Era::Stateless);
    assert_eq!(server.asked(), ["initialize", "server/discover"]);
}

#[tokio::test]
async fn a_session_is_closed_when_the_handshake_fails_after_it_was_opened() {
    let server = Server::start(|request| match request.ask() {
        "notifications/initialized" => status(500),
        _ => legacy(request, |_| status(404)),
    });
    assert_eq!(failure(server.url()).await, "no MCP answer: HTTP 500");
    assert_eq!(server.asked(), ["server/discover", "initialize", "notifications/initialized", "DELETE"]);
}

/// Seen in the Python SDK 1.x: it opens a session for whatever comes first, and refuses afterwards.
#[tokio::test]
async fn a_session_opened_by_the_stateless_question_is_closed_too() {
    let server = Server::start(|request| {
        let mut refusal = reply(400, "application/json", error(&json!("server-error"), -32600, "no").to_string());
        refusal.headers_mut().insert("mcp-session-id", "s-0".parse().unwrap());
        if request.header("mcp-session-id") == Some("s-0") { status(200) } else { legacy(request, |_| refusal) }
    });
    assert_eq!(verified(&attempt(server.url()).await).0, Era::Session);
    let seen = server.seen();
    let closed = seen.iter().filter(|seen| seen.ask() == "DELETE").filter_map(|seen| seen.header("mcp-session-id"));
    assert_eq!(closed.collect::<std::collections::BTreeSet<_>>(), ["s-0", "s-1"].into());
}

#[tokio::test]
async fn nothing_that_identifies_a_user_is_ever_sent() {
    let server = Server::start(|request| {
        let mut response = legacy(request, |_| status(400));
        response.headers_mut().insert("set-cookie", "a=b".parse().unwrap());
        response
    });
    let url = server.url().replace("http://", "http://user:secret@");
    verified(&attempt(url).await);
    let allowed = |headers: &HeaderMap| {
        let names = headers.keys().map(http::HeaderName::as_str);
        let known = ["host", "user-agent", "accept", "content-type", "content-length"];
        names.filter(|name| !known.contains(name) && !name.starts_with("mcp-")).map(str::to_owned).collect::<Vec<_>>()
    };
    for seen in server.seen() {
        assert_eq!(allowed(&seen.headers), Vec::<String>::new(), "in {}", seen.ask());
        assert_eq!(seen.header("user-agent"), Some(concat!("mcp-operator/", env!("CARGO_PKG_VERSION"))));
    }
}

#[tokio::test]
async fn what_a_server_says_is_cut_to_size() {
    let server = Server::start(|request| {
        let mut said = initialization();
        said["serverInfo"]["name"] = json!("é".repeat(10_000));
        said["instructions"] = json!("é".repeat(100_000));
        match request.ask() {
            "initialize" => as_json(&result(request, &said)),
            _ => status(202),
        }
    });
    let answer = attempt(server.url()).await;
    let info = verified(&answer).1;
    assert_eq!(info.name.as_ref().unwrap().chars().count(), 128);
    assert_eq!(info.instructions.as_ref().unwrap().chars().count(), 1024);
}
