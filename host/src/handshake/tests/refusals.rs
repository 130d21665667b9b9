//! What answers and is no MCP server, in words.

use super::server::*;
use super::*;
use axum::body::Body;
use axum::response::Response;
use futures::stream;
use serde_json::json;

#[tokio::test]
async fn a_server_that_wants_credentials_is_reachable_in_either_era() {
    for code in [401, 403] {
        let server = Server::start(move |_| status(code));
        assert_eq!(attempt(server.url()).await, Ok(Answer::AuthRequired), "{code}");
        assert_eq!(server.asked(), ["server/discover"]);
        let older = Server::start(move |request| match request.ask() {
            "initialize" => reply(code, "application/json", error(&json!(null), -32001, "who are you?").to_string()),
            _ => status(400),
        });
        assert_eq!(attempt(older.url()).await, Ok(Answer::AuthRequired), "{code}");
    }
}

#[tokio::test]
async fn a_challenge_does_not_change_the_answer() {
    let server = Server::start(|_| {
        let mut response = status(401);
        response
            .headers_mut()
            .insert("www-authenticate", "Bearer resource_metadata=\"https://a.example\"".parse().unwrap());
        response
    });
    assert_eq!(attempt(server.url()).await, Ok(Answer::AuthRequired));
}

#[tokio::test]
async fn what_is_no_mcp_answer_is_named() {
    let cases: Vec<(Reply, &str)> = vec![
        (|_| status(404), "no MCP answer: HTTP 404; is `config.path` the path of its MCP endpoint?"),
        (|_| status(500), "no MCP answer: HTTP 500"),
        (|_| status(429), "no MCP answer: HTTP 429"),
        (|_| status(304), "no MCP answer: HTTP 304"),
        (|_| status(202), "accepted the request but gave no answer (HTTP 202)"),
        (|_| reply(200, "text/html; charset=utf-8", "<html>"), "answered with text/html, not JSON or an event stream"),
        (|_| status(200), "answered with no media type, not JSON or an event stream"),
        (|_| reply(200, "application/json", "{\"jsonrpc\":"), "answered with invalid JSON"),
        (|_| reply(200, "application/json", "\u{1f600}"), "answered with invalid JSON"),
        (|_| reply(200, "application/json", "{\"status\":\"up\"}"), "answered with JSON that is not an MCP message"),
        (
            |request| as_json(&error(&request.body["id"], -32603, "request 4711 failed at 12:00")),
            "answered with JSON-RPC error -32603 (internal error)",
        ),
        (
            |request| as_json(&result(request, &json!({"tools": []}))),
            "answered with a result that MCP does not define for the request",
        ),
        (
            |_| as_json(&json!({"jsonrpc": "2.0", "id": "other", "result": initialization()})),
            "answered with a result that MCP does not define for the request",
        ),
        (|_| reply(200, "text/event-stream", "data: \n\n"), "event stream ended without an answer"),
        (|_| reply(200, "text/event-stream", "<html>\n\n"), "answered with a malformed event stream"),
    ];
    for (answer, words) in cases {
        let server = Server::start(answer);
        assert_eq!(failure(server.url()).await, words);
    }
}

#[tokio::test]
async fn a_server_broken_in_its_own_era_is_not_said_to_lack_the_other() {
    let server = Server::start(|request| match request.ask() {
        "server/discover" => as_json(&error(&request.body["id"], -32603, "the database is away")),
        _ => as_json(&error(&request.body["id"], -32601, "Method not found")),
    });
    assert_eq!(failure(server.url()).await, "answered with JSON-RPC error -32603 (internal error)");
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let path_hint = "; is `config.path` the path of its MCP endpoint?";
    for (location, place, hint) in [
        ("/mcp/", "/mcp/", path_hint),
        ("/login?state=4711", "/login", path_hint),
        ("https://u:p@login.example.com/a?state=4711#b", "https://login.example.com/a", ""),
    ] {
        let server = Server::start(move |_| redirect(location));
        assert_eq!(failure(server.url()).await, format!("redirects to {place}, and redirects are not followed{hint}"));
        assert_eq!(server.asked(), ["server/discover"]);
    }
}

/// Seen in the Python SDK 1.10: `/mcp` leads to `/mcp/`, spelt out with the host that was asked.
#[tokio::test]
async fn a_redirect_within_the_server_is_told_as_a_path() {
    let server = Server::start(|request| redirect(&format!("http://{}/mcp/", request.header("host").unwrap())));
    let words = "redirects to /mcp/, and redirects are not followed; is `config.path` the path of its MCP endpoint?";
    assert_eq!(failure(server.url()).await, words);
}

fn redirect(location: &str) -> Response {
    let mut response = status(307);
    response.headers_mut().insert("location", location.parse().unwrap());
    response
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let comments = |_: &Seen| endless("text/event-stream", ": still here\n\n");
    let messages = |_: &Seen| endless("text/event-stream", "data: {\"jsonrpc\":\"2.0\",\"method\":\"x/y\"}\n\n");
    let line = |_: &Seen| endless("text/event-stream", "data: xxxxxxxxxxxxxxx");
    let text = |_: &Seen| endless("application/json", "          ");
    for answer in [comments as Reply, messages, line, text] {
        let server = Server::start(answer);
        assert_eq!(failure(server.url()).await, "answer is larger than 256 KiB");
    }
}

fn endless(media_type: &str, part: &str) -> Response {
    let chunk = part.repeat(4096 / part.len());
    reply(200, media_type, Body::from_stream(stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()))))
}
