//! What a server refers to: contents of ConfigMaps and Secrets are read when a version changed, hashed and dropped.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;

use super::config_hash;
use super::keys;
use super::references::{self, Reference, Source, SourceKind};
use crate::api::status::InputStatus;
use crate::api::{MCPServer, MCPServerSpec, Violation};
use crate::handshake;
use crate::reconcile::error::Unreachable;
use crate::reconcile::{Context, Error, Identity, call};

/// Where a CA Secret keeps its certificates.
pub const CA_KEY: &str = "ca.crt";

/// The ConfigMaps and Secrets that a server refers to and that exist.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolved {
    /// Which versions the hash is of, sorted by kind and name.
    pub inputs: Vec<InputStatus>,
    /// The hash over their contents.
    pub config_hash: Option<String>,
}

impl Resolved {
    /// Whether it is of exactly these versions, and answers everything that the spec asks of them.
    fn is_of(&self, versions: &[InputStatus], spec: &MCPServerSpec) -> bool {
        self.inputs.len() == versions.len()
            && self.inputs.iter().zip(versions).all(|(input, version)| input.is_version_of(version))
            && keys::are_known(spec, &self.inputs)
    }
}

/// Takes over the hash that is recorded, or was made for a server that refers to the same, when nothing changed since; else
/// reads the contents, hashes them and drops them.
pub(super) async fn resolve(
    server: &MCPServer,
    identity: &Identity,
    references: &[Reference],
    ctx: &Context,
) -> Result<Resolved, Error> {
    let mut inputs = ctx.cache.sources.versions(&identity.namespace, references);
    let is_current = |resolved: &Resolved| resolved.is_of(&inputs, &server.spec);
    let question = format!("{inputs:?} {:?}", references::ca_bundle(&server.spec));
    let hashed = || ctx.cache.sources.hashed(&question).filter(is_current);
    if let Some(resolved) = recorded(server).filter(is_current).or_else(hashed) {
        return Ok(resolved);
    }
    let mut contents = BTreeMap::new();
    for reference in references {
        if contents.contains_key(&reference.source) {
            continue;
        }
        if let Some(found) = read(&identity.namespace, &reference.source, ctx).await? {
            contents.insert(reference.source.clone(), found);
        }
    }
    let problems = ca_problems(&server.spec, &contents);
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    for (source, contents) in &contents {
        let is_of = |input: &&mut InputStatus| input.name == source.name && input.kind == source.kind.as_str();
        if let Some(input) = inputs.iter_mut().find(is_of) {
            keys::look_up(&server.spec, source, contents, input);
        }
    }
    let resolved = Resolved { inputs, config_hash: config_hash::hash(&contents) };
    ctx.cache.sources.remember_hash(question, &resolved);
    Ok(resolved)
}

/// What the status recorded.
fn recorded(server: &MCPServer) -> Option<Resolved> {
    let record = server.status.as_ref()?.render.as_ref()?;
    Some(Resolved { inputs: record.inputs.clone(), config_hash: record.config_hash.clone() })
}

/// Contents of one ConfigMap or Secret; `None` when it is gone.
pub async fn read(
    namespace: &str,
    source: &Source,
    ctx: &Context,
) -> Result<Option<config_hash::Contents>, Unreachable> {
    let client = ctx.client.clone();
    match source.kind {
        SourceKind::ConfigMap => {
            let api: Api<ConfigMap> = Api::namespaced(client, namespace);
            Ok(read_one(&api, &source.name, "get ConfigMap").await?.map(config_map_contents))
        }
        SourceKind::Secret => {
            let api: Api<Secret> = Api::namespaced(client, namespace);
            Ok(read_one(&api, &source.name, "get Secret").await?.map(secret_contents))
        }
    }
}

async fn read_one<K>(api: &Api<K>, name: &str, what: &str) -> Result<Option<K>, Unreachable>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    call(what, api.get_opt(name)).await?.map_err(|refusal| Unreachable::refused(what, &refusal))
}

/// Keys and bytes of a ConfigMap, `data` and `binaryData` merged.
pub fn config_map_contents(object: ConfigMap) -> config_hash::Contents {
    let text = object.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes()));
    let binary = object.binary_data.unwrap_or_default().into_iter().map(|(key, ByteString(value))| (key, value));
    text.chain(binary).collect()
}

/// Keys and raw bytes of a Secret. `stringData`, which only manifests have, wins as it does in the API server.
pub fn secret_contents(object: Secret) -> config_hash::Contents {
    let raw = object.data.unwrap_or_default().into_iter().map(|(key, ByteString(value))| (key, value));
    let text = object.string_data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes()));
    raw.chain(text).collect()
}

/// What is wrong with the CA bundle that the server names, if it names one.
pub fn ca_problems(spec: &MCPServerSpec, contents: &BTreeMap<Source, config_hash::Contents>) -> Vec<Violation> {
    let Some(source) = references::ca_bundle(spec) else { return Vec::new() };
    let Some(secret) = contents.get(&source) else { return Vec::new() };
    let problem = match secret.get(CA_KEY) {
        None => Some(format!("has no key {CA_KEY}; put the CA's certificates there, in PEM")),
        Some(pem) => handshake::ca_bundle_problem(pem).map(|problem| format!("key {CA_KEY}: {problem}")),
    };
    let message = |problem| format!("Secret {} {problem}", source.name);
    let path = references::CA_BUNDLE_PATH.to_owned();
    problem.map(|problem| Violation { path, message: message(problem) }).into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn spec(enabled: bool) -> MCPServerSpec {
        serde_json::from_value(json!({
            "source": {"type": "ContainerImage", "containerImage": {"ref": "example.com/a:1"}},
            "config": {"port": 80},
            "transport": {"tls": {"enabled": enabled, "caBundleSecret": {"name": "ca"}}},
        }))
        .unwrap()
    }

    fn certificate() -> String {
        rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap().cert.pem()
    }

    /// What is wrong with a Secret `ca` that has this under this key.
    fn problem(enabled: bool, key: &str, pem: &str) -> Option<String> {
        let source = Source { kind: SourceKind::Secret, name: "ca".to_owned() };
        let contents = BTreeMap::from([(source, BTreeMap::from([(key.to_owned(), pem.as_bytes().to_vec())]))]);
        let problems = ca_problems(&spec(enabled), &contents);
        assert!(problems.len() <= 1, "{problems:?}");
        problems.first().map(ToString::to_string)
    }

    #[test]
    fn a_bundle_without_key_without_pem_and_without_certificate_are_told_apart() {
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let table = [
            ("tls.crt", certificate(), "has no key ca.crt; put the CA's certificates there, in PEM"),
            ("ca.crt", "secret".to_owned(), "key ca.crt: no PEM certificate in it"),
            ("ca.crt", damaged.to_owned(), "key ca.crt: none of the PEM blocks in it is an X.509 certificate"),
        ];
        for (key, pem, words) in table {
            let expected = format!("spec.transport.tls.caBundleSecret.name: Secret ca {words}");
            let told = problem(true, key, &pem).unwrap();
            assert!(told.starts_with(&expected), "{told}");
            assert_eq!(problem(false, key, &pem), None, "nobody looks at it while TLS is disabled");
        }
        assert_eq!(problem(true, "ca.crt", &certificate()), None);
    }
}
