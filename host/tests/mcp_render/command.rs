//! How the tests run the command, and the manifests that they feed to it.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use mcp_operator::sandbox::{CodeCache, Sandbox};
use serde_json::Value;

/// Where all runs keep compiled plugins, this one's and the next ones'.
pub const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache");
/// The variable that says so.
pub const CACHE_VARIABLE: &str = "MCP_RENDER_CACHE_DIR";

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    let compiler = Path::new(env!("CARGO_BIN_EXE_mcp-render"));
    let code = CodeCache::shared(&Path::new(CACHE).join("code"), compiler).unwrap();
    Sandbox::with_code_cache(1, code).unwrap()
});

/// A sandbox in the test's own process.
pub fn sandbox() -> &'static Sandbox {
    &SANDBOX
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// What was printed, of a run without errors.
    pub fn printed(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// The objects in what was printed.
    pub fn objects(self) -> Vec<Value> {
        documents(&self.printed())
    }

    /// The lines of complaint of a run that ended with this code.
    pub fn complaints(self, code: i32) -> Vec<String> {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self.stderr.lines().map(str::to_owned).collect()
    }
}

/// The documents of a YAML text.
pub fn documents(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap()
}

/// The command, at the root of the repository.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-render"));
    command.env(CACHE_VARIABLE, CACHE);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    command
}

/// Runs the command to its end.
pub fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ended {
    run_with_input(arguments, "")
}

/// Runs the command with this on its standard input.
pub fn run_with_input<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>, input: &str) -> Ended {
    end(command().args(arguments), input)
}

/// Runs this command to its end.
pub fn end(command: &mut Command, input: &str) -> Ended {
    let pipe = Stdio::piped;
    let mut child = command.stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()); // one that reads nothing may end first
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Renders what is given on the standard input.
pub fn render(manifests: &str) -> Ended {
    run_with_input(["render", "-f", "-"], manifests)
}

/// A manifest of the smallest server, with lines added to its `config`, indented by four.
pub fn server(name: &str, config: &str) -> String {
    format!(
        "apiVersion: mcp.x-k8s.io/v1beta1
kind: MCPServer
metadata:
  name: {name}
spec:
  source:
    type: ContainerImage
    containerImage:
      ref: ghcr.io/example/weather-mcp:1.4.2
  config:
    port: 8080
{config}"
    )
}
