//! `diff`: what another plugin would change, and what that does to the pods.

use std::path::Path;

use serde_json::{Value, json};

use crate::command::{Ended, command, end, run, run_with_input, server};
use crate::plugins::Plugins;

/// Compares for a server named `a`.
fn diff(old: &Path, new: &Path, flags: &[&str]) -> Ended {
    let chains = ["diff", old.to_str().unwrap(), new.to_str().unwrap(), "-f", "-"];
    run_with_input(chains.iter().chain(flags), &server("a", ""))
}

/// The verdict on that server when the default plugin's objects are changed like this.
fn change(change: impl FnOnce(&mut Vec<(String, Value)>)) -> Value {
    let ended = diff("default".as_ref(), &Plugins::new().answering(change), &["-o", "json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Verdict, and kind and change of each object.
fn told(comparison: &Value) -> (&str, Vec<(&str, &str)>) {
    let server = &comparison["servers"][0];
    let word = |value: &'_ Value| -> &str { Box::leak(value.as_str().unwrap().to_owned().into_boxed_str()) };
    let objects = server["objects"].as_array().unwrap().iter().map(|o| (word(&o["kind"]), word(&o["change"])));
    (word(&server["verdict"]), objects.collect())
}

#[test]
fn the_same_objects_are_no_change_and_end_with_0() {
    let plugins = Plugins::new();
    let pass_on = plugins.file("p", &hostile_plugins::component("passthrough"));
    let chain = format!("default,{}", pass_on.display());
    let ended = diff("default".as_ref(), chain.as_ref(), &[]);
    assert_eq!(ended.printed(), "SERVER     VERDICT    OBJECTS\ndefault/a  no change\n\nno change: 1\n");
}

#[test]
fn a_new_pod_template_restarts_pods() {
    let comparison = change(|objects| objects[2].1["spec"]["template"]["metadata"]["labels"]["team"] = json!("x"));
    assert_eq!(told(&comparison), ("restartsPods", vec![("Deployment", "changed")]));
    let diff = comparison["servers"][0]["objects"][0]["diff"].as_str().unwrap();
    assert!(diff.starts_with("--- old/default/Deployment/a\n+++ new/default/Deployment/a\n@@ "), "{diff}");
    assert!(diff.contains("\n+        team: x\n"), "{diff}");
    assert_eq!(comparison["summary"], json!({"restartsPods": 1}));
}

#[test]
fn labels_of_objects_are_metadata_only() {
    let comparison = change(|objects| {
        for (_, object) in objects {
            object["metadata"]["labels"]["team"] = json!("x");
        }
    });
    let every = ["NetworkPolicy", "Service", "Deployment"].map(|kind| (kind, "changed")).to_vec();
    assert_eq!(told(&comparison), ("metadataOnly", every));
}

#[test]
fn pods_stay_when_something_else_changes_comes_or_goes() {
    let comparison = change(|objects| {
        objects[2].1["spec"]["replicas"] = json!(3);
        objects[1].1["metadata"]["name"] = json!("a-mcp");
    });
    assert_eq!(
        told(&comparison),
        ("podsStay", vec![("Service", "added"), ("Deployment", "changed"), ("Service", "removed")])
    );
}

#[test]
fn people_get_differences_then_a_table() {
    let plugins = Plugins::new();
    let three = plugins.answering(|objects| objects[2].1["spec"]["replicas"] = json!(3));
    let ended = diff("default".as_ref(), &three, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let (differences, table) = ended.stdout.split_once("SERVER ").unwrap();
    assert!(differences.contains("\n+  replicas: 3\n"), "{differences}");
    assert_eq!(table, "    VERDICT    OBJECTS\ndefault/a  pods stay  Deployment a\n\npods stay: 1\n");
    let summary = diff("default".as_ref(), &three, &["--summary"]).stdout;
    assert_eq!(summary, format!("SERVER {table}"));
}

#[test]
fn a_server_that_is_refused_now_is_told_with_the_reason() {
    let plugins = Plugins::new();
    let [invalid, trap] = ["invalid", "trap"].map(|name| plugins.file(name, &hostile_plugins::component(name)));
    let ended = diff("default".as_ref(), &invalid, &["--summary"]);
    assert!(ended.stdout.contains("default/a  refused now\n"), "{ended:?}");
    assert!(ended.complaints(1)[0].contains("plugin hostile: Refused: No."));
    let ended = diff(&invalid, "default".as_ref(), &["--summary"]);
    assert!(ended.stdout.contains("accepted now"), "{ended:?}");
    assert_eq!(ended.complaints(1).len(), 1);
    let ended = diff(&invalid, &trap, &[]);
    assert!(ended.stdout.contains("refused by both"), "{ended:?}");
    let lines = ended.complaints(2);
    assert!(lines[0].contains("Refused: No.") && lines[1].contains("the plugin crashed"), "{lines:?}");
}

#[test]
fn other_parameters_can_be_compared() {
    let plugins = Plugins::new();
    let chain = format!("default,{}", plugins.file("p", &hostile_plugins::component("parameters")).display());
    let file = plugins.folder().join("p.yaml");
    std::fs::write(&file, "zones: [a]\n").unwrap();
    let flags = ["--old-parameters", file.to_str().unwrap()];
    let lines = diff(chain.as_ref(), chain.as_ref(), &flags).complaints(2);
    assert_eq!(lines, ["error: parameters of plugin parameters: zones: is required"]);
    let flags = [flags[0], flags[1], "--new-parameters", flags[1]];
    assert_eq!(diff(chain.as_ref(), chain.as_ref(), &flags).code, Some(0));
}

#[test]
fn servers_keep_their_order_however_many_are_rendered_at_a_time() {
    let plugins = Plugins::new();
    let invalid = plugins.file("invalid", &hostile_plugins::component("invalid"));
    let names: Vec<_> = (0..40).map(|number| format!("a-{}", number * 7 % 40)).collect();
    let manifests: Vec<_> = names.iter().map(|name| server(name, "")).collect();
    let manifests = manifests.join("---\n");
    let on = |threads: &str| {
        let mut command = command();
        command.env("RAYON_NUM_THREADS", threads).args(["diff", "default"]).arg(&invalid).args(["-f", "-"]);
        end(&mut command, &manifests)
    };
    let (one, many) = (on("1"), on("8"));
    assert_eq!((&one.stdout, &one.stderr), (&many.stdout, &many.stderr));
    let told: Vec<_> = many.stderr.lines().collect();
    assert_eq!(told.len(), names.len());
    for (line, name) in told.iter().zip(&names) {
        assert!(line.contains(&format!("MCPServer default/{name}: ")), "{name}: {line}");
    }
}

#[test]
fn every_server_of_the_input_has_a_row() {
    let ended = run(["diff", "default", "default", "-f", "examples", "--summary"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("\nno change: 11\n"), "{}", ended.stdout);
    assert_eq!(ended.stdout.lines().count(), 1 + 11 + 2);
    assert_eq!(run(["diff", "default", "default", "-f", "no-such-file"]).code, Some(2));
    assert_eq!(run(["diff", "default", "-f", "examples"]).code, Some(2));
}
