//! Other plugins than the default one: chains, and plugins that misbehave.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Ended, render, run_with_input, server};

static OF_SERVER_A: LazyLock<Vec<Value>> = LazyLock::new(|| render(&server("a", "")).objects());

/// Components as files, gone with the folder.
pub struct Plugins(TempDir);

impl Plugins {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// The file of a component.
    pub fn file(&self, name: &str, component: &[u8]) -> PathBuf {
        let path = self.0.path().join(format!("{name}.wasm"));
        fs::write(&path, component).unwrap();
        path
    }

    /// The embedded default plugin as a file.
    pub fn default_plugin(&self) -> PathBuf {
        self.file("default", mcp_operator::default_plugin::COMPONENT)
    }

    /// One that answers with what the default plugin renders for a server named `a`, after a change.
    pub fn answering(&self, change: impl FnOnce(&mut Vec<(String, Value)>)) -> PathBuf {
        let mut objects = OF_SERVER_A.clone();
        for object in &mut objects {
            object["metadata"].as_object_mut().unwrap().remove("namespace");
        }
        let slots = ["network-policy", "service", "workload"].map(str::to_owned);
        let mut objects = slots.into_iter().zip(objects).collect();
        change(&mut objects);
        let objects: Vec<_> = objects.iter().map(|(slot, object)| (slot, object.to_string())).collect();
        self.file("fixed", &hostile_plugins::answering(&objects))
    }
}

/// Renders a server named `a` with these plugins.
pub fn render_with(plugins: &[PathBuf], flags: &[&str]) -> Ended {
    let mut arguments: Vec<String> = ["render", "-f", "-"].iter().chain(flags).map(|&text| text.to_owned()).collect();
    for plugin in plugins {
        arguments.extend(["--plugin".to_owned(), plugin.to_str().unwrap().to_owned()]);
    }
    run_with_input(arguments, &server("a", ""))
}

#[test]
fn the_default_plugin_as_a_file_gives_the_same_bytes() {
    let plugins = Plugins::new();
    let by_file = render_with(&[plugins.default_plugin()], &[]).printed();
    assert_eq!(by_file, render(&server("a", "")).printed());
}

#[test]
fn the_default_plugin_has_a_name_in_chains() {
    let plugins = Plugins::new();
    let pass_on = plugins.file("passthrough", &hostile_plugins::component("passthrough"));
    let chain = ["default".into(), pass_on];
    assert_eq!(render_with(&chain, &[]).printed(), render(&server("a", "")).printed());
    let explained = render_with(&chain, &["--explain"]).printed();
    assert!(explained.contains("\ndefault ") && explained.contains("\nhostile "), "{explained}");
}

#[test]
fn the_last_plugin_of_a_chain_has_the_last_word() {
    let plugins = Plugins::new();
    let three = plugins.answering(|objects| objects[2].1["spec"]["replicas"] = json!(3));
    let default = plugins.default_plugin();
    let replicas = |chain: &[PathBuf]| render_with(chain, &[]).objects()[2]["spec"]["replicas"].clone();
    assert_eq!(replicas(&[default.clone(), three.clone()]), 3);
    assert_eq!(replicas(&[three, default]), Value::Null);
}

#[test]
fn a_plugin_that_misbehaves_is_contained_and_named() {
    let plugins = Plugins::new();
    let table = [
        ("loop", "did not answer within"),
        ("trap", "crashed"),
        ("memory", "ran out of memory"),
        ("output-flood", "too large"),
        ("bad-json", "not valid"),
        ("socket", "which no plugin gets"),
        ("unsupported", "cannot do this"),
    ];
    for (name, words) in table {
        let file = plugins.file(name, &hostile_plugins::component(name));
        let ended = render_with(&[file], &[]);
        assert_eq!(ended.stdout, "", "{name}");
        let lines = ended.complaints(1);
        let place = "error: standard input, document 1 (line 1): MCPServer default/a: plugin ";
        assert!(lines[0].starts_with(place) && lines[0].contains(words), "{name}: {lines:?}");
    }
}

#[test]
fn a_refusal_is_told_at_the_line_of_its_field() {
    let plugins = Plugins::new();
    let lines = render_with(&[plugins.file("invalid", &hostile_plugins::component("invalid"))], &[]).complaints(1);
    let place = "error: standard input, document 1 (line 7): MCPServer default/a: ";
    assert_eq!(lines, [format!("{place}spec.source: plugin hostile: Refused: No.")]);
}

#[test]
fn a_stage_in_the_middle_is_vetted_as_well() {
    let plugins = Plugins::new();
    let greedy = plugins.answering(|objects| {
        objects[2].1["spec"]["template"]["spec"]["hostNetwork"] = json!(true);
    });
    let lines = render_with(&[greedy, plugins.default_plugin()], &[]).complaints(1);
    assert!(lines[0].contains("plugin fixed, slot workload (Deployment a)"), "{lines:?}");
    assert!(lines[0].contains("spec.template.spec.hostNetwork: must not be true"), "{lines:?}");
}

#[test]
fn a_binding_to_a_cluster_role_is_refused() {
    let plugins = Plugins::new();
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "a-admin"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    });
    let file = plugins.answering(|objects| objects.push(("extra".to_owned(), binding)));
    let lines = render_with(&[file], &[]).complaints(1);
    assert!(lines[0].contains("ClusterRoleBinding is never a plugin's to write"), "{lines:?}");
}

#[test]
fn a_component_that_is_no_plugin_ends_with_2_before_anything_is_rendered() {
    let plugins = Plugins::new();
    for (name, words) in
        [("garbage", "not WebAssembly"), ("version-0.3", "targets mcp:render@0.3"), ("slow-start", "2000 ms")]
    {
        let ended = render_with(&[plugins.file(name, &hostile_plugins::component(name))], &[]);
        assert_eq!(ended.stdout, "", "{name}");
        let lines = ended.complaints(2);
        assert!(lines[0].contains(&format!("{name}.wasm: ")) && lines[0].contains(words), "{name}: {lines:?}");
    }
    assert!(
        render_with(&["no-such.wasm".into()], &[]).complaints(2)[0].starts_with("error: no-such.wasm: No such file")
    );
}

#[test]
fn a_plugin_that_gets_no_objects_to_change_is_told_with_what_to_put_before_it() {
    let plugins = Plugins::new();
    let file = plugins.file("passthrough", &hostile_plugins::component("passthrough"));
    let lines = render_with(&[file], &[]).complaints(1);
    assert!(lines[0].contains("slot workload is missing"), "{lines:?}");
    assert!(lines[0].contains("`--plugin default --plugin FILE`, for diff `default,FILE`"), "{lines:?}");
    let empty = plugins.answering(Vec::clear);
    let lines = render_with(&["default".into(), empty], &[]).complaints(1);
    assert!(lines[0].ends_with("hand on what `base` has, or render it"), "{lines:?}");
}

#[test]
fn a_misspelt_default_is_told() {
    let lines = render_with(&["defualt".into()], &[]).complaints(2);
    assert!(lines[0].ends_with("; did you mean `default`, the embedded default plugin?"), "{lines:?}");
}

#[test]
fn a_component_older_than_its_sources_is_warned_of_and_used() {
    let plugins = Plugins::new();
    let file = plugins.file("passthrough", &hostile_plugins::component("passthrough"));
    fs::write(plugins.folder().join("package.json"), "{}").unwrap();
    let before = SystemTime::now() - Duration::from_secs(9);
    fs::File::options().append(true).open(&file).unwrap().set_modified(before).unwrap();
    let lines = render_with(&["default".into(), file.clone()], &[]).complaints(0);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let told = format!("warning: {} is older than package.json: run mcp-render build ", file.display());
    assert!(lines[0].starts_with(&told), "{lines:?}");
}
