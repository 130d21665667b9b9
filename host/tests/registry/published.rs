//! What is pushed can be pulled, and is the same on every machine.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use mcp_operator::default_plugin;
use mcp_operator::sandbox::Digest;
use serde_json::Value;

use crate::real::{PASSWORD, USER};
use crate::session::{Session, complaint, printed};

fn push(session: &Session, tag: &str, more: &[&str]) -> Value {
    let reference = session.reference(tag);
    let arguments = [&["push", "policy.wasm", reference.as_str(), "-o", "json"], more].concat();
    serde_json::from_str(&printed(&session.run(&arguments))).unwrap()
}

/// The section's `sh` block, at this registry instead of the one in the page.
#[test]
fn the_commands_in_the_docs_work() {
    let Some(session) = Session::start() else { return };
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/plugins.md")).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with("Publishing a plugin")).unwrap();
    let commands = section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(commands.contains("ghcr.io/"));
    let commands = commands.replace("ghcr.io/", &format!("{}/", session.registry.host()));
    let output = session.program("sh").args(["-euc", &commands]).output().unwrap();
    printed(&output);
    assert_eq!(fs::read(session.file("pulled.wasm")).unwrap(), default_plugin::COMPONENT);
}

#[test]
fn the_printed_digest_is_the_components_own() {
    let Some(session) = Session::start() else { return };
    let pushed = push(&session, "1", &[]);
    assert_eq!(pushed["digest"], Digest::of(default_plugin::COMPONENT).to_string());
    let pinned = pushed["pinned"].as_str().unwrap();
    let pulled = printed(&session.run(&["pull", pinned, "-o", "copy.wasm"]));
    assert!(pulled.contains(&format!("manifest:  {pinned}\n")), "{pulled}");
    assert!(pulled.ends_with(&format!("digest:    {}\n", pushed["digest"].as_str().unwrap())), "{pulled}");
    assert_eq!(fs::read(session.file("copy.wasm")).unwrap(), default_plugin::COMPONENT);
}

#[test]
fn a_file_that_nobody_named_is_not_overwritten() {
    let Some(session) = Session::start() else { return };
    push(&session, "1", &[]);
    let output = session.run(&["pull", &session.reference("1")]);
    assert_eq!(complaint(&output, 2), "error: policy.wasm: it exists already; name a file with -o\n");
    fs::remove_file(session.file("policy.wasm")).unwrap();
    printed(&session.run(&["pull", &session.reference("1")]));
    assert_eq!(fs::read(session.file("policy.wasm")).unwrap(), default_plugin::COMPONENT);
}

#[test]
fn the_same_plugin_has_the_same_manifest_unless_it_is_dated() {
    let Some(session) = Session::start() else { return };
    let first = push(&session, "1", &[]);
    assert_eq!(push(&session, "2", &[])["manifestDigest"], first["manifestDigest"]);
    assert_ne!(push(&session, "3", &["--annotation", "team=a"])["manifestDigest"], first["manifestDigest"]);
    let mut dated = session.program("mcp-render");
    dated.args(["push", "policy.wasm", &session.reference("4"), "-o", "json"]).env("SOURCE_DATE_EPOCH", "1700000000");
    let dated: Value = serde_json::from_str(&printed(&dated.output().unwrap())).unwrap();
    assert_ne!(dated["manifestDigest"], first["manifestDigest"]);
    assert_eq!(dated["digest"], first["digest"]);
}

#[test]
fn a_file_that_is_no_plugin_is_not_pushed() {
    let Some(session) = Session::start() else { return };
    fs::write(session.file("other.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let output = session.run(&["push", "other.wasm", &session.reference("1")]);
    assert!(complaint(&output, 1).starts_with("error: other.wasm: this is a core WebAssembly module"), "{output:?}");
    let output = session.run(&["pull", &session.reference("1"), "-o", "copy.wasm"]);
    assert!(complaint(&output, 2).contains("not found"), "{output:?}");
    assert!(!session.file("copy.wasm").exists());
}

#[test]
fn a_password_can_come_from_the_standard_input() {
    let Some(session) = Session::start() else { return };
    fs::remove_file(session.file("config.json")).unwrap();
    let reference = session.reference("1");
    let output = session.run(&["push", "policy.wasm", &reference]);
    let complaint = complaint(&output, 2);
    assert!(complaint.contains("wants credentials; give some with --username or `docker login`"), "{complaint}");
    for (password, code) in [("wrong", 2), (PASSWORD, 0)] {
        let mut command = session.program("mcp-render");
        command.args(["push", "policy.wasm", &reference, "--username", USER, "--password-stdin", "--ca"]);
        command.arg(session.registry.ca()).env_remove("SSL_CERT_FILE");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _ = writeln!(child.stdin.take().unwrap(), "{password}"); // one that refuses may end first
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains(password), "{output:?}");
    }
}

#[test]
fn a_registry_of_an_unknown_authority_is_not_spoken_to() {
    let Some(session) = Session::start() else { return };
    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(session.file("stranger.crt"), stranger.cert.pem()).unwrap();
    let output = session.run(&["pull", &session.reference("1"), "-o", "copy.wasm", "--ca", "stranger.crt"]);
    let complaint = complaint(&output, 2);
    assert!(complaint.contains("no TLS with 127.0.0.1: invalid peer certificate: UnknownIssuer"), "{complaint}");
    assert!(complaint.contains("the certificate of a private authority has to be given"), "{complaint}");
}
