//! `--explain`: who rendered what, and who changed it.

use serde_json::{Value, json};

use crate::command::{documents, run};
use crate::plugins::{Plugins, render_with};

#[test]
fn tables_name_the_plugin_of_every_object_and_where_its_server_stands() {
    let printed = run(["render", "-f", "examples/tls.yaml", "--explain"]).printed();
    let lines: Vec<Vec<_>> = printed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["PLUGIN", "VERSION", "DIGEST"]);
    assert_eq!(lines[1][..2], ["default", env!("CARGO_PKG_VERSION")]);
    assert_eq!(printed.lines().nth(3), Some("MCPServer default/vault (examples/tls.yaml, document 2, line 27)"));
    assert_eq!(lines[4], ["SLOT", "OBJECT", "RENDERED", "BY", "CHANGED", "BY"]);
    assert_eq!(lines[7], ["workload", "Deployment", "vault", "default"]);
    assert!(printed.contains("\n\nMCPServer default/vault-experiment"), "{printed}");
}

#[test]
fn changes_and_removals_of_later_stages_are_told() {
    let plugins = Plugins::new();
    let fixed = plugins.answering(|objects| {
        objects[2].1["spec"]["replicas"] = json!(3);
        objects.remove(1);
        let mut service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a-extra"}});
        service["spec"] = json!({"selector": {"mcp-server": "a"}, "ports": [{"name": "mcp", "port": 8080}]});
        objects.push(("extra".to_owned(), service));
    });
    let chain = [plugins.default_plugin(), fixed];
    let text = render_with(&chain, &["--explain", "-o", "json"]).printed();
    let explanation: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(explanation["plugins"][1]["name"], "fixed");
    let server = &explanation["servers"][0];
    let objects: Vec<_> = server["objects"].as_array().unwrap().iter().collect();
    let told: Vec<_> =
        objects.iter().map(|o| json!([o["slot"], o["kind"], o["name"], o["renderedBy"], o["changedBy"]])).collect();
    assert_eq!(
        told,
        [
            json!(["network-policy", "NetworkPolicy", "a", "default", []]),
            json!(["extra", "Service", "a-extra", "fixed", []]),
            json!(["workload", "Deployment", "a", "default", ["fixed"]]),
        ]
    );
    assert_eq!(server["removed"], json!([{"slot": "service", "kind": "Service", "name": "a", "by": "fixed"}]));
    let table = render_with(&chain, &["--explain"]).printed();
    assert!(table.contains("removed by fixed"), "{table}");
    assert_eq!(documents(&render_with(&chain, &["--explain", "-o", "yaml"]).printed()), [explanation]);
}

#[test]
fn what_a_plugin_logged_is_shown_to_its_author() {
    let plugins = Plugins::new();
    let printed = render_with(&[plugins.default_plugin(), plugins.answering(|_| ())], &["--explain"]).printed();
    assert!(printed.contains("log: fixed "), "{printed}");
}
