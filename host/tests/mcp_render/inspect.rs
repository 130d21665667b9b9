//! `inspect`: what a component is, what it needs, and why it cannot be used.

use serde_json::{Value, json};

use crate::command::{Ended, run};
use crate::plugins::Plugins;

fn inspect(component: &[u8], flags: &[&str]) -> Ended {
    let plugins = Plugins::new();
    let file = plugins.file("x", component);
    run(["inspect", file.to_str().unwrap()].iter().chain(flags))
}

fn as_json(component: &[u8], code: i32) -> Value {
    let ended = inspect(component, &["-o", "json"]);
    assert_eq!(ended.code, Some(code), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn the_default_plugin_is_described_whole() {
    let component = mcp_operator::default_plugin::COMPONENT;
    let description = as_json(component, 0);
    assert_eq!(description["name"], "default");
    assert_eq!(description["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(description["contract"], "mcp:render@0.1.0");
    assert_eq!(description["world"], "mcp:render/plugin@0.1.0");
    assert_eq!(description["size"], component.len());
    assert_eq!(description["emits"][0], json!({"apiVersion": "apps/v1", "kind": "Deployment"}));
    assert_eq!(description["facts"], json!(["config.hash"]));
    assert_eq!(description["exports"], json!(["mcp:render/info@0.1.0", "mcp:render/renderer@0.1.0"]));
    assert_eq!(description["limits"]["memoryBytes"], 64 << 20);
    assert_eq!(description["problem"], Value::Null);
    let text = inspect(component, &[]).printed();
    for word in
        ["name:         default", "world:        mcp:render/plugin@0.1.0", "memory 64 MiB", "imports:", "emits:"]
    {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(text.contains(description["digest"].as_str().unwrap()), "{text}");
}

#[test]
fn the_default_plugin_imports_nothing_but_our_own_interfaces() {
    let description = as_json(mcp_operator::default_plugin::COMPONENT, 0);
    for import in description["imports"].as_array().unwrap() {
        assert!(["mcp:render/log@0.1.0", "mcp:render/types@0.1.0"].contains(&import.as_str().unwrap()), "{import}");
    }
}

#[test]
fn a_component_that_breaks_the_contract_is_described_with_the_reason() {
    let description = as_json(&hostile_plugins::component("version-0.3"), 1);
    assert_eq!(description["contract"], "mcp:render@0.3.0");
    assert!(description["problem"].as_str().unwrap().contains("targets mcp:render@0.3"), "{description}");
    assert_eq!(description["name"], Value::Null);
    let description = as_json(&hostile_plugins::component("foreign-import"), 1);
    assert!(description["imports"].to_string().contains("acme:db/query@1.0.0"), "{description}");
    assert!(description["problem"].as_str().unwrap().contains("acme:db/query@1.0.0"), "{description}");
}

#[test]
fn a_file_that_is_no_component_still_has_a_digest() {
    let description = as_json(b"#!/bin/sh\n", 1);
    assert!(description["digest"].as_str().unwrap().starts_with("sha256:"), "{description}");
    assert!(description["problem"].as_str().unwrap().contains("not WebAssembly"), "{description}");
}

#[test]
fn a_file_that_is_not_there_ends_with_2() {
    let lines = run(["inspect", "no-such.wasm"]).complaints(2);
    assert!(lines[0].starts_with("error: no-such.wasm: No such file"), "{lines:?}");
}
