//! Finds the components of a chain, and what their RenderPlugins say of them: in this program or a file, in the
//! operator's cache, or where the RenderPlugin says. Reads only.

use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use serde_json::Value;

use super::Flags;
use super::chain::Wanted;
use super::seen::Seen;
use crate::api::render_plugin::Grants;
use crate::bundle::{self, Component, StageLimits};
use crate::default_plugin;
use crate::plugins::{Store, VersionRecord, fetch, prepare};
use crate::sandbox::{Digest, Limits, Sandbox};

/// One plugin of the bundle.
pub(super) struct Part {
    pub stage: bundle::Stage,
    pub component: Component,
}

/// Finds one plugin of the chain.
pub(super) async fn find(client: &kube::Client, flags: &Flags, seen: &Seen, wanted: Wanted) -> anyhow::Result<Part> {
    match wanted {
        Wanted::Own(digest) => {
            let file = flags.default_plugin.clone();
            let load = move || own(file.as_deref(), digest);
            tokio::task::spawn_blocking(load).await.context("loading the operator's own plugin")?
        }
        Wanted::Plugin(name, digest) => {
            let found = render_plugin(client, flags, seen, &name, digest).await;
            found.with_context(|| format!("RenderPlugin {name}"))
        }
    }
}

/// The operator's own plugin, which has the name that it gives itself.
pub(super) fn own(file: Option<&Path>, wanted: Option<Digest>) -> anyhow::Result<Part> {
    let component = match file {
        Some(file) => std::fs::read(file).with_context(|| file.display().to_string())?,
        None => default_plugin::COMPONENT.to_vec(),
    };
    let digest = Digest::of(&component);
    if let Some(wanted) = wanted {
        let ours = file.map_or_else(|| "the one in this program".to_owned(), |file| file.display().to_string());
        ensure!(
            digest == wanted,
            "the server was rendered by the operator's own plugin {wanted}; {ours} is {digest}: export with the \
             operator's own version of this program, or name the plugin's file with --default-plugin"
        );
    }
    let plugin = Sandbox::new(1)?.load(&component, Limits::default())?;
    let (name, digest) = (plugin.info().name.clone(), digest.to_string());
    let limits = StageLimits::from(&Limits::default());
    let stage = bundle::Stage { name, digest, parameters: None, grants: Grants::default(), limits };
    Ok(Part { stage, component: Component(component) })
}

async fn render_plugin(
    client: &kube::Client,
    flags: &Flags,
    seen: &Seen,
    name: &str,
    digest: Digest,
) -> anyhow::Result<Part> {
    let store = flags.cache_dir.as_deref().map(Store::at);
    let record = record(store.as_ref(), seen, name, digest)?;
    let limits = prepare::limits(record.limits.as_ref(), &flags.plugins.limits()).map_err(anyhow::Error::msg)?;
    let component = match store.and_then(|store| store.component(&digest)) {
        Some(component) => component,
        None => fetched(client, flags, seen, name, digest).await?,
    };
    let stage = bundle::Stage {
        name: name.to_owned(),
        digest: digest.to_string(),
        parameters: record.parameters.map(Value::Object),
        grants: record.grants.unwrap_or_default(),
        limits: StageLimits::from(&limits),
    };
    Ok(Part { stage, component: Component(component) })
}

/// What decided the plugin's output, besides its component: as the operator keeps it or, where its cache is not at hand,
/// as the RenderPlugin says now.
fn record(store: Option<&Store>, seen: &Seen, name: &str, digest: Digest) -> anyhow::Result<VersionRecord> {
    let kept = store.map(|store| store.record(name)).unwrap_or_default();
    let said = seen.plugin(name).map(|plugin| VersionRecord::of(&plugin.spec));
    let mut versions = [kept.active, kept.previous, said].into_iter().flatten();
    versions.find(|version| version.digest == digest.to_string()).with_context(|| {
        format!(
            "the server was rendered by its version {digest}, of which neither its spec nor the cache says more; name \
             the operator's cache with --cache-dir"
        )
    })
}

async fn fetched(
    client: &kube::Client,
    flags: &Flags,
    seen: &Seen,
    name: &str,
    digest: Digest,
) -> anyhow::Result<Vec<u8>> {
    let plugin = seen.plugin(name).context("it does not exist any more; name the operator's cache with --cache-dir")?;
    let limit = Limits::default().component;
    let component = fetch::component(client, &plugin.spec.source, limit, &flags.plugins.plain_http_registries).await;
    let component =
        component.map_err(|setback| anyhow!("{}; or name the operator's cache with --cache-dir", setback.message))?;
    let actual = Digest::of(&component);
    ensure!(
        actual == digest,
        "the server was rendered by {digest}; its source has {actual}: name the operator's cache with --cache-dir"
    );
    Ok(component)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::plugins::Record;

    fn seen(digest: &str) -> Seen {
        let plugin = json!({
            "apiVersion": "render.mcp.x-k8s.io/v1alpha1", "kind": "RenderPlugin", "metadata": {"name": "spread"},
            "spec": {"source": {}, "digest": digest, "parameters": {"from": "spec"}},
        });
        let server = json!({
            "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer", "metadata": {"name": "a", "namespace": "team"},
            "spec": {"source": {"type": "ContainerImage"}, "config": {"port": 80}},
        });
        Seen {
            server: serde_json::from_value(server).unwrap(),
            plugins: vec![serde_json::from_value(plugin).unwrap()],
            namespace_labels: BTreeMap::new(),
            version: String::new(),
        }
    }

    fn from(record: VersionRecord) -> Value {
        record.parameters.map(|parameters| parameters["from"].clone()).unwrap_or_default()
    }

    #[test]
    fn parameters_are_those_of_the_version_that_rendered() {
        let [now, before, older] = [b"now".as_slice(), b"before", b"older"].map(Digest::of);
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path()).unwrap();
        let version = |digest: Digest, from: &str| VersionRecord {
            parameters: json!({ "from": from }).as_object().cloned(),
            ..VersionRecord::of(&crate::api::RenderPluginSpec { digest: digest.to_string(), ..Default::default() })
        };
        let kept = Record { active: Some(version(now, "active")), previous: Some(version(before, "previous")) };
        store.keep_record("spread", &kept).unwrap();
        let seen = seen(&now.to_string());
        assert_eq!(from(record(None, &seen, "spread", now).unwrap()), "spec");
        assert_eq!(from(record(Some(&store), &seen, "spread", now).unwrap()), "active");
        assert_eq!(from(record(Some(&store), &seen, "spread", before).unwrap()), "previous");
        let message = record(Some(&store), &seen, "spread", older).unwrap_err().to_string();
        assert!(message.contains("--cache-dir"), "{message}");
    }

    #[test]
    fn another_plugin_of_the_operators_own_is_not_taken_for_the_one_that_rendered() {
        let wanted = Digest::of(b"another");
        let message = own(None, Some(wanted)).err().unwrap().to_string();
        assert!(message.contains(&wanted.to_string()) && message.contains("--default-plugin"), "{message}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), hostile_plugins::component("good")).unwrap();
        assert_eq!(own(Some(file.path()), None).unwrap().stage.name, "fixed");
        assert!(own(Some(Path::new("/no/such.wasm")), None).err().unwrap().to_string().contains("no/such.wasm"));
    }
}
