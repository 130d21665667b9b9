//! Kubeconfigs of service accounts, so that the operator runs with the rights that a test gives it and no more.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::authorization::v1::LocalSubjectAccessReview;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{PolicyRule, RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;
use kube::config::{AuthInfo, Kubeconfig};
use mcp_operator::operator::rbac::{AGGREGATION_LABEL, RIGHTS, Right};
use serde_json::{Value, json};

use crate::command::kubectl_with;
use crate::wait::within;
use crate::{LONG, Lab};

/// The cluster role with exactly the rules of `deploy/install.yaml`.
const OPERATOR_ROLE: &str = "cluster-tests-operator";

/// A cluster role that collects the rules of others, as that of `deploy/install.yaml` does.
const GRANTS_ROLE: &str = "cluster-tests-operator-grants";

/// The same as the first for what is not in a namespace.
const CLUSTER_ROLE: &str = "cluster-tests-operator-cluster";

/// The rules of `deploy/install.yaml`: those for namespaces, or those for the cluster.
fn rules(cluster_wide: bool) -> Vec<PolicyRule> {
    RIGHTS.iter().filter(|right| right.cluster_wide == cluster_wide).map(Right::rule).collect()
}

/// Creates what [`Lab::account`] binds to.
pub(crate) async fn install_role() -> Result<()> {
    for (name, cluster_wide) in [(OPERATOR_ROLE, false), (CLUSTER_ROLE, true)] {
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "name": name }, "rules": rules(cluster_wide),
        });
        kubectl_with(&role.to_string(), &["apply", "--server-side", "--force-conflicts", "-f", "-"]).await?;
    }
    let collecting = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": GRANTS_ROLE },
        "aggregationRule": { "clusterRoleSelectors": [{ "matchLabels": { AGGREGATION_LABEL: "true" } }] },
    });
    kubectl_with(&collecting.to_string(), &["apply", "--server-side", "--force-conflicts", "-f", "-"]).await.map(drop)
}

impl Lab {
    /// Creates a service account without rights, and writes its kubeconfig.
    pub async fn account(&self, name: &str) -> Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), self.namespace());
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        accounts.create(&PostParams::default(), &ServiceAccount { metadata, ..ServiceAccount::default() }).await?;
        let request: TokenRequest = serde_json::from_value(json!({ "spec": { "expirationSeconds": 7200 } }))?;
        let answer = accounts.create_token_request(name, &PostParams::default(), &request).await?;
        let token = answer.status.and_then(|status| status.token).context("a token")?;
        let file = self.folder().join(format!("{name}.kubeconfig"));
        write_kubeconfig(&file, token)?;
        Ok(file)
    }

    /// Gives an account the operator's rights: those for namespaces in this one, those for the cluster in the cluster.
    pub async fn bind(&self, account: &str) -> Result<()> {
        self.bind_in_cluster(account, CLUSTER_ROLE).await?;
        self.bind_account_of(self, account).await
    }

    /// Gives an account the rules of a cluster role in the cluster, for as long as this namespace lives.
    pub async fn bind_in_cluster(&self, account: &str, cluster_role: &str) -> Result<()> {
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": self.lives_as_long(&format!("{}-{account}", self.namespace())).await?,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": cluster_role },
            "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": self.namespace() }],
        });
        kubectl_with(&binding.to_string(), &["create", "-f", "-"]).await.map(drop)
    }

    /// Metadata of an object of the cluster that ends with this namespace.
    pub async fn lives_as_long(&self, name: &str) -> Result<Value> {
        let namespaces: Api<Namespace> = Api::all(self.client());
        let namespace = namespaces.get(self.namespace()).await?;
        let owner =
            json!({ "apiVersion": "v1", "kind": "Namespace", "name": self.namespace(), "uid": namespace.metadata.uid });
        Ok(json!({ "name": name, "ownerReferences": [owner] }))
    }

    /// Gives an account the rights for what plugins were granted, in this namespace. They come a moment later.
    pub async fn bind_grants(&self, account: &str) -> Result<()> {
        let binding: RoleBinding = serde_json::from_value(json!({
            "metadata": { "name": format!("{account}-grants") },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": GRANTS_ROLE },
            "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": self.namespace() }],
        }))?;
        let bindings: Api<RoleBinding> = Api::namespaced(self.client(), self.namespace());
        bindings.create(&PostParams::default(), &binding).await.map(drop).map_err(Into::into)
    }

    /// Lets an account write events about RenderPlugins: these are in no namespace, so their events go to `default`.
    pub async fn let_tell_of_plugins(&self, account: &str) -> Result<()> {
        let mut metadata = self.lives_as_long(&format!("{}-{account}", self.namespace())).await?;
        metadata["namespace"] = "default".into();
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": OPERATOR_ROLE },
            "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": self.namespace() }],
        });
        kubectl_with(&binding.to_string(), &["create", "-f", "-"]).await.map(drop)
    }

    /// Gives an account of another lab the operator's rights in this namespace.
    pub async fn bind_account_of(&self, home: &Self, account: &str) -> Result<()> {
        let binding: RoleBinding = serde_json::from_value(json!({
            "metadata": { "name": account },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": OPERATOR_ROLE },
            "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": home.namespace() }],
        }))?;
        let bindings: Api<RoleBinding> = Api::namespaced(self.client(), self.namespace());
        bindings.create(&PostParams::default(), &binding).await?;
        self.until_bound(&format!("system:serviceaccount:{}:{account}", home.namespace())).await
    }

    /// The API server's authorizer hears of a new binding a moment later.
    async fn until_bound(&self, user: &str) -> Result<()> {
        let reviews: Api<LocalSubjectAccessReview> = Api::namespaced(self.client(), self.namespace());
        let review: LocalSubjectAccessReview = serde_json::from_value(json!({
            "metadata": { "namespace": self.namespace() },
            "spec": {
                "user": user,
                "resourceAttributes": { "namespace": self.namespace(), "verb": "list", "resource": "pods" },
            },
        }))?;
        within(LONG, "the binding is in force", async || {
            let answer = reviews.create(&PostParams::default(), &review).await?;
            ensure!(answer.status.is_some_and(|status| status.allowed), "{user} may not list pods");
            Ok(())
        })
        .await
    }
}

/// The kubeconfig that we use, with another user.
fn write_kubeconfig(file: &Path, token: String) -> Result<()> {
    let mut config = Kubeconfig::read()?;
    let current = config.current_context.clone().context("a current context in the kubeconfig")?;
    config.contexts.retain(|context| context.name == current);
    let context = config.contexts.first_mut().and_then(|context| context.context.as_mut()).context("its context")?;
    context.user = Some("account".to_owned());
    let mut account = serde_json::to_value(AuthInfo::default())?;
    account["token"] = token.into();
    let mut config = serde_json::to_value(config)?;
    config["users"] = json!([{ "name": "account", "user": account }]);
    std::fs::write(file, yaml_serde::to_string(&config)?)?;
    Ok(())
}
