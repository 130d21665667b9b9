//! Reads a component from where its RenderPlugin says it is. Reads only.

use std::path::Path;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::prepare::{Phase, Setback};
use crate::api::render_plugin::{ConfigMapSource, FileSource, PluginSource};
use crate::reconcile::call;
use crate::sandbox::Bytes;

/// The bytes of the component, at most `limit` of them.
pub(super) async fn component(client: &kube::Client, source: &PluginSource, limit: usize) -> Result<Vec<u8>, Setback> {
    let component = match source {
        PluginSource { config_map: Some(source), .. } => from_config_map(client, source).await?,
        PluginSource { file: Some(FileSource { path }), .. } => from_file(path, limit).await?,
        PluginSource { config_map: None, file: None } => {
            return Err(setback("NoSource", "spec.source names none; set one of its fields".to_owned()));
        }
    };
    within(limit, component.len())?;
    Ok(component)
}

async fn from_config_map(client: &kube::Client, source: &ConfigMapSource) -> Result<Vec<u8>, Setback> {
    let ConfigMapSource { namespace, name, key } = source;
    let what = format!("ConfigMap {namespace}/{name}");
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let answer = call("get ConfigMap", api.get_opt(name)).await;
    let found = answer.map_err(|error| setback("Unreachable", format!("{what}: {error}")))?;
    let found = found.map_err(|refusal| match refusal.code {
        403 => {
            let advice = format!("let the operator's service account get configmaps in namespace {namespace}");
            setback("Forbidden", format!("{what} may not be read; {advice}"))
        }
        _ => setback("Unreachable", format!("{what}: {}", refusal.message)),
    })?;
    let config_map = found.ok_or_else(|| setback("NotFound", format!("{what} does not exist")))?;
    let mut binary = config_map.binary_data.unwrap_or_default();
    binary.remove(key).map(|ByteString(bytes)| bytes).ok_or_else(|| {
        setback("NotFound", format!("{what} has no key {key} in its binaryData; it has {}", keys(binary.keys())))
    })
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
    let metadata = tokio::fs::metadata(Path::new(path)).await.map_err(unreadable)?;
    within(limit, usize::try_from(metadata.len()).unwrap_or(usize::MAX))?;
    tokio::fs::read(path).await.map_err(unreadable)
}

fn within(limit: usize, length: usize) -> Result<(), Setback> {
    if length <= limit {
        return Ok(());
    }
    Err(setback("TooLarge", format!("the component has {}; the limit is {}", Bytes(length), Bytes(limit))))
}

fn setback(reason: &'static str, message: String) -> Setback {
    Setback { phase: Phase::Fetched, reason, message, passes: true }
}
