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
