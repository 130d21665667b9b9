//! Holds `examples/` to what it promises: every manifest is accepted, and together they show every field of the spec.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeSet, fs, path::Path};

use serde::Deserialize;
use serde_json::Value;

use super::{MCPServer, crd::open_api_schema, schema::admit, validate};

/// Fields whose content is Kubernetes' own and documented there; showing them once is enough.
const KUBERNETES_TYPES: [&str; 14] = [
    "config.env",
    "config.envFrom",
    "config.storage.source.configMap",
    "config.storage.source.emptyDir",
    "config.storage.source.secret",
    "network.dnsEgressPeer",
    "network.egressPorts",
    "network.egressTo",
    "network.ingressFrom",
    "runtime.health.livenessProbe",
    "runtime.health.readinessProbe",
    "runtime.resources",
    "runtime.security.podSecurityContext",
    "runtime.security.securityContext",
];

/// Every document of every example, with its file's name.
fn documents() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut documents = Vec::new();
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")) {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        for document in yaml_serde::Deserializer::from_str(&fs::read_to_string(&path).unwrap()) {
            documents.push((file.clone(), Value::deserialize(document).unwrap()));
        }
    }
    documents
}

fn servers() -> Vec<(String, Value)> {
    documents().into_iter().filter(|(_, document)| document["kind"] == "MCPServer").collect()
}

/// The paths of all fields in `value`, without list indices, down to Kubernetes' own types.
fn used(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(_) if KUBERNETES_TYPES.contains(&path) => {}
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = format!("{path}.{name}").trim_start_matches('.').to_owned();
                found.insert(path.clone());
                used(field, &path, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| used(item, path, found)),
        _ => {}
    }
}

/// The paths of all fields in `schema`, in the same form.
fn defined(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    if KUBERNETES_TYPES.contains(&path) {
        return;
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}").trim_start_matches('.').to_owned();
        found.insert(path.clone());
        defined(property, &path, found);
        defined(&property["items"], &path, found);
    }
}

#[test]
fn every_example_is_accepted() {
    for (file, document) in servers() {
        let object = admit(&document).unwrap_or_else(|violations| panic!("{file}: {violations:?}"));
        let server: MCPServer = serde_json::from_value(object).unwrap();
        assert_eq!(validate::validate(&server), [], "{file}");
        let tls = server.spec.transport.as_ref().and_then(|transport| transport.tls.as_ref());
        let is_odd = server.spec.gateway.is_some() || tls.is_some_and(|tls| tls.insecure_skip_verify);
        assert_eq!(!validate::warnings(&server).is_empty(), is_odd, "{file}");
    }
}

#[test]
fn examples_show_every_field() {
    let (mut all, mut shown) = (BTreeSet::new(), BTreeSet::new());
    defined(&open_api_schema()["properties"]["spec"], "", &mut all);
    for (_, document) in servers() {
        used(&document["spec"], "", &mut shown);
    }
    let missing: Vec<&String> = all.difference(&shown).collect();
    assert!(missing.is_empty(), "no example shows {missing:?}");
}

#[test]
fn examples_can_be_applied_together() {
    let mut names = BTreeSet::new();
    for (file, document) in documents() {
        assert!(names.insert((document["kind"].to_string(), document["metadata"]["name"].to_string())), "{file}");
    }
}

#[test]
fn every_example_begins_with_a_comment_that_teaches() {
    for file in documents().into_iter().map(|(file, _)| file).collect::<BTreeSet<String>>() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(&file);
        assert!(
            fs::read_to_string(path).unwrap().lines().take_while(|line| line.starts_with('#')).count() >= 3,
            "{file}"
        );
    }
}
