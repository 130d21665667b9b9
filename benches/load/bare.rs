//! The floor: a client that only sends requests, with the bodies that the operator sends. They are rendered by the operator's
//! own library beforehand; statuses and events are those of a server that the operator made, under other names.

use std::time::Instant;

use anyhow::{Context as _, Result};
use futures::{StreamExt, TryStreamExt, stream};
use http::Request;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use mcp_operator::api::{self, MCPServer};
use mcp_operator::default_plugin;
use mcp_operator::reconcile::gather::{Inputs, Resolved, Stage, Surroundings};
use mcp_operator::reconcile::vet::{VettedObject, vet};
use mcp_operator::reconcile::{Identity, render};
use mcp_operator::sandbox::{Limits, Sandbox};
use serde_json::{Value, json};

use crate::servers::{Servers, WORKERS};

/// One request.
struct Call {
    method: &'static str,
    path: String,
    body: String,
}

/// All requests for all servers, a list for each.
pub struct Bare {
    client: kube::Client,
    servers: Vec<Vec<Call>>,
}

impl Bare {
    /// What the operator would send for the servers in `target`. `model` is a namespace in which it has done so.
    pub async fn prepare(client: &kube::Client, target: &Servers, model: &Servers) -> Result<Self> {
        let surroundings = surroundings()?;
        let made = model.all().await?;
        let sample = made.values().find(|server| server.status.is_some()).context("a server with a status")?;
        let events = events(client, sample).await?;
        let mut servers = Vec::new();
        for server in target.all().await?.values() {
            let resolved = Resolved { config_hash: hash_of(sample), ..Resolved::default() };
            let inputs = Inputs::new(server, resolved, &surroundings);
            let vetted =
                vet(&inputs, render::chain(&inputs).map_err(anyhow::Error::msg)?).map_err(anyhow::Error::msg)?;
            let mut calls: Vec<Call> = vetted.objects().iter().map(|object| apply(&target.namespace, object)).collect();
            calls.push(status(server, sample)?);
            calls.extend(events.iter().map(|event| create(event, sample, server)));
            servers.push(calls);
        }
        Ok(Self { client: client.clone(), servers })
    }

    /// How many requests there are.
    pub fn requests(&self) -> usize {
        self.servers.iter().map(Vec::len).sum()
    }

    /// Sends them, for as many servers at a time as the operator works on; returns the seconds that took.
    pub async fn send(&self) -> Result<f64> {
        let start = Instant::now();
        let each = self.servers.iter().map(|calls| self.send_in_order(calls));
        stream::iter(each).buffer_unordered(WORKERS).try_for_each(async |()| Ok(())).await?;
        Ok(start.elapsed().as_secs_f64())
    }

    async fn send_in_order(&self, calls: &[Call]) -> Result<()> {
        for Call { method, path, body } in calls {
            let content = if *method == "PATCH" { "application/apply-patch+yaml" } else { "application/json" };
            let request = Request::builder().method(*method).uri(path).header("Content-Type", content);
            self.client
                .request_text(request.body(body.clone().into_bytes())?)
                .await
                .with_context(|| format!("{method} {path}"))?;
        }
        Ok(())
    }
}

/// What the operator's own would be.
fn surroundings() -> Result<Surroundings> {
    let plugin = Sandbox::new(1)?.load(default_plugin::COMPONENT, Limits::default()).map_err(anyhow::Error::msg)?;
    Ok(Surroundings {
        cluster_domain: "cluster.local".into(),
        kubernetes_version: Some("1.36".into()),
        verify_from: None,
        chain: vec![Stage::new("default", plugin)],
    })
}

fn hash_of(server: &MCPServer) -> Option<String> {
    server.status.as_ref()?.render.as_ref()?.config_hash.clone()
}

fn apply(namespace: &str, object: &VettedObject) -> Call {
    let resource = object.kind().resource();
    let group = if resource.group.is_empty() { "api".to_owned() } else { format!("apis/{}", resource.group) };
    let (version, plural, name) = (&resource.version, &resource.plural, object.name());
    let manager = api::FIELD_MANAGER;
    let path = format!("/{group}/{version}/namespaces/{namespace}/{plural}/{name}?fieldManager={manager}");
    Call { method: "PATCH", path, body: object.manifest().to_string() }
}

/// The sample's status as this server's.
fn status(server: &MCPServer, sample: &MCPServer) -> Result<Call> {
    let Identity { namespace, name, uid } = Identity::of(server);
    let body = json!({
        "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": api::KIND,
        "metadata": { "name": name, "uid": uid },
        "status": renamed(&serde_json::to_value(&sample.status)?, sample, server),
    });
    let manager = api::STATUS_FIELD_MANAGER;
    let resource = format!("/apis/mcp.x-k8s.io/v1beta1/namespaces/{namespace}/mcpservers/{name}/status");
    Ok(Call { method: "PATCH", path: format!("{resource}?force=true&fieldManager={manager}"), body: body.to_string() })
}

/// What the operator told of the sample.
async fn events(client: &kube::Client, sample: &MCPServer) -> Result<Vec<Event>> {
    let api: Api<Event> = Api::namespaced(client.clone(), &sample.namespace().unwrap_or_default());
    let about = format!("regarding.name={}", sample.name_any());
    Ok(api.list(&ListParams::default().fields(&about)).await?.items)
}

fn create(event: &Event, sample: &MCPServer, server: &MCPServer) -> Call {
    let mut event = event.clone();
    event.metadata = kube::core::ObjectMeta {
        generate_name: Some(format!("{}-", server.name_any())),
        namespace: server.namespace(),
        ..Default::default()
    };
    let body = renamed(&json!(event), sample, server).to_string();
    let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events", server.namespace().unwrap_or_default());
    Call { method: "POST", path, body }
}

/// The same about another server.
fn renamed(value: &Value, sample: &MCPServer, server: &MCPServer) -> Value {
    let [old, new] = [sample, server].map(Identity::of);
    let text = value.to_string();
    let text = text.replace(&old.name, &new.name).replace(&old.namespace, &new.namespace);
    let text = text.replace(old.uid.as_deref().unwrap_or("-"), new.uid.as_deref().unwrap_or("-"));
    serde_json::from_str(&text).expect("names change nothing in JSON")
}
