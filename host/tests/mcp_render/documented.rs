//! The commands that docs/plugins.md shows do what it says.

use std::fs;
use std::path::Path;

use mcp_operator::default_plugin;

use crate::command::{CACHE, CACHE_VARIABLE, command, server};

/// Each line of shell in the page that runs `mcp-render` on files, without its comment. What needs a registry or a
/// compiler, or has no end, is not among them.
fn commands() -> Vec<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/plugins.md")).unwrap();
    let blocks = page.split("\n```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let lines = blocks.flat_map(str::lines).filter(|line| line.starts_with("mcp-render "));
    let lines =
        lines.filter(|line| !["ghcr.io", "pulled.wasm", " build", " dev "].iter().any(|word| line.contains(word)));
    lines.map(|line| line.split("  #").next().unwrap().trim_end().to_owned()).collect()
}

/// A plugin as the command supposes it: a full renderer, a transformer, or one that drops what is exempted.
fn policy(command: &str) -> Vec<u8> {
    let behind_another = ["--plugin default", "check ", "default,"].iter().any(|words| command.contains(words));
    match (command.contains("--exempt"), behind_another) {
        (true, _) => hostile_plugins::component("lossy"),
        (false, true) => hostile_plugins::component("any-parameters"),
        (false, false) => default_plugin::COMPONENT.to_vec(),
    }
}

#[test]
fn every_command_of_the_page_ends_with_0_on_a_sound_plugin() {
    let commands = commands();
    assert!(commands.len() >= 10, "{commands:#?}");
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["servers", "examples", "cases/the-smallest-server"] {
        fs::create_dir_all(at(name)).unwrap();
        fs::write(at(name).join("server.yaml"), server("a", "")).unwrap();
    }
    for name in ["policy.yaml", "now.yaml", "then.yaml"] {
        fs::write(at(name), "zones: [a]\n").unwrap();
    }
    fs::write(at("weather.json"), crate::replay::bundle(&[default_plugin::COMPONENT.to_vec()]).to_json()).unwrap();
    let mut blessing = None;
    for line in commands {
        for name in ["policy.wasm", "policy-1.wasm", "policy-2.wasm"] {
            fs::write(at(name), policy(&line)).unwrap();
        }
        if line.contains(" test ") && blessing.is_none() {
            blessing = Some(run(folder.path(), &format!("{line} --update")));
        }
        let (code, output) = run(folder.path(), &line);
        assert_eq!(code, Some(0), "{line}\n{output}");
    }
    assert_eq!(blessing.map(|(code, _)| code), Some(Some(0)), "the page shows no test");
}

/// Runs one line in a shell.
fn run(folder: &Path, line: &str) -> (Option<i32>, String) {
    let program = command().get_program().to_owned();
    let bin = Path::new(&program).parent().unwrap();
    let path = std::env::join_paths([bin, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    let mut shell = std::process::Command::new("sh");
    let output =
        shell.args(["-c", line]).current_dir(folder).env("PATH", path).env(CACHE_VARIABLE, CACHE).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}
