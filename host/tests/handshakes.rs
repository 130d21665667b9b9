//! Servers are asked by a process of its own, which a server may end without harm to others.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use futures::future::join_all;
use mcp_operator::handshake::{Answer, Apart, Attempts, Outcome, Target, Tls};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;

/// At a time.
const MOST: u16 = 32;
const OPERATOR: &str = env!("CARGO_BIN_EXE_mcp-operator");

/// A server that asks everybody for credentials; its URL.
async fn guarded() -> String {
    server("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_owned()).await
}

/// A server that gives everybody this response; its URL.
async fn server(response: String) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(respond(stream, response.clone()));
        }
    });
    url
}

async fn respond(mut stream: TcpStream, response: String) {
    let _ = stream.read(&mut [0; 4096]).await;
    let _ = stream.write_all(response.as_bytes()).await;
}

fn target(url: &str) -> Target {
    Target { url: url.to_owned(), tls: Tls::SystemRoots, era: None }
}

/// A program that ends at a URL with `fatal` in it and has credentials asked for at any other; but the first time that it
/// is started, it answers nothing. It notes its starts in the file that is returned too.
fn moody(folder: &TempDir) -> (PathBuf, PathBuf) {
    let (program, starts) = (folder.path().join("program"), folder.path().join("starts"));
    let script = r#"#!/bin/sh
echo >> STARTS
first=$([ "$(wc -l < STARTS)" = 1 ] && echo yes)
while read -r line; do
    case $line in *fatal*) exit 1 ;; esac
    id=${line#*:}
    [ "$first" ] || echo "{\"id\":${id%%,*},\"outcome\":{\"Ok\":\"AuthRequired\"}}"
done
"#;
    fs::write(&program, script.replace("STARTS", &starts.display().to_string())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (program, starts)
}

fn words(outcome: Outcome) -> String {
    match outcome {
        Ok(Answer::AuthRequired) => "credentials".to_owned(),
        Ok(other) => format!("{other:?}"),
        Err(failure) => failure.to_string(),
    }
}

async fn asked(apart: &Apart, url: &str) -> String {
    words(apart.attempt(&target(url)).await)
}

#[tokio::test]
async fn the_process_asks_as_the_library_does() {
    let apart = Apart::new(OPERATOR.into(), Vec::new(), MOST);
    let (url, silence) = (guarded().await, "http://127.0.0.1:1/mcp");
    let answers = join_all((0..20).map(|_| asked(&apart, &url))).await;
    assert_eq!(answers, vec!["credentials"; 20]);
    let refused = apart.attempt(&target(silence)).await.unwrap_err();
    assert!(refused.to_string() == "connection refused" && refused.is_silence(), "{refused:?}");
}

/// Eight such answers do not fit into the process at a time, and one does.
#[tokio::test]
async fn answers_that_take_all_memory_harm_nobody() {
    let values = vec!["{\"\":1}"; 36_000].join(",");
    let body = format!("{{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{{\"x\":[{values}]}}}}");
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    let (greedy, guarded) = (server(head + &body).await, guarded().await);
    let apart = Apart::new(OPERATOR.into(), Vec::new(), MOST);
    let urls = std::iter::repeat_n(&greedy, 8).chain([&guarded]);
    let answers = join_all(urls.map(|url| asked(&apart, url))).await;
    assert_eq!(answers[..8], ["answered with a result that MCP does not define for the request"; 8]);
    assert_eq!(answers[8], "credentials");
}

#[tokio::test]
async fn rules_for_connections_hold_in_the_process() {
    let url = guarded().await;
    let port = url.rsplit(':').next().unwrap().trim_end_matches("/mcp");
    let rule = format!("nowhere.invalid:80:127.0.0.1:{port}").parse().unwrap();
    let apart = Apart::new(OPERATOR.into(), vec![rule], MOST);
    assert_eq!(asked(&apart, "http://nowhere.invalid/mcp").await, "credentials");
}

#[tokio::test]
async fn a_server_that_ends_the_process_is_unreadable_and_the_others_are_asked_again() {
    let folder = TempDir::new().unwrap();
    let (program, starts) = moody(&folder);
    let apart = Apart::new(program, Vec::new(), MOST);
    let urls = ["http://a", "http://b", "http://fatal", "http://c"];
    let answers = join_all(urls.map(|url| asked(&apart, url))).await;
    assert_eq!(answers, ["credentials", "credentials", "answered with JSON that is not an MCP message", "credentials"]);
    let started = || fs::read_to_string(&starts).unwrap().lines().count();
    assert_eq!(started(), 5, "one for all, then one for each");
    assert_eq!(join_all(urls[..2].iter().map(|url| asked(&apart, url))).await, ["credentials"; 2]);
    assert_eq!(started(), 6, "and one for all again");
}

#[tokio::test]
async fn a_process_that_cannot_be_started_is_no_failure_of_the_server() {
    let apart = Apart::new("/nowhere/mcp-operator".into(), Vec::new(), MOST);
    let failure = apart.attempt(&target("http://a")).await.unwrap_err();
    assert!(failure.to_string().starts_with("not asked:") && !failure.is_silence(), "{failure:?}");
}

#[tokio::test]
async fn the_process_ends_with_its_input_and_at_what_it_cannot_read() {
    for (input, succeeds) in [("", true), ("nonsense\n", false)] {
        let mut child = Command::new(OPERATOR)
            .args(["handshakes", "--memory", "134217728"])
            .env("MIMALLOC_ARENA_EAGER_COMMIT", "0") // as the operator does
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let ended = timeout(Duration::from_mins(1), child.wait()).await.expect("it ends").unwrap();
        assert_eq!(ended.success(), succeeds, "{input}");
    }
}
