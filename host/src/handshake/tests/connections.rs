//! What can go wrong below HTTP, and what an attempt leaves behind.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use rmcp::transport::streamable_http_client::{StreamableHttpClient, StreamableHttpError};

use super::server::*;
use super::*;

/// Calls `behave` with every connection, for as long as the test runs.
fn raw(behave: fn(TcpStream)) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = url(listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().flatten().for_each(behave));
    url
}

/// Reads one request to its end: a connection closed before that would be reset.
fn take_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    let whole = |request: &[u8]| {
        let body = request.windows(4).position(|four| four == b"\r\n\r\n").map(|head| &request[head + 4..]);
        body.is_some_and(|body| serde_json::from_slice::<serde_json::Value>(body).is_ok())
    };
    while !whole(&request) {
        let mut chunk = [0; 1024];
        let count = stream.read(&mut chunk).unwrap();
        request.extend_from_slice(&chunk[..count]);
    }
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}/mcp")
}

/// Takes connections and never says a word.
fn mute() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = url(listener.local_addr().unwrap());
    (listener, url)
}

/// A name that no resolver needs to be asked about: its label is too long.
fn no_such_host() -> String {
    format!("{}.test", "x".repeat(70))
}

#[tokio::test]
async fn failures_of_the_connection_are_named() {
    let (listener, refused) = mute();
    drop(listener);
    assert_eq!(failure(refused).await, "connection refused");

    let reset = raw(|stream| {
        // What is closed with unread data in it is reset.
        stream.peek(&mut [0]).unwrap();
    });
    assert_eq!(failure(reset).await, "connection reset");

    let closed = raw(|mut stream| {
        take_request(&mut stream);
    });
    assert_eq!(failure(closed).await, "connection closed before an answer");

    let foreign = raw(|mut stream| {
        take_request(&mut stream);
        stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n").unwrap();
    });
    assert_eq!(failure(foreign).await, "answered with something that is not HTTP");

    assert_eq!(failure(format!("http://{}/mcp", no_such_host())).await, "host name not found");
}

#[tokio::test]
async fn a_url_that_is_none_is_a_failure_and_no_panic() {
    for url in ["", "/mcp", "http://", "ftp://a.example/", "http://a.example:99999/", "data:x", "http://[::1/"] {
        let words = failure(url).await;
        assert!(words.starts_with("the URL cannot be used: "), "{url}: {words}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_asked_both_ways_and_given_up() {
    let (_listener, url) = mute();
    let words = hasty().attempt(&target(url)).await.unwrap_err().to_string();
    assert_eq!(words, "no MCP answer within 200ms");
}

#[tokio::test]
async fn a_session_is_closed_when_the_rest_of_the_answer_never_comes() {
    let server = Server::start(|request| match request.ask() {
        "initialize" => {
            let mut response = never("application/json");
            response.headers_mut().insert("mcp-session-id", "s-1".parse().unwrap());
            response
        }
        _ => status(404),
    });
    hasty().attempt(&target(server.url())).await.unwrap_err();
    assert_eq!(server.asked(), ["server/discover", "initialize", "DELETE"]);
    assert_eq!(server.seen()[2].header("mcp-session-id"), Some("s-1"));
}

#[tokio::test]
async fn a_server_that_never_lets_a_session_be_closed_is_verified_all_the_same() {
    let server = Server::start(|request| match request.ask() {
        "DELETE" => {
            std::thread::sleep(Duration::from_secs(1));
            status(204)
        }
        _ => legacy(request, |_| status(404)),
    });
    let client = Client {
        patience: Patience { close: Duration::from_millis(50), ..Patience::USUAL },
        ..Client::new(Vec::new())
    };
    verified(&client.attempt(&target(server.url())).await);
}

/// Asked of the transport itself: rmcp starts the stream in a task that usually ends before it says anything.
#[tokio::test]
async fn a_stream_that_rmcp_asks_for_is_refused_without_a_request() {
    let server = Server::start(|request| legacy(request, |_| status(405)));
    let line = Line::to(&target(server.url()), &[], Patience::USUAL.connect).unwrap();
    let (_conversation, wire) = Conversation::begin(&line);
    let refused = wire.get_stream("".into(), Some("s-1".into()), None, None, HashMap::new()).await;
    assert!(matches!(refused, Err(StreamableHttpError::ServerDoesNotSupportSse)));
    assert!(server.seen().is_empty());
}

/// Waits until this runtime has no more tasks than `before`. hyper's connections end a moment after their last use.
async fn alone_again(before: usize) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while tokio::runtime::Handle::current().metrics().num_alive_tasks() > before {
        assert!(Instant::now() < deadline, "tasks are left behind");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_attempt_leaves_no_task_behind() {
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let (_listener, silent) = mute();
    let sessions = Server::start(|request| legacy(request, |_| status(404)));
    let stateless = Server::start(|request| as_stream(&result(request, &discovery())));
    for url in [silent, sessions.url(), stateless.url()] {
        let _ = hasty().attempt(&target(url)).await;
        alone_again(before).await;
    }
}

#[tokio::test]
async fn an_attempt_that_is_dropped_leaves_no_task_behind() {
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let (_listener, silent) = mute();
    let given_up = tokio::time::timeout(Duration::from_millis(100), attempt(silent)).await;
    assert!(given_up.is_err());
    alone_again(before).await;
}

#[tokio::test]
async fn a_connect_to_rule_leads_elsewhere_and_keeps_the_host_header() {
    let server = Server::start(modern);
    let rule = format!("{}:8080:127.0.0.1:{}", no_such_host(), server.address.port());
    let client = Client::new(vec![rule.parse().unwrap()]);
    let url = format!("http://{}:8080/mcp", no_such_host());
    verified(&client.attempt(&target(url)).await);
    assert_eq!(server.seen()[0].header("host").unwrap(), format!("{}:8080", no_such_host()));
}

#[tokio::test]
async fn a_connect_to_rule_leads_away_from_an_address_too() {
    let server = Server::start(modern);
    let rule = format!("192.0.2.1::localhost:{}", server.address.port());
    let client = Client::new(vec![rule.parse().unwrap()]);
    verified(&client.attempt(&target("http://192.0.2.1:8080/mcp")).await);
    assert_eq!(server.seen()[0].header("host"), Some("192.0.2.1:8080"));
}

#[tokio::test]
async fn an_attempt_can_run_in_a_task_of_its_own() {
    let server = Server::start(modern);
    let url = server.url();
    let client = Client::new(Vec::new());
    let answer = tokio::spawn(async move { client.attempt(&target(url)).await }).await.unwrap();
    verified(&answer);
}
