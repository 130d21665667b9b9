//! `--parameters`: whom they are for, and what the plugin's own schema says of them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{Ended, run};
use crate::plugins::{Plugins, render_with};

fn file(plugins: &Plugins, name: &str, text: &str) -> PathBuf {
    let path = plugins.folder().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Renders with the default plugin and one that says its parameters.
fn render_given(plugins: &Plugins, parameters: &[String]) -> Ended {
    let chain = ["default".into(), plugins.file("p", &hostile_plugins::component("parameters"))];
    let flags: Vec<_> = parameters.iter().flat_map(|word| ["--parameters", word]).collect();
    render_with(&chain, &flags)
}

fn word(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_last_plugin_of_the_chain_gets_them() {
    let plugins = Plugins::new();
    for (name, text) in [("p.yaml", "# where\nzones:\n- a\n- b\n"), ("p.json", r#"{"zones": ["a", "b"]}"#)] {
        let given = word(&file(&plugins, name, text));
        let ended = render_given(&plugins, &[given]);
        assert!(ended.stderr.contains(r#"plugin parameters: Parameters: {"zones":["a","b"]}"#), "{}", ended.stderr);
        assert_eq!(ended.objects().len(), 3);
    }
}

#[test]
fn another_plugin_gets_them_by_its_name() {
    let plugins = Plugins::new();
    let given = word(&file(&plugins, "p.yaml", "zones: [a]\n"));
    let ended = render_given(&plugins, &[format!("parameters={given}")]);
    assert!(ended.stderr.contains(r#"Parameters: {"zones":["a"]}"#), "{}", ended.stderr);
    let lines = render_given(&plugins, &[format!("default={given}"), given.clone()]).complaints(2);
    assert!(lines[0].contains("p.yaml, document 1 (line 1): parameters of plugin default: are not taken"), "{lines:?}");
    let lines = render_given(&plugins, &[format!("spread={given}")]).complaints(2);
    assert!(
        lines[0].contains("no plugin of the chain has the name spread; there are default, parameters"),
        "{lines:?}"
    );
}

#[test]
fn every_mistake_is_told_with_its_line_before_anything_is_rendered() {
    let plugins = Plugins::new();
    let given = word(&file(&plugins, "p.yaml", "zones:\n- a\n- 2\nzone: b\n"));
    let ended = render_given(&plugins, std::slice::from_ref(&given));
    assert_eq!(ended.stdout, "");
    let mut lines = ended.complaints(2);
    lines.sort();
    let place = |line| format!("error: {given}, document 1 (line {line}): parameters of plugin parameters");
    assert_eq!(
        lines,
        [
            format!("{}: zones[1]: must be a string; is an integer", place(3)),
            format!("{}: zone: unknown parameter", place(4)),
        ]
    );
}

#[test]
fn a_required_parameter_is_missed_when_none_are_given() {
    let lines = render_given(&Plugins::new(), &[]).complaints(2);
    assert_eq!(lines, ["error: parameters of plugin parameters: zones: is required"]);
}

#[test]
fn a_file_that_cannot_be_read_or_is_not_one_document_ends_with_2() {
    let plugins = Plugins::new();
    let lines = render_given(&plugins, &["no-such.yaml".to_owned()]).complaints(2);
    assert!(lines[0].starts_with("error: no-such.yaml: No such file"), "{lines:?}");
    let two = word(&file(&plugins, "two.yaml", "zones: [a]\n---\nzones: [b]\n"));
    let lines = render_given(&plugins, &[two]).complaints(2);
    assert!(lines[0].ends_with("two.yaml: parameters are one document; this has 2"), "{lines:?}");
}

#[test]
fn a_plugin_without_parameters_is_given_none() {
    let plugins = Plugins::new();
    let given = word(&file(&plugins, "p.yaml", "zones: [a]\n"));
    let lines = run(["render", "-f", "examples/minimal.yaml", "--parameters", &given]).complaints(2);
    assert!(lines[0].contains("are not taken: the plugin has no parameters-schema; leave them out"), "{lines:?}");
}
