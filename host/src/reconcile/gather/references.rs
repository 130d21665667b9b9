//! Which ConfigMaps and Secrets a spec refers to, and where. Pure.

use std::fmt;

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar};

use crate::api::MCPServerSpec;
use crate::api::spec::Storage;

/// The field that names the CA Secret.
pub const CA_BUNDLE_PATH: &str = "spec.transport.tls.caBundleSecret.name";

/// What can be referred to. The order is that of the configuration hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl SourceKind {
    /// The Kubernetes kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A ConfigMap or Secret in the server's namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Which of the two.
    pub kind: SourceKind,
    /// Its name.
    pub name: String,
}

/// One place in the spec that refers to a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What it refers to.
    pub source: Source,
    /// Whether the pods start without it.
    pub optional: bool,
    /// The field.
    pub path: String,
}

/// All references of a spec, in the order of the spec.
pub fn of(spec: &MCPServerSpec) -> Vec<Reference> {
    let config = &spec.config;
    let storage = config.storage.iter().enumerate().filter_map(|(index, storage)| storage_reference(index, storage));
    let env_from = config.env_from.iter().enumerate().filter_map(|(index, source)| env_from_reference(index, source));
    let env = config.env.iter().enumerate().filter_map(|(index, variable)| env_reference(index, variable));
    let ca = ca_bundle(spec).map(|source| Reference { source, optional: false, path: CA_BUNDLE_PATH.to_owned() });
    storage.chain(env_from).chain(env).chain(ca).collect()
}

/// The CA Secret, when TLS is enabled and names one.
pub fn ca_bundle(spec: &MCPServerSpec) -> Option<Source> {
    let tls = spec.transport.as_ref()?.tls.as_ref().filter(|tls| tls.enabled)?;
    let secret = tls.ca_bundle_secret.as_ref()?;
    Some(Source { kind: SourceKind::Secret, name: secret.name.clone() })
}

fn storage_reference(index: usize, storage: &Storage) -> Option<Reference> {
    let path = format!("spec.config.storage[{index}].source");
    if let Some(config_map) = &storage.source.config_map {
        return reference(
            SourceKind::ConfigMap,
            &config_map.name,
            config_map.optional,
            format!("{path}.configMap.name"),
        );
    }
    let secret = storage.source.secret.as_ref()?;
    let name = secret.secret_name.as_deref()?;
    reference(SourceKind::Secret, name, secret.optional, format!("{path}.secret.secretName"))
}

fn env_from_reference(index: usize, source: &EnvFromSource) -> Option<Reference> {
    let path = format!("spec.config.envFrom[{index}]");
    if let Some(config_map) = &source.config_map_ref {
        let path = format!("{path}.configMapRef.name");
        return reference(SourceKind::ConfigMap, &config_map.name, config_map.optional, path);
    }
    let secret = source.secret_ref.as_ref()?;
    reference(SourceKind::Secret, &secret.name, secret.optional, format!("{path}.secretRef.name"))
}

fn env_reference(index: usize, variable: &EnvVar) -> Option<Reference> {
    let path = format!("spec.config.env[{index}].valueFrom");
    let source = variable.value_from.as_ref()?;
    if let Some(key) = &source.config_map_key_ref {
        return reference(SourceKind::ConfigMap, &key.name, key.optional, format!("{path}.configMapKeyRef.name"));
    }
    let key = source.secret_key_ref.as_ref()?;
    reference(SourceKind::Secret, &key.name, key.optional, format!("{path}.secretKeyRef.name"))
}

/// `None` for an empty name, which Kubernetes' own types allow: there is nothing to look up.
fn reference(kind: SourceKind, name: &str, optional: Option<bool>, path: String) -> Option<Reference> {
    let source = Source { kind, name: name.to_owned() };
    (!name.is_empty()).then_some(Reference { source, optional: optional.unwrap_or(false), path })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::api::crd::open_api_schema;
    use crate::cache::sources::{SourceVersion, Sources};

    /// Refers to ConfigMaps `a` and `b` and Secrets `a` and `ca` in every way there is, and to some more than once.
    fn spec() -> MCPServerSpec {
        let env = |name: &str, field: &str, object: &str, optional: Value| json!({"name": name, "valueFrom": {field: {"name": object, "key": "k", "optional": optional}}});
        serde_json::from_value(json!({
            "source": {"type": "ContainerImage", "containerImage": {
                "ref": "ghcr.io/example/a:1", "imagePullSecrets": [{"name": "never-read"}],
            }},
            "config": {
                "port": 8080,
                "storage": [
                    {"path": "/a", "source": {"type": "ConfigMap", "configMap": {"name": "a"}}},
                    {"path": "/b", "source": {"type": "Secret", "secret": {"secretName": "a", "optional": true}}},
                    {"path": "/c", "source": {"type": "EmptyDir", "emptyDir": {}}},
                ],
                "envFrom": [
                    {"configMapRef": {"name": "b", "optional": true}},
                    {"secretRef": {"name": "a"}},
                    {"configMapRef": {"name": "a", "optional": false}},
                ],
                "env": [
                    {"name": "PLAIN", "value": "1"},
                    env("A", "configMapKeyRef", "a", json!(true)),
                    env("B", "secretKeyRef", "a", Value::Null),
                    {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                ],
            },
            "transport": {"tls": {"enabled": true, "caBundleSecret": {"name": "ca"}}},
        }))
        .unwrap()
    }

    #[test]
    fn every_place_that_can_refer_is_walked() {
        let found = of(&spec());
        let told: Vec<_> = found
            .iter()
            .map(|Reference { source, optional, path }| {
                (path.as_str(), source.kind.as_str(), source.name.as_str(), *optional)
            })
            .collect();
        assert_eq!(
            told,
            [
                ("spec.config.storage[0].source.configMap.name", "ConfigMap", "a", false),
                ("spec.config.storage[1].source.secret.secretName", "Secret", "a", true),
                ("spec.config.envFrom[0].configMapRef.name", "ConfigMap", "b", true),
                ("spec.config.envFrom[1].secretRef.name", "Secret", "a", false),
                ("spec.config.envFrom[2].configMapRef.name", "ConfigMap", "a", false),
                ("spec.config.env[1].valueFrom.configMapKeyRef.name", "ConfigMap", "a", true),
                ("spec.config.env[2].valueFrom.secretKeyRef.name", "Secret", "a", false),
                ("spec.transport.tls.caBundleSecret.name", "Secret", "ca", false),
            ]
        );
    }

    #[test]
    fn definition_has_no_other_place_that_refers() {
        let mut places = BTreeSet::new();
        collect(&open_api_schema()["properties"]["spec"], "spec", &mut places);
        places.remove("spec.source.containerImage.imagePullSecrets[].name"); // the kubelet's to read
        let walked: BTreeSet<String> =
            of(&spec()).into_iter().map(|reference| without_indices(&reference.path)).collect();
        assert_eq!(places, walked);
    }

    /// Names of ConfigMaps and Secrets: below a field that is called after them.
    fn collect(schema: &Value, path: &str, places: &mut BTreeSet<String>) {
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            let of_source = ["configmap", "secret"].iter().any(|kind| path.to_lowercase().contains(kind));
            if of_source && ["name", "secretName"].contains(&name.as_str()) {
                places.insert(format!("{path}.{name}"));
            }
            collect(below, &format!("{path}.{name}"), places);
        }
        if schema["items"].is_object() {
            collect(&schema["items"], &format!("{path}[]"), places);
        }
    }

    fn without_indices(path: &str) -> String {
        path.replace(|c: char| c.is_ascii_digit(), "")
    }

    #[test]
    fn object_that_is_referred_to_twice_is_one_input_and_a_missing_one_is_none() {
        let known = Sources::default();
        for (kind, name) in [(SourceKind::Secret, "ca"), (SourceKind::Secret, "a"), (SourceKind::ConfigMap, "a")] {
            let version = SourceVersion { uid: format!("{kind}-{name}"), resource_version: "1".to_owned() };
            known.observe("team-a", Source { kind, name: name.to_owned() }, version);
        }
        let inputs: Vec<_> = known.versions("team-a", &of(&spec())).into_iter().map(|input| input.uid).collect();
        assert_eq!(inputs, ["ConfigMap-a", "Secret-a", "Secret-ca"]);
    }

    #[test]
    fn ca_secret_counts_while_tls_is_enabled() {
        let mut spec = spec();
        spec.transport.as_mut().unwrap().tls.as_mut().unwrap().enabled = false;
        assert!(of(&spec).iter().all(|reference| reference.source.name != "ca"));
        assert_eq!(ca_bundle(&spec), None);
    }
}
