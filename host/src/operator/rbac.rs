//! Which rights the operator needs: one table, from which `install.yaml` is made and which is checked at the start.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::api::{ListParams, PostParams};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::api;
use crate::api::{MCPServer, RenderPlugin};
use crate::controller::Scope;
use crate::reconcile::call;

/// What may be done with one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resource, with its subresource after a slash.
    pub resource: &'static str,
    /// The verbs.
    pub verbs: &'static [&'static str],
    /// Why.
    pub purpose: &'static str,
    /// Whether it is about the cluster, even where only some namespaces are watched.
    pub cluster_wide: bool,
}

const WATCH: &[&str] = &["get", "list", "watch"];
/// What is done with objects of one's own.
pub const OWN: &[&str] = &["create", "delete", "get", "list", "patch", "watch"];

/// Every right, least first. A test takes each away and sees the operator refuse to start.
pub const RIGHTS: &[Right] = &[
    right(api::GROUP, "mcpservers", &["list", "watch"], "what is to be run"),
    right(api::GROUP, "mcpservers/status", &["patch"], "how it runs"),
    right("apps", "deployments", OWN, "the servers' pods"),
    right("", "services", OWN, "the servers' addresses"),
    right("networking.k8s.io", "networkpolicies", OWN, "who may talk to them"),
    right("", "pods", &["list", "watch"], "why a server does not run"),
    right("", "configmaps", WATCH, "whether what a server refers to exists, and its hash"),
    right("", "secrets", WATCH, "whether what a server refers to exists, and its hash"),
    right("events.k8s.io", "events", &["create"], "what happened to a server"),
    cluster_right("", "namespaces", &["list", "watch"], "which plugins render the servers in it"),
    cluster_right(PLUGIN_GROUP, "renderplugins", &["list", "watch"], "how servers are rendered"),
    cluster_right(PLUGIN_GROUP, "renderplugins/status", &["patch"], "whether a plugin renders"),
];

/// ClusterRoles with this label, and the value `true`, give the operator the rights for kinds that plugins were granted.
pub const AGGREGATION_LABEL: &str = "render.mcp.x-k8s.io/aggregate-to-operator";

/// The group of RenderPlugin.
const PLUGIN_GROUP: &str = "render.mcp.x-k8s.io";

const fn right(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    purpose: &'static str,
) -> Right {
    Right { group, resource, verbs, purpose, cluster_wide: false }
}

const fn cluster_right(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    purpose: &'static str,
) -> Right {
    Right { cluster_wide: true, ..right(group, resource, verbs, purpose) }
}

impl Right {
    /// As a rule of a role.
    pub fn rule(&self) -> PolicyRule {
        PolicyRule {
            api_groups: Some(vec![self.group.into()]),
            resources: Some(vec![self.resource.into()]),
            verbs: self.verbs.iter().map(|&verb| verb.into()).collect(),
            ..PolicyRule::default()
        }
    }
}

/// How long rights and definition may take to arrive: one `kubectl apply` of all manifests starts us before they work.
const GRACE: Duration = Duration::from_secs(10);

/// Tries [`preflight`] until it succeeds or the time for that is over.
pub async fn wait_for_rights(client: &kube::Client, scope: &Scope) -> anyhow::Result<()> {
    let deadline = Instant::now() + GRACE;
    loop {
        match preflight(client, scope).await {
            Err(_) if Instant::now() < deadline => {
                tracing::info!("Rights or definition are missing; waiting for them to arrive");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            verdict => return verdict,
        }
    }
}

/// Checks that the CRD is there and that we have every right, so that what is missing is named at the start instead of
/// showing as an operator that does nothing.
pub async fn preflight(client: &kube::Client, scope: &Scope) -> anyhow::Result<()> {
    let namespaces = scope.places();
    let places = |right: &Right| if right.cluster_wide { vec![None] } else { namespaces.clone() };
    let needs = RIGHTS.iter().flat_map(|right| {
        places(right).into_iter().flat_map(move |place| right.verbs.iter().map(move |&verb| (place, right, verb)))
    });
    let reviews = needs.map(|(namespace, right, verb)| denied(client, namespace, right, verb));
    let denials: Vec<String> = stream::iter(reviews).buffered(8).try_filter_map(async |d| Ok(d)).try_collect().await?;
    if !denials.is_empty() {
        bail!(
            "the operator's service account lacks rights; add them to its role (deploy/install.yaml has all):\n{}",
            denials.join("\n")
        );
    }
    let servers: Api<MCPServer> = match namespaces.first().copied().flatten() {
        None => Api::all(client.clone()),
        Some(namespace) => Api::namespaced(client.clone(), namespace),
    };
    definition_is_installed(servers).await?;
    definition_is_installed(Api::<RenderPlugin>::all(client.clone())).await
}

/// One line about a right that we do not have.
async fn denied(
    client: &kube::Client,
    namespace: Option<&str>,
    right: &Right,
    verb: &str,
) -> anyhow::Result<Option<String>> {
    if is_allowed(client, namespace, right.group, right.resource, verb).await? {
        return Ok(None);
    }
    let place = match namespace {
        Some(name) => format!("in namespace {name}"),
        None if right.cluster_wide => "in the cluster".to_owned(),
        None => "in all namespaces".to_owned(),
    };
    let group = if right.group.is_empty() { String::new() } else { format!(".{}", right.group) };
    Ok(Some(format!("  {verb} {}{group} {place} ({})", right.resource, right.purpose)))
}

/// Whether we have a right, in one namespace or in all. A subresource stands after a slash.
pub async fn is_allowed(
    client: &kube::Client,
    namespace: Option<&str>,
    group: &str,
    resource: &str,
    verb: &str,
) -> anyhow::Result<bool> {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(group.into()),
                resource: Some(resource.into()),
                subresource: Some(subresource.into()).filter(|subresource: &String| !subresource.is_empty()),
                verb: Some(verb.into()),
                namespace: namespace.map(Into::into),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = call("create SelfSubjectAccessReview", api.create(&PostParams::default(), &review))
        .await?
        .map_err(|refusal| anyhow!(refusal.message))
        .context("asking which rights we have")?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

async fn definition_is_installed<K>(api: Api<K>) -> anyhow::Result<()>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let kind = K::kind(&());
    match call(&format!("list {kind}s"), api.list_metadata(&ListParams::default().limit(1))).await? {
        Ok(_) => Ok(()),
        Err(refusal) if refusal.code == 404 => bail!(
            "the cluster does not know the kind {kind}; install its definition first:\n  \
             mcp-operator crd | kubectl apply --server-side -f -"
        ),
        Err(refusal) => bail!("listing {kind}s: {}", refusal.message),
    }
}
