//! Where manifests come from: files, directories, the standard input, lists; and what ConfigMaps and Secrets do.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Ended, render, run, run_with_input, server};

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn render_folder(folder: &TempDir, flags: &[&str]) -> Ended {
    let arguments = ["render", "-f", folder.path().to_str().unwrap()];
    run(arguments.iter().chain(flags))
}

/// Names of the Deployments, in the order of the output.
fn names(ended: Ended) -> Vec<String> {
    let deployments = ended.objects().into_iter().filter(|object| object["kind"] == "Deployment");
    deployments.map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

fn config_hash(ended: Ended) -> Option<String> {
    let objects = ended.objects();
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
    annotations["mcp.x-k8s.io/config-hash"].as_str().map(str::to_owned)
}

#[test]
fn a_directory_is_read_by_file_name_and_not_below() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| server(name, ""));
    let files = [("2.yml", b.as_str()), ("1.yaml", a.as_str()), ("below/3.yaml", c.as_str()), ("4.txt", d.as_str())];
    let folder = folder(&files);
    assert_eq!(names(render_folder(&folder, &[])), ["a", "b"]);
    assert_eq!(names(render_folder(&folder, &["-R"])), ["a", "b", "c"]);
}

#[test]
fn several_files_are_rendered_in_the_order_of_the_flags() {
    let [a, b] = ["a", "b"].map(|name| server(name, ""));
    let folder = folder(&[("a.yaml", &a), ("b.yaml", &b)]);
    let [a, b] = ["a.yaml", "b.yaml"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    assert_eq!(names(run(["render", "-f", &b, "-f", &a])), ["b", "a"]);
}

#[test]
fn the_standard_input_may_have_many_documents() {
    let manifests = ["u", "v", "w"].map(|name| server(name, "")).join("---\n");
    assert_eq!(names(render(&manifests)), ["u", "v", "w"]);
}

#[test]
fn json_is_read_and_a_list_is_taken_apart() {
    let minimal = |name: &str, uid: &str| {
        json!({
            "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer",
            "metadata": {"name": name, "namespace": "team-a", "uid": uid, "resourceVersion": "7", "generation": 2},
            "spec": {"source": {"type": "ContainerImage", "containerImage": {"ref": "ghcr.io/example/a:1"}},
                     "config": {"port": 1}},
            "status": {"phase": "Running"},
        })
    };
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [minimal("a", "uid-a"), minimal("b", "uid-b")]});
    let objects = render(&list.to_string()).objects();
    assert_eq!(objects.len(), 6);
    let owner = |uid: &str, name: &str| {
        json!([{"apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer", "name": name, "uid": uid,
                "controller": true, "blockOwnerDeletion": true}])
    };
    assert_eq!(objects[0]["metadata"]["ownerReferences"], owner("uid-a", "a"));
    assert_eq!(objects[5]["metadata"]["ownerReferences"], owner("uid-b", "b"));
}

#[test]
fn what_the_cluster_adds_changes_nothing_but_the_owner() {
    let plain = render(&server("a", "")).objects();
    let added =
        "metadata:\n  uid: uid-a\n  generation: 5\n  resourceVersion: \"12\"\n  managedFields: [{manager: x}]\n";
    let mut stored = render(&server("a", "").replace("metadata:\n", added)).objects();
    for object in &mut stored {
        let owners = object["metadata"].as_object_mut().unwrap().remove("ownerReferences");
        assert_eq!(owners.unwrap()[0]["uid"], "uid-a");
    }
    assert_eq!(stored, plain);
}

#[test]
fn a_manifest_without_namespace_gets_that_of_the_flag() {
    let other = server("b", "").replace("  name: b\n", "  name: b\n  namespace: own\n");
    let manifests = server("a", "") + "---\n" + &other;
    let objects = run_with_input(["render", "-n", "given", "-f", "-"], &manifests).objects();
    let namespaces: Vec<_> = objects.iter().map(|object| object["metadata"]["namespace"].as_str().unwrap()).collect();
    assert_eq!(namespaces, ["given", "given", "given", "own", "own", "own"]);
}

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: \"1\"}\n";
const TOKEN: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {t: x}\n";
const REFERENCES: &str = "    envFrom:\n    - configMapRef: {name: settings}\n    - secretRef: {name: token}\n";

#[test]
fn config_maps_and_secrets_give_the_hash_wherever_they_are_given() {
    let server = server("a", REFERENCES);
    let together = config_hash(render(&[&server, SETTINGS, TOKEN].join("---\n"))).unwrap();
    assert_eq!(together.len(), 64);
    let folder = folder(&[("s.yaml", SETTINGS), ("t.yaml", TOKEN)]);
    let [settings, token] = ["s.yaml", "t.yaml"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let by_flags = run_with_input(["render", "-f", "-", "--config-map", &settings, "--secret", &token], &server);
    assert_eq!(config_hash(by_flags), Some(together.clone()));
    let changed = SETTINGS.replace("\"1\"", "\"2\"");
    assert_ne!(config_hash(render(&[&server, &changed, TOKEN].join("---\n"))), Some(together));
}

/// The bytes are a contract; `printf 'configmap/settings/a=1\0secret/token/t=x\0' | sha256sum`.
#[test]
fn the_hash_is_the_contracts() {
    let hash = config_hash(render(&[&server("a", REFERENCES), SETTINGS, TOKEN].join("---\n")));
    assert_eq!(hash.as_deref(), Some("9cec4b4b7974e9e3284f6f4d1b22e9d175a5583450cfe92a2232af7689cccc94"));
}

#[test]
fn contents_of_secrets_are_not_in_the_output() {
    let secret = TOKEN.replace("t: x", "t: do-not-print-me");
    let ended = render(&[&server("a", REFERENCES), SETTINGS, &secret].join("---\n"));
    assert!(!ended.stdout.contains("do-not-print-me") && !ended.stderr.contains("do-not-print-me"), "{ended:?}");
}

#[test]
fn an_object_of_another_namespace_does_not_count() {
    let elsewhere = SETTINGS.replace("name: settings", "name: settings, namespace: elsewhere");
    let server = server("a", "    envFrom: [{configMapRef: {name: settings}}]\n");
    let ended = render(&[server.as_str(), &elsewhere].join("---\n"));
    assert!(ended.stderr.contains("ConfigMap default/settings is not in the input"), "{}", ended.stderr);
    assert_eq!(config_hash(ended), None);
}

#[test]
fn what_is_referred_to_and_not_given_is_told_once_with_its_line() {
    let config =
        "    envFrom:\n    - configMapRef: {name: settings}\n    - {prefix: P_, configMapRef: {name: settings}}\n";
    let optional = "    - secretRef: {name: token, optional: true}\n";
    let ended = render(&server("a", &(config.to_owned() + optional)));
    let lines = ended.complaints(0);
    assert_eq!(lines.len(), 2, "{lines:?}");
    let place = "standard input, document 1 (line 13): MCPServer default/a: spec.config.envFrom[0].configMapRef.name: ";
    assert!(lines[0].starts_with(&format!("warning: {place}ConfigMap default/settings is not in")), "{lines:?}");
    assert!(lines[1].starts_with("note: ") && lines[1].contains("optional Secret default/token"), "{lines:?}");
}

#[test]
fn other_kinds_are_passed_over_with_a_note() {
    let other = "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a}\n";
    let foreign = server("b", "").replace("mcp.x-k8s.io/v1beta1", "mcp.example.com/v1");
    let lines = render(&[other, &foreign, &server("a", "")].join("---\n")).complaints(0);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("note: standard input, document 1 (line 1): Namespace default/team-a: passed over"));
    assert!(lines[1].contains("MCPServer default/b: passed over"), "{lines:?}");
}

#[test]
fn octal_numbers_and_yaml_booleans_mean_what_they_mean_to_kubectl() {
    let config = "    storage:\n    - path: /s\n      source:\n        type: Secret\n        secret: {secretName: s, defaultMode: 0440, optional: yes}\n";
    let objects = render(&server("a", config)).objects();
    let secret = &objects[2]["spec"]["template"]["spec"]["volumes"][0]["secret"];
    assert_eq!(*secret, json!({"secretName": "s", "defaultMode": 0o440, "optional": true}));
    assert_eq!(objects[2]["metadata"]["annotations"], Value::Null);
}
