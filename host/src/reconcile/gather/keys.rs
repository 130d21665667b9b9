//! The single keys of ConfigMaps and Secrets that a spec refers to. Pods wait for a key that is missing, and it may come at
//! any time; so its author gets a warning, and no refusal. Pure.

use k8s_openapi::api::core::v1::KeyToPath;

use super::CA_KEY;
use super::config_hash::Contents;
use super::references::{self, Source, SourceKind};
use crate::api::MCPServerSpec;
use crate::api::status::InputStatus;

/// One place in the spec that refers to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyReference {
    source: Source,
    key: String,
    path: String,
}

/// Whether it was looked for every key that the spec refers to, in objects that exist.
pub fn are_known(spec: &MCPServerSpec, inputs: &[InputStatus]) -> bool {
    let known = |input: &InputStatus, key: &String| input.keys.contains(key) || input.missing_keys.contains(key);
    of(spec)
        .iter()
        .all(|reference| input_of(inputs, &reference.source).is_none_or(|input| known(input, &reference.key)))
}

/// Notes which of the keys that the spec refers to an object has.
pub fn look_up(spec: &MCPServerSpec, source: &Source, contents: &Contents, input: &mut InputStatus) {
    let mut keys: Vec<_> = of(spec).into_iter().filter(|r| r.source == *source).map(|r| r.key).collect();
    keys.sort();
    keys.dedup();
    (input.keys, input.missing_keys) = keys.into_iter().partition(|key| contents.contains_key(key));
}

/// One sentence for each key that is missing.
pub fn warnings(spec: &MCPServerSpec, inputs: &[InputStatus]) -> Vec<String> {
    let is_missing = |reference: &KeyReference| {
        input_of(inputs, &reference.source).is_some_and(|input| input.missing_keys.contains(&reference.key))
    };
    let told = |KeyReference { source, key, path }: KeyReference| {
        format!("{path}: {} {} has no key {key}, and pods do not start without it", source.kind, source.name)
    };
    of(spec).into_iter().filter(is_missing).map(told).collect()
}

fn input_of<'a>(inputs: &'a [InputStatus], source: &Source) -> Option<&'a InputStatus> {
    inputs.iter().find(|input| input.name == source.name && input.kind == source.kind.as_str())
}

/// All references to keys that are not optional, in the order of the spec.
fn of(spec: &MCPServerSpec) -> Vec<KeyReference> {
    let (config, is_needed) = (&spec.config, |optional: Option<bool>| optional != Some(true));
    let mut found = Vec::new();
    for (index, storage) in config.storage.iter().enumerate() {
        let path = format!("spec.config.storage[{index}].source");
        if let Some(volume) = storage.source.config_map.as_ref().filter(|volume| is_needed(volume.optional)) {
            let source = Source { kind: SourceKind::ConfigMap, name: volume.name.clone() };
            found.extend(items(&source, volume.items.as_deref(), &format!("{path}.configMap")));
        }
        if let Some(volume) = storage.source.secret.as_ref().filter(|volume| is_needed(volume.optional)) {
            let source = Source { kind: SourceKind::Secret, name: volume.secret_name.clone().unwrap_or_default() };
            found.extend(items(&source, volume.items.as_deref(), &format!("{path}.secret")));
        }
    }
    for (index, variable) in config.env.iter().enumerate() {
        let Some(from) = &variable.value_from else { continue };
        let path = |field: &str| format!("spec.config.env[{index}].valueFrom.{field}.key");
        if let Some(key) = from.config_map_key_ref.as_ref().filter(|key| is_needed(key.optional)) {
            let source = Source { kind: SourceKind::ConfigMap, name: key.name.clone() };
            found.push(KeyReference { source, key: key.key.clone(), path: path("configMapKeyRef") });
        }
        if let Some(key) = from.secret_key_ref.as_ref().filter(|key| is_needed(key.optional)) {
            let source = Source { kind: SourceKind::Secret, name: key.name.clone() };
            found.push(KeyReference { source, key: key.key.clone(), path: path("secretKeyRef") });
        }
    }
    // A Secret that was read for its other keys has to be read again when it becomes the CA bundle.
    let path = references::CA_BUNDLE_PATH.to_owned();
    found.extend(references::ca_bundle(spec).map(|source| KeyReference { source, key: CA_KEY.to_owned(), path }));
    found
}

fn items(source: &Source, items: Option<&[KeyToPath]>, path: &str) -> Vec<KeyReference> {
    let reference = |(index, item): (usize, &KeyToPath)| KeyReference {
        source: source.clone(),
        key: item.key.clone(),
        path: format!("{path}.items[{index}].key"),
    };
    items.into_iter().flatten().enumerate().map(reference).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;

    fn spec(config: Value) -> MCPServerSpec {
        let source = json!({"type": "ContainerImage", "containerImage": {"ref": "example.com/a:1"}});
        let mut config = config;
        config["port"] = json!(80);
        serde_json::from_value(json!({"source": source, "config": config})).unwrap()
    }

    fn variable(field: &str, optional: &Value) -> Value {
        json!({"name": "A", "valueFrom": {field: {"name": "a", "key": "k", "optional": optional}}})
    }

    fn everywhere() -> MCPServerSpec {
        let items = json!([{"key": "k", "path": "k"}]);
        spec(json!({
            "env": [variable("configMapKeyRef", &Value::Null), variable("secretKeyRef", &json!(false))],
            "storage": [
                {"path": "/a", "source": {"type": "ConfigMap", "configMap": {"name": "a", "items": items}}},
                {"path": "/b", "source": {"type": "Secret", "secret": {"secretName": "a", "items": items}}},
            ],
        }))
    }

    fn looked_up(spec: &MCPServerSpec, contents: &Contents) -> Vec<InputStatus> {
        let input = |kind: SourceKind| {
            let mut input = InputStatus { kind: kind.to_string(), name: "a".into(), ..InputStatus::default() };
            look_up(spec, &Source { kind, name: "a".into() }, contents, &mut input);
            input
        };
        [SourceKind::ConfigMap, SourceKind::Secret].map(input).into()
    }

    #[test]
    fn a_missing_key_is_warned_of_wherever_it_is_referred_to() {
        let spec = everywhere();
        let warned = warnings(&spec, &looked_up(&spec, &Contents::default()));
        assert_eq!(
            warned.iter().filter_map(|warning| warning.split(':').next()).collect::<Vec<_>>(),
            [
                "spec.config.storage[0].source.configMap.items[0].key",
                "spec.config.storage[1].source.secret.items[0].key",
                "spec.config.env[0].valueFrom.configMapKeyRef.key",
                "spec.config.env[1].valueFrom.secretKeyRef.key",
            ]
        );
        assert!(warned[0].ends_with("ConfigMap a has no key k, and pods do not start without it"), "{warned:?}");
        let there = looked_up(&spec, &Contents::from([("k".to_owned(), Vec::new())]));
        assert_eq!(warnings(&spec, &there), [""; 0]);
    }

    #[test]
    fn what_is_optional_is_not_missed() {
        let spec = spec(json!({"env": [variable("configMapKeyRef", &json!(true))]}));
        assert_eq!(warnings(&spec, &looked_up(&spec, &Contents::default())), [""; 0]);
    }

    #[test]
    fn a_key_that_nobody_looked_for_is_not_known() {
        let before = spec(json!({"env": []}));
        let inputs = looked_up(&before, &Contents::default());
        assert!(are_known(&before, &inputs));
        assert!(!are_known(&everywhere(), &inputs));
        assert!(are_known(&everywhere(), &looked_up(&everywhere(), &Contents::default())));
        assert!(are_known(&everywhere(), &[]), "of an object that does not exist there is nothing to know");
    }
}
