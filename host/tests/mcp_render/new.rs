//! `new`: projects that build and pass at once, and templates that say what the repository says. All of them are built for
//! real by `make templates`; here, the one that needs nothing to be fetched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcp_operator::offline::{self, Format};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{documents, run};

const LANGUAGES: [&str; 5] = ["rust", "js", "ts", "python", "go"];

/// A project of this language.
fn project(language: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    run(["new", "team-labels", "--lang", language, "--dir", folder.path().to_str().unwrap()]).printed();
    folder
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

fn templates(folder: &str) -> PathBuf {
    repository("host/src/offline/new/templates").join(folder)
}

/// The paths of all files below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let below = if path.is_dir() { files(&path) } else { vec![String::new()] };
        found.extend(below.iter().map(|rest| format!("{name}/{rest}").trim_end_matches('/').to_owned()));
    }
    found.sort();
    found
}

#[test]
fn a_project_in_go_builds_and_passes_at_once() {
    if !crate::build::has_go() {
        return;
    }
    let folder = project("go");
    let component = folder.path().join("team-labels.wasm");
    let (project, component) = (folder.path().to_str().unwrap(), component.to_str().unwrap());
    run(["build", project, "-o", component]).printed();
    for command in [["vet", "./..."], ["test", "./..."]] {
        let output = Command::new("go").args(command).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let tested = run(["test", project, "--plugin", "default", "--plugin", component]).printed();
    assert!(tested.ends_with("3 passed, 0 failed\n"), "{tested}");
    run(["check", component]).printed();
    let unformatted = Command::new("gofmt").args(["-l", project]).output().unwrap();
    assert_eq!(String::from_utf8(unformatted.stdout).unwrap(), "");
}

#[test]
fn every_file_of_a_template_is_in_the_project() {
    let common = files(&templates("common"));
    for language in LANGUAGES {
        let written = files(project(language).path());
        for file in files(&templates(language)) {
            assert!(written.contains(&file), "{language}: {file} is missing");
        }
        let expected = common.iter().filter(|file| *file != "parameters.schema.json");
        expected.for_each(|file| assert!(written.contains(file), "{language}: {file} is missing"));
    }
    let crates = files(&repository("plugins/rust/src"));
    assert_eq!(files(&project("rust").path().join("vendor/mcp-render-plugin/src")), crates);
}

/// The default plugin changes, and what is checked in with it.
#[test]
fn golden_cases_of_the_templates_are_what_the_default_plugin_renders_with_a_class() {
    for (case, class) in
        [("a-server-gets-the-usual-class", "mcp-standard"), ("its-label-chooses-another-class", "batch")]
    {
        let case = templates("common/cases").join(case);
        let mut objects = run(["render".as_ref(), "-f".as_ref(), case.join("server.yaml").as_os_str()]).objects();
        objects[2]["spec"]["template"]["spec"]["priorityClassName"] = class.into();
        let expected = case.join("expected.yaml");
        if std::env::var_os("BLESS").is_some() {
            let written: Vec<_> = objects.iter().map(|object| offline::in_format(object, Format::Yaml)).collect();
            fs::write(&expected, written.join("---\n")).unwrap();
        }
        assert_eq!(documents(&fs::read_to_string(&expected).unwrap()), objects, "{}", expected.display());
    }
}

#[test]
fn templates_use_the_versions_of_the_repository() {
    let text = |path: PathBuf| fs::read_to_string(path).unwrap();
    let workspace = text(repository("Cargo.toml"));
    for manifest in ["rust/Cargo.toml", "rust/vendor/mcp-render-plugin/Cargo.toml"] {
        let manifest = text(templates(manifest));
        let dependencies = manifest.split("[dependencies]\n").nth(1).unwrap().split("\n\n").next().unwrap();
        for line in dependencies.lines().filter(|line| !line.contains("path = ")) {
            assert!(workspace.contains(&format!("\n{line}\n")), "{line} is not in Cargo.toml");
        }
    }
    assert_eq!(text(templates("python/requirements.txt")), text(repository("plugins/sidecar/requirements.txt")));
    let tool = |manifest: PathBuf| {
        let manifest: Value = serde_json::from_str(&text(manifest)).unwrap();
        manifest["devDependencies"]["componentize-qjs"].clone()
    };
    for language in ["js", "ts"] {
        assert_eq!(tool(templates(language).join("package.json")), tool(repository("plugins/tenancy/package.json")));
    }
}

#[test]
fn the_next_commands_are_printed_and_the_files_are_data() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("x");
    let at = at.to_str().unwrap();
    let printed = run(["new", "team-labels", "--lang", "python", "--dir", at]).printed();
    let next = format!(
        "next:\n  cd {at}\n  mcp-render build -o team-labels.wasm\n  \
         mcp-render test --plugin default --plugin team-labels.wasm\n"
    );
    assert!(printed.ends_with(&next), "{printed}");
    fs::remove_dir_all(at).unwrap();
    let printed = run(["new", "team-labels", "--lang", "python", "--dir", at, "-o", "json"]).printed();
    let created: Value = serde_json::from_str(&printed).unwrap();
    assert!(created["files"].as_array().unwrap().contains(&"plugin.py".into()), "{created:#}");
}

#[test]
fn a_bad_name_or_a_folder_with_something_in_it_ends_with_2() {
    let folder = project("go");
    let at = folder.path().to_str().unwrap();
    let lines = run(["new", "team-labels", "--lang", "go", "--dir", at]).complaints(2);
    assert_eq!(lines, [format!("error: {at}: the folder is there and not empty; name another with --dir")]);
    for (name, words) in [("Team", "beginning with a letter"), ("default", "has this name already")] {
        let lines = run(["new", name, "--lang", "go"]).complaints(2);
        assert!(lines.iter().any(|line| line.contains(words)), "{lines:?}");
    }
    assert_eq!(run(["new", "x", "--lang", "cobol"]).code, Some(2));
}
