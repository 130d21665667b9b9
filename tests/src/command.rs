//! Running programs that come with the cluster: `kubectl` and `curl`.

use std::process::{Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Runs `kubectl` as the cluster's admin and returns what it prints.
pub async fn kubectl(arguments: &[&str]) -> Result<String> {
    text("kubectl", arguments, "").await
}

/// The same, with `input` on its standard input, for `-f -`.
pub async fn kubectl_with(input: &str, arguments: &[&str]) -> Result<String> {
    text("kubectl", arguments, input).await
}

/// Sends an HTTP request from inside the cluster, where Services resolve; an answer of 400 and above is an error.
pub async fn http(method: &str, url: &str) -> Result<String> {
    text("curl", &["--silent", "--show-error", "--fail", "--max-time", "10", "--request", method, url], "").await
}

/// The same, with a bearer token.
pub async fn http_with_token(method: &str, url: &str, token: &str) -> Result<String> {
    let header = format!("Authorization: Bearer {token}");
    let arguments =
        ["--silent", "--show-error", "--fail", "--max-time", "10", "--request", method, "--header", &header, url];
    text("curl", &arguments, "").await
}

/// Runs a program to its end.
pub async fn run(program: &str, arguments: &[&str], input: &str) -> Result<Output> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {program}"))?;
    let mut stdin = child.stdin.take().context("a pipe to its standard input")?;
    let write = async {
        let _ = stdin.write_all(input.as_bytes()).await; // one that reads nothing ends first
        drop(stdin);
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), write);
    output.with_context(|| format!("running {program}"))
}

async fn text(program: &str, arguments: &[&str], input: &str) -> Result<String> {
    let output = run(program, arguments, input).await?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {}: {}", arguments.join(" "), complaint.trim());
    Ok(String::from_utf8(output.stdout)?)
}
