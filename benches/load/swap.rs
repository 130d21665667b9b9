//! Another policy for every server that changes nothing: the default plugin once more, as a RenderPlugin that replaces what the
//! first stage rendered.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use mcp_operator::default_plugin;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bench::Bench;
use crate::process::Process;
use crate::requests::Requests;
use crate::until_every;

/// A policy that comes.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Swap {
    /// Seconds from its creation until every server was rendered by it; it is fetched and tried before.
    pub seconds: f64,
    /// CPU seconds of the operator for all of it.
    pub cpu: f64,
    /// What the operator asked for.
    pub requests: Requests,
}

impl Swap {
    /// Writes about servers and their objects: the plugin's own status is none.
    pub fn writes(&self) -> usize {
        let about_plugins = self.requests.writes.get("renderplugins/status").copied().unwrap_or_default();
        self.requests.written() - about_plugins
    }
}

/// Applies the policy, waits until it has rendered everything, and takes it away.
pub async fn measure(bench: &Bench, operator: &Process, count: usize) -> Result<Swap> {
    let plugins = plugins(bench);
    let (before, audit, start) = (operator.usage()?, bench.plane.audit("operator")?, Instant::now());
    create(bench, &plugins).await?;
    until_every(PACE, "the plugin rendered every server", async || Ok(renders(operator).await >= count)).await?;
    let seconds = start.elapsed().as_secs_f64();
    crate::growth::quiet(operator).await?;
    let swap = Swap { seconds, cpu: operator.usage()?.cpu - before.cpu, requests: Requests::of(&audit.requests()?) };
    plugins.delete(NAME, &DeleteParams::default()).await?;
    Ok(swap)
}

const NAME: &str = "again";
/// How often the operator is asked how far it is.
const PACE: Duration = Duration::from_millis(250);

/// How often it has rendered a server.
async fn renders(operator: &Process) -> usize {
    operator.count("mcp_operator_renders_total", &[&format!("plugin=\"{NAME}\"")]).await
}

fn plugins(bench: &Bench) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("render.mcp.x-k8s.io", "v1alpha1", "RenderPlugin");
    Api::all_with(bench.admin.clone(), &ApiResource::from_gvk(&kind))
}

async fn create(bench: &Bench, plugins: &Api<DynamicObject>) -> Result<()> {
    let component = ConfigMap {
        metadata: kube::core::ObjectMeta { name: Some(NAME.into()), ..Default::default() },
        binary_data: Some([("component.wasm".to_owned(), ByteString(default_plugin::COMPONENT.to_vec()))].into()),
        ..ConfigMap::default()
    };
    let params = PatchParams::apply("author").force();
    let maps: Api<ConfigMap> = Api::namespaced(bench.admin.clone(), "default");
    maps.patch(NAME, &params, &Patch::Apply(&component)).await.context("storing the component")?;
    let plugin = json!({
        "apiVersion": "render.mcp.x-k8s.io/v1alpha1", "kind": "RenderPlugin", "metadata": { "name": NAME },
        "spec": {
            "source": { "configMap": { "namespace": "default", "name": NAME, "key": "component.wasm" } },
            "digest": mcp_operator::sandbox::Digest::of(default_plugin::COMPONENT).to_string(),
        },
    });
    plugins.patch(NAME, &params, &Patch::Apply(&plugin)).await.context("applying the RenderPlugin")?;
    Ok(())
}
