//! Reads a component from where its RenderPlugin says it is. Reads only.

use std::fmt::Debug;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::{ByteString, NamespaceResourceScope};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;

use super::prepare::{Phase, Setback};
use crate::api::render_plugin::{ConfigMapSource, FileSource, ObjectName, OciSource, PluginSource};
use crate::reconcile::call;
use crate::reconcile::gather::CA_KEY;
use crate::registry::{self, Access, Credentials, Progress, Reference, Registry};
use crate::sandbox::Bytes;

/// Where a Secret of type `kubernetes.io/dockerconfigjson` keeps credentials.
const CREDENTIALS_KEY: &str = ".dockerconfigjson";

/// The bytes of the component, at most `limit` of them. Registries in `plain_http` are spoken to without TLS.
pub(crate) async fn component(
    client: &kube::Client,
    source: &PluginSource,
    limit: usize,
    plain_http: &[String],
) -> Result<Vec<u8>, Setback> {
    let component = match source {
        PluginSource { oci: Some(source), .. } => from_registry(client, source, limit, plain_http).await?,
        PluginSource { config_map: Some(source), .. } => from_config_map(client, source).await?,
        PluginSource { file: Some(FileSource { path }), .. } => from_file(path, limit).await?,
        PluginSource { oci: None, config_map: None, file: None } => {
            return Err(setback("NoSource", "spec.source names none; set one of its fields".to_owned()));
        }
    };
    within(limit, component.len())?;
    Ok(component)
}

async fn from_registry(
    client: &kube::Client,
    source: &OciSource,
    limit: usize,
    plain_http: &[String],
) -> Result<Vec<u8>, Setback> {
    let reference: Reference = source
        .reference
        .parse()
        .map_err(|error| setback("ReferenceInvalid", format!("spec.source.oci.ref: {error}")))?;
    let mut access = Access { plain_http: plain_http.to_vec(), ..Access::default() };
    for secret in &source.pull_secrets {
        let json = key_of_secret(client, secret, CREDENTIALS_KEY).await?;
        let ObjectName { namespace, name } = secret;
        let credentials = Credentials::from_docker_config(&json)
            .map_err(|error| setback("CredentialsInvalid", format!("Secret {namespace}/{name}: {error}")))?;
        access.credentials = access.credentials.or(credentials);
    }
    if let Some(secret) = &source.ca_secret {
        access.ca = Some(key_of_secret(client, secret, CA_KEY).await?);
    }
    let failed =
        |error: registry::Error| Setback { passes: error.passes(), ..setback("PullFailed", error.to_string()) };
    let way = Registry::new(access).map_err(failed)?;
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    Ok(way.pull(&reference, limit, &Progress::default()).await.map_err(failed)?.component)
}

async fn key_of_secret(client: &kube::Client, secret: &ObjectName, key: &str) -> Result<Vec<u8>, Setback> {
    let ObjectName { namespace, name } = secret;
    let found: Secret = get(client, "Secret", namespace, name).await?;
    let data = found.data.unwrap_or_default();
    let what = format!("Secret {namespace}/{name}");
    let missing = || setback("NotFound", format!("{what} has no key {key}; it has {}", keys(data.keys())));
    data.get(key).map(|ByteString(bytes)| bytes.clone()).ok_or_else(missing)
}

async fn from_config_map(client: &kube::Client, source: &ConfigMapSource) -> Result<Vec<u8>, Setback> {
    let ConfigMapSource { namespace, name, key } = source;
    let config_map: ConfigMap = get(client, "ConfigMap", namespace, name).await?;
    let mut binary = config_map.binary_data.unwrap_or_default();
    binary.remove(key).map(|ByteString(bytes)| bytes).ok_or_else(|| {
        let has = keys(binary.keys());
        setback("NotFound", format!("ConfigMap {namespace}/{name} has no key {key} in its binaryData; it has {has}"))
    })
}

async fn get<K>(client: &kube::Client, kind: &str, namespace: &str, name: &str) -> Result<K, Setback>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let what = format!("{kind} {namespace}/{name}");
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let answer = call(&format!("get {kind}"), api.get_opt(name)).await;
    let found = answer.map_err(|error| setback("Unreachable", format!("{what}: {error}")))?;
    let found = found.map_err(|refusal| match refusal.code {
        403 => {
            let advice = format!("let the operator's service account get it in namespace {namespace}");
            setback("Forbidden", format!("{what} may not be read; {advice}"))
        }
        _ => setback("Unreachable", format!("{what}: {}", refusal.message)),
    })?;
    found.ok_or_else(|| setback("NotFound", format!("{what} does not exist")))
}

fn keys<'a>(keys: impl Iterator<Item = &'a String>) -> String {
    let keys: Vec<_> = keys.map(String::as_str).collect();
    if keys.is_empty() { "none".to_owned() } else { keys.join(", ") }
}

async fn from_file(path: &str, limit: usize) -> Result<Vec<u8>, Setback> {
    let unreadable = |error: std::io::Error| {
        setback(
            "NotFound",
            format!("{path}: {error}; the file has to be in the operator's own pod, such as on a volume"),
        )
    };
    if !tokio::fs::metadata(path).await.map_err(unreadable)?.is_file() {
        return Err(setback("NotFound", format!("{path} is no file; spec.source.file.path has to name the component")));
    }
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    // What a file says of its size need not be true: those of /proc have none.
    let mut component = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut component).await.map_err(unreadable)?;
    within(limit, component.len()).map(|()| component)
}

fn within(limit: usize, length: usize) -> Result<(), Setback> {
    if length <= limit {
        return Ok(());
    }
    Err(setback("TooLarge", format!("the component has {} or more; the limit is {}", Bytes(length), Bytes(limit))))
}

fn setback(reason: &'static str, message: String) -> Setback {
    Setback { phase: Phase::Fetched, reason, message, passes: true }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    async fn refused(path: &str, limit: usize) -> (&'static str, String) {
        let Setback { reason, message, .. } = from_file(path, limit).await.unwrap_err();
        (reason, message)
    }

    #[tokio::test]
    async fn a_file_is_read_up_to_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("policy.wasm");
        std::fs::write(&path, "twelve bytes").unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(from_file(path, 12).await.unwrap(), b"twelve bytes");
        assert_eq!(refused(path, 11).await.0, "TooLarge");
    }

    /// A device has no size and no end.
    #[tokio::test]
    async fn what_is_no_file_is_not_read() {
        assert!(refused("/dev/zero", 12).await.1.contains("is no file"));
        assert!(refused("/", 12).await.1.contains("is no file"));
        assert_eq!(refused("/nowhere/policy.wasm", 12).await.0, "NotFound");
    }
}
