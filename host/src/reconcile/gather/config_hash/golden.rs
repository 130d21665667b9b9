//! Golden vectors: ConfigMaps and Secrets as the API server returns them, and their hashes as another program computes
//! them. Each digest is what the command above it prints. One that changes rolls every server of every cluster.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::references::{Source, SourceKind};
use super::super::{config_map_contents, secret_contents};
use super::hash;

/// The hash over these objects.
fn digest(objects: &[Value]) -> Option<String> {
    let contents = objects.iter().cloned().map(|object| {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        if object["kind"] == "ConfigMap" {
            let contents = config_map_contents(serde_json::from_value(object).unwrap());
            (Source { kind: SourceKind::ConfigMap, name }, contents)
        } else {
            let contents = secret_contents(serde_json::from_value(object).unwrap());
            (Source { kind: SourceKind::Secret, name }, contents)
        }
    });
    hash(&contents.collect::<BTreeMap<_, _>>())
}

fn config_map(name: &str, data: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": data })
}

/// Values are base64, as in every Secret that the API server returns.
fn secret(name: &str, data: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "type": "Opaque", "data": data })
}

fn is(objects: &[Value], expected: &str) {
    assert_eq!(digest(objects).as_deref(), Some(expected), "{objects:#?}");
}

#[test]
fn one_key_of_a_config_map() {
    // printf 'configmap/settings/A=1\0' | sha256sum
    is(
        &[config_map("settings", &json!({ "A": "1" }))],
        "8a30de19ce25caed8b62562c570d7b0c29aab21307347c6b48c06c4c63b3b99f",
    );
}

#[test]
fn binary_data_is_sorted_among_the_texts() {
    let mut object = config_map("settings", &json!({ "z": "last", "b.txt": "text" }));
    object["binaryData"] = json!({ "logo.png": "iVBORw==", "a": "AP8=" });
    // printf 'configmap/settings/a=\x00\xff\0configmap/settings/b.txt=text\0configmap/settings/logo.png=\x89PNG\0configmap/settings/z=last\0' | sha256sum
    is(&[object], "3e925f4908b0a989ce33d17588b4e7292de24f6431218d414e58b2ebaf861784");
}

#[test]
fn texts_are_hashed_as_utf_8() {
    // printf 'configmap/settings/greeting=Grüße, 世界 🌍\n\0' | sha256sum
    is(
        &[config_map("settings", &json!({ "greeting": "Grüße, 世界 🌍\n" }))],
        "f58e9456cf3aa021ef85553d1efa44bd46dcd39d4b7d567c8adf98a23f7bc251",
    );
}

#[test]
fn an_empty_value_is_not_no_value() {
    // printf 'configmap/settings/A=\0' | sha256sum
    is(
        &[config_map("settings", &json!({ "A": "" }))],
        "0c4a2f5b06954254bdfbfa9906ace9a67d46bf793458479d06634d0e38881312",
    );
}

#[test]
fn objects_without_keys_are_hashed_as_no_bytes() {
    let mut bare = secret("bare", &Value::Null);
    bare.as_object_mut().unwrap().remove("data");
    for empty in [config_map("empty", &json!({})), config_map("null", &Value::Null), secret("empty", &json!({})), bare]
    {
        // printf '' | sha256sum
        is(&[empty], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
    let beside = [config_map("empty", &json!({})), secret("token", &json!({ "A": "MQ==" }))];
    // printf 'secret/token/A=1\0' | sha256sum
    is(&beside, "c06fb8ff3b8b28352c35adf42d5cc4abc85082ea7d4ad2aa2926e7e77162b2ac");
}

#[test]
fn config_map_and_secret_of_the_same_name_are_told_apart() {
    let both = [secret("shared", &json!({ "A": "MQ==" })), config_map("shared", &json!({ "A": "1" }))];
    // printf 'configmap/shared/A=1\0secret/shared/A=1\0' | sha256sum
    is(&both, "67b4fefea20f7d61888faae85ee66f5816f96d59d5e233656c773913d5f91e70");
}

#[test]
fn every_key_of_the_ca_secret_counts() {
    let ca = secret("ca", &json!({ "tls.key": "AAE=", "ca.crt": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==" }));
    // printf 'secret/ca/ca.crt=-----BEGIN CERTIFICATE-----\n\0secret/ca/tls.key=\x00\x01\0' | sha256sum
    is(&[ca], "c16bbbca7f35458fe749e7fa58ed26c4285a78b0f2e141d83a3f8a5796cfdb6d");
}

#[test]
fn names_and_keys_are_sorted_by_their_bytes() {
    let objects = [
        secret("a-b", &json!({ "k": "Nw==" })),
        config_map("a9", &json!({ "k": "6" })),
        config_map("a10", &json!({ "k": "5" })),
        config_map("a.b", &json!({ "k": "4" })),
        config_map("a-b", &json!({ "a": "3", "_": "2", "B": "1" })),
    ];
    // printf 'configmap/a-b/B=1\0configmap/a-b/_=2\0configmap/a-b/a=3\0configmap/a.b/k=4\0configmap/a10/k=5\0configmap/a9/k=6\0secret/a-b/k=7\0' | sha256sum
    is(&objects, "fff344ad9aa8239c2a1b5b53a3d0f3673c8c7d821fa692c47690b4a7969763a1");
}
