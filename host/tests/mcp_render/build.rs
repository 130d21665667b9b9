//! `build`: projects outside of this repository become components, and what goes wrong is told with what to do. Plugins
//! in every language are built for real by `make plugins`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcp_operator::default_plugin::COMPONENT;
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Ended, run};

/// A project with these files.
fn project(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn build(project: &Path, flags: &[&str]) -> Ended {
    run([&["build", project.to_str().unwrap()], flags].concat())
}

/// Builds where the only programs are those in `bin`.
fn build_with(bin: &Path, project: &Path, flags: &[&str]) -> Ended {
    let mut command = crate::command::command();
    command.arg("build").arg(project).args(flags).env("PATH", bin).env("COMPONENT", project.join("component"));
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The plugin in the documentation of the package `render`.
fn documented() -> String {
    let page = include_str!("../../../plugins/go/render.go");
    let lines = page.lines().skip_while(|line| *line != "//\tpackage main");
    let lines = lines.take_while(|line| *line == "//" || line.starts_with("//\t"));
    lines.map(|line| line.trim_start_matches("//").trim_start_matches('\t').to_owned() + "\n").collect()
}

/// Whether Go is there; where it has to be, it is missed aloud.
pub fn has_go() -> bool {
    let found = Command::new("go").arg("version").output().is_ok();
    assert!(found || std::env::var_os("CI").is_none_or(|ci| ci != "true"), "go is missing");
    if !found {
        eprintln!("skipped: go is missing");
    }
    found
}

#[test]
fn the_plugin_in_the_documentation_for_go_is_whole() {
    if !has_go() {
        return;
    }
    let folder = project(&[("go.mod", "module example.com/owner\n\ngo 1.26\n"), ("main.go", &documented())]);
    let component = folder.path().join("built.wasm");
    let built = build(folder.path(), &["--format", "json", "-o", component.to_str().unwrap()]).printed();
    let built: Value = serde_json::from_str(&built).unwrap();
    assert_eq!(
        (&built["language"], &built["name"], &built["version"]),
        (&"Go".into(), &"owner".into(), &"0.1.0".into())
    );
    let inspected = run(["inspect", component.to_str().unwrap(), "-o", "json"]).printed();
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!((&built["digest"], &built["size"]), (&inspected["digest"], &inspected["size"]));
    let flags = ["-f", "examples/minimal.yaml", "--plugin", "default", "--plugin", component.to_str().unwrap()];
    let lines = run(["render"].iter().chain(&flags)).complaints(1);
    assert!(lines[0].ends_with("metadata.labels: plugin owner: OwnerMissing: Set the label owner."), "{lines:?}");
}

#[test]
fn what_does_not_compile_ends_with_1_and_the_tools_own_words() {
    if !has_go() {
        return;
    }
    let folder = project(&[("go.mod", "module example.com/policy\n\ngo 1.26\n"), ("main.go", "package main\n\nfunc")]);
    let lines = build(folder.path(), &[]).complaints(1);
    assert!(lines.iter().any(|line| line.contains("main.go:3:5: syntax error")), "{lines:?}");
    assert!(lines.last().unwrap().contains("failed; it said why above"), "{lines:?}");
    assert!(!folder.path().join("policy.wasm").exists());
}

#[test]
fn a_missing_tool_ends_with_2_and_how_to_install_it() {
    let empty = tempfile::tempdir().unwrap();
    for (file, words) in [
        ("go.mod", "go is missing: install Go 1.26 or newer"),
        ("Cargo.toml", "cargo is missing: install Rust 1.95 or newer from https://rustup.rs"),
        ("package.json", "npm is missing: install Node.js 18 or newer"),
    ] {
        let folder = project(&[(file, "{}")]);
        let lines = build_with(empty.path(), folder.path(), &[]).complaints(2);
        assert!(lines[0].starts_with(&format!("error: {words}")), "{lines:?}");
    }
    let folder = project(&[("requirements.txt", ""), ("plugin.py", "")]);
    let lines = build_with(empty.path(), folder.path(), &[]).complaints(2);
    assert!(lines[0].starts_with("error: python3 is missing: install Python 3.10 or newer"), "{lines:?}");
}

#[test]
fn a_folder_that_is_no_project_ends_with_2() {
    let lines = build(project(&[("README.md", "")]).path(), &[]).complaints(2);
    assert!(lines[0].contains("this is no plugin project: it has none of Cargo.toml (Rust), go.mod (Go)"), "{lines:?}");
}

/// A project for npm, with an npm that copies the file `component` for `npm run build`.
fn npm(component: &[u8]) -> (TempDir, PathBuf) {
    let folder = project(&[("package.json", "{}"), ("package-lock.json", "{}")]);
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(folder.path().join("component"), component).unwrap();
    let script = "#!/bin/sh\necho npm \"$1\"\nif [ \"$1\" = run ]; then /bin/cp \"$COMPONENT\" written.wasm; fi\n";
    fs::write(bin.join("npm"), script).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(bin.join("npm"), executable).unwrap();
    (folder, bin)
}

#[test]
fn what_the_script_of_a_package_writes_is_the_component() {
    let (folder, bin) = npm(COMPONENT);
    let output = folder.path().join("policy.wasm");
    let ended = build_with(&bin, folder.path(), &["-o", output.to_str().unwrap()]);
    assert_eq!(ended.stderr, "npm ci\nnpm run\n");
    assert!(ended.printed().starts_with(&format!("built:     {} (", output.display())));
    assert_eq!(fs::read(output).unwrap(), COMPONENT);
    let interface = fs::read_to_string(folder.path().join("wit/render.wit")).unwrap();
    assert_eq!(interface, include_str!("../../../wit/render.wit"));
}

#[test]
fn a_component_that_is_no_plugin_ends_with_1_and_is_not_written() {
    let (folder, bin) = npm(&hostile_plugins::component("foreign-import"));
    let output = folder.path().join("policy.wasm");
    let lines = build_with(&bin, folder.path(), &["-o", output.to_str().unwrap()]).complaints(1);
    let last = lines.last().unwrap();
    assert!(last.contains("what was built is no render plugin: ") && last.contains("acme:db/query@1.0.0"), "{lines:?}");
    assert!(!output.exists());
}
