//! The RenderPlugin of a test, and an operator that keeps what it learns of it.

use std::time::Duration;

use anyhow::{Result, ensure};
use cluster_tests::command::{kubectl, kubectl_with};
use cluster_tests::{Lab, Operator, looks, within};
use mcp_operator::sandbox::Digest;
use serde_json::{Value, json};

/// How long the largest component may take to be compiled and tried, on a machine that does much else.
pub const PREPARED: Duration = Duration::from_mins(4);

/// A RenderPlugin in a file of this test, for this namespace alone.
pub struct Plugin<'a> {
    lab: &'a Lab,
    /// The file.
    pub component: String,
    /// Its spec.
    pub spec: Value,
}

impl<'a> Plugin<'a> {
    /// One with this component.
    pub fn new(lab: &'a Lab, component: &[u8]) -> Result<Self> {
        let digest = Digest::of(component);
        let file = lab.folder().join(format!("{}.wasm", digest.short()));
        std::fs::write(&file, component)?;
        let component = file.display().to_string();
        let spec = json!({
            "source": { "file": { "path": component } },
            "digest": digest.to_string(),
            "match": { "namespaces": [lab.namespace()] },
        });
        Ok(Self { lab, component, spec })
    }

    /// One of the hostile plugins.
    pub fn hostile(lab: &'a Lab, name: &str) -> Result<Self> {
        Self::new(lab, &hostile_plugins::component(name))
    }

    /// Changes the spec by a JSON merge patch.
    pub fn with(mut self, patch: &Value) -> Self {
        json_patch::merge(&mut self.spec, patch);
        self
    }

    /// The start of its digest, as chains show it.
    pub fn short_digest(&self) -> &str {
        self.spec["digest"].as_str().map(|digest| &digest[7..15]).unwrap_or_default()
    }

    /// Makes the RenderPlugin, or changes it.
    pub async fn apply(&self) -> Result<()> {
        let manifest = json!({
            "apiVersion": "render.mcp.x-k8s.io/v1alpha1", "kind": "RenderPlugin",
            "metadata": self.lab.lives_as_long(self.lab.namespace()).await?, "spec": self.spec,
        });
        kubectl_with(&manifest.to_string(), &["apply", "--server-side", "-f", "-"]).await.map(drop)
    }

    /// The same; returns it once it renders.
    pub async fn ready(&self) -> Result<Value> {
        self.apply().await?;
        self.until("Ready", "True Active").await
    }

    /// Waits until a condition looks like this, about the newest spec; returns the RenderPlugin.
    pub async fn until(&self, name: &str, expected: &str) -> Result<Value> {
        within(PREPARED, &format!("{name} of the plugin is {expected}"), async || {
            let plugin = get(self.lab).await?;
            let seen = looks(&plugin);
            ensure!(seen.get(name).is_some_and(|seen| seen == expected), "it looks like {seen:?}");
            let current = plugin["status"]["observedGeneration"] == plugin["metadata"]["generation"];
            ensure!(current, "its status is about an older spec");
            Ok(plugin)
        })
        .await
    }
}

/// The test's RenderPlugin as it is.
pub async fn get(lab: &Lab) -> Result<Value> {
    Ok(serde_json::from_str(&kubectl(&["get", "renderplugin", lab.namespace(), "-o", "json"]).await?)?)
}

/// Deletes it.
pub async fn delete(lab: &Lab) -> Result<()> {
    kubectl(&["delete", "renderplugin", lab.namespace()]).await.map(drop)
}

/// An operator that keeps what it knows of plugins in a directory of this test.
pub async fn operator(lab: &Lab) -> Result<Operator> {
    let cache = lab.folder().join("cache").display().to_string();
    lab.fake_pods().await?;
    lab.operator(&["--verify", "false", "--cache-dir", &cache]).await
}
