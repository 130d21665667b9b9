//! What the cluster says of one server and of the plugins that may render it. Reads only.
//!
//! By lists with a field selector, because the operator may list and not get: so this needs no right that it lacks.

use std::fmt::Debug;

use anyhow::{Context, anyhow};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::ListParams;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::api::status::RenderStatus;
use crate::api::{MCPServer, RenderPlugin};
use crate::cache::servers::Labels;
use crate::cache::sources::ServerName;
use crate::controller;
use crate::reconcile::call;

/// What the cluster says.
pub(super) struct Seen {
    /// The server with its status.
    pub server: MCPServer,
    /// All plugins.
    pub plugins: Vec<RenderPlugin>,
    /// Labels of the server's namespace.
    pub namespace_labels: Labels,
    /// The API server's version.
    pub version: String,
}

impl Seen {
    pub(super) async fn read(client: &kube::Client, (namespace, name): &ServerName) -> anyhow::Result<Self> {
        let servers = list(&Api::<MCPServer>::namespaced(client.clone(), namespace), Some(name)).await?;
        let server = servers.into_iter().next();
        let server = server.with_context(|| format!("there is no MCPServer {namespace}/{name} in the cluster"))?;
        let namespaces = list(&Api::<Namespace>::all(client.clone()), Some(namespace)).await?;
        let labels = namespaces.into_iter().next().and_then(|namespace| namespace.metadata.labels);
        Ok(Self {
            server,
            plugins: list(&Api::all(client.clone()), None).await?,
            namespace_labels: labels.unwrap_or_default(),
            version: controller::server_version(client).await?,
        })
    }

    /// The record of what was applied last.
    pub(super) fn render(&self) -> Option<&RenderStatus> {
        self.server.status.as_ref()?.render.as_ref()
    }

    /// One condition of the server.
    pub(super) fn condition(&self, name: &str) -> Option<&Condition> {
        self.server.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == name)
    }

    /// The plugin of this name.
    pub(super) fn plugin(&self, name: &str) -> Option<&RenderPlugin> {
        self.plugins.iter().find(|plugin| plugin.metadata.name.as_deref() == Some(name))
    }
}

async fn list<K>(api: &Api<K>, name: Option<&str>) -> anyhow::Result<Vec<K>>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let plural = K::plural(&());
    let only =
        name.map_or_else(ListParams::default, |name| ListParams::default().fields(&format!("metadata.name={name}")));
    let answer = call(&format!("list {plural}"), api.list(&only)).await?;
    Ok(answer.map_err(|refusal| anyhow!("{plural} cannot be listed: {}", refusal.message))?.items)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::{Arc, Mutex};

    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    const SERVERS: &str = "/apis/mcp.x-k8s.io/v1beta1/namespaces/team/mcpservers?&fieldSelector=metadata.name%3Da";

    /// What is asked of an API server that gives these answers by path, and else an empty list.
    fn scripted(answers: Vec<(&'static str, u16, Value)>) -> (kube::Client, Arc<Mutex<Vec<String>>>) {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let service = tower::service_fn(move |request: Request<Body>| {
            let uri = request.uri().to_string();
            let answer = answers.iter().find(|(path, ..)| *path == uri).map(|(_, code, body)| (*code, body.clone()));
            let (code, body) =
                answer.unwrap_or((200, json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": []})));
            seen.lock().unwrap().push(format!("{} {uri}", request.method()));
            let response = Response::builder().status(code).body(Body::from(body.to_string().into_bytes())).unwrap();
            async move { Ok::<_, std::convert::Infallible>(response) }
        });
        (kube::Client::new(service, "default"), calls)
    }

    fn name() -> ServerName {
        ("team".to_owned(), "a".to_owned())
    }

    #[tokio::test]
    async fn the_cluster_is_only_listed_and_no_content_is_read() {
        let server = json!({
            "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer", "metadata": {"name": "a", "namespace": "team"},
            "spec": {"source": {"type": "ContainerImage"}, "config": {"port": 80}},
        });
        let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [server]});
        let version = json!({"major": "1", "minor": "36+", "gitVersion": "", "gitCommit": "", "gitTreeState": "",
            "buildDate": "", "goVersion": "", "compiler": "", "platform": ""});
        let (client, calls) = scripted(vec![(SERVERS, 200, list), ("/version", 200, version)]);
        let seen = Seen::read(&client, &name()).await.unwrap();
        assert_eq!(seen.version, "1.36");
        let expected = [
            format!("GET {SERVERS}"),
            "GET /api/v1/namespaces?&fieldSelector=metadata.name%3Dteam".to_owned(),
            "GET /apis/render.mcp.x-k8s.io/v1alpha1/renderplugins?".to_owned(),
            "GET /version".to_owned(),
        ];
        assert_eq!(*calls.lock().unwrap(), expected);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_and_a_missing_right_are_told() {
        let message = Seen::read(&scripted(Vec::new()).0, &name()).await.err().unwrap().to_string();
        assert_eq!(message, "there is no MCPServer team/a in the cluster");
        let refusal = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "user x cannot list",
            "reason": "Forbidden", "code": 403});
        let message = Seen::read(&scripted(vec![(SERVERS, 403, refusal)]).0, &name()).await.err().unwrap().to_string();
        assert_eq!(message, "mcpservers cannot be listed: user x cannot list");
    }
}
