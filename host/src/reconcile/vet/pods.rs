//! Pods get no right that neither the server's own spec nor the restricted profile gives.
//!
//! The profile is the Pod Security Standard "restricted". A container is compared with the user's container of the same
//! name, which is only `mcp-server`; every other one must satisfy the profile. Taking a restriction away counts as
//! adding a right. Volumes, Secrets, service account and pull secrets are compared as sets with those of the spec.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{
    Container, EnvFromSource, EnvVar, PodSecurityContext, PodSpec, SecurityContext, Volume,
};
use serde_json::{Value, json};

use super::Rejection;
use super::shape::selector;
use crate::api::MCPServerSpec;
use crate::reconcile::gather::Inputs;
use crate::reconcile::gather::references::{self, SourceKind};

/// The container whose rights the user's spec can raise.
const SERVER_CONTAINER: &str = "mcp-server";
const POD: &str = "spec.template.spec";

/// Checks one Deployment.
pub(super) fn check(inputs: &Inputs, deployment: &Value) -> Result<(), Rejection> {
    let identity = inputs.identity();
    let expected = json!({ "matchLabels": selector(identity) });
    if deployment["spec"]["selector"] != expected {
        return Err(Rejection::field("spec.selector", format!("must be {expected}; a selector cannot change later")));
    }
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    if labels[crate::api::SERVER_LABEL] != identity.name.as_str() {
        let problem = format!("must be {}, so that the selector finds the pods", identity.name);
        return Err(Rejection::field(format!("spec.template.metadata.labels[{}]", crate::api::SERVER_LABEL), problem));
    }
    unconfined_annotations(&deployment["spec"]["template"]["metadata"]["annotations"])?;
    let typed: Deployment =
        serde_json::from_value(deployment.clone()).map_err(|error| Rejection::whole(error.to_string()))?;
    let pod = typed.spec.and_then(|spec| spec.template.spec);
    let pod = pod.ok_or_else(|| Rejection::field(POD, "is missing"))?;
    Allowed::by(inputs.spec()).pod(&pod)
}

/// The older spelling of security profiles: annotations.
fn unconfined_annotations(annotations: &Value) -> Result<(), Rejection> {
    let profile = |key: &&String| {
        ["container.apparmor.security.beta.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/"]
            .iter()
            .any(|prefix| key.starts_with(prefix))
    };
    match annotations.as_object().and_then(|annotations| annotations.keys().find(profile)) {
        Some(key) => Err(Rejection::field(
            format!("spec.template.metadata.annotations[{key}]"),
            "sets a security profile; use securityContext",
        )),
        None => Ok(()),
    }
}

/// What the user's own spec gives the pods, on top of the restricted profile.
struct Allowed {
    service_account: Option<String>,
    pull_secrets: BTreeSet<String>,
    secrets: BTreeSet<String>,
    pod: PodSecurityContext,
    server: SecurityContext,
    server_is_users: bool,
}

impl Allowed {
    fn by(spec: &MCPServerSpec) -> Self {
        let security = spec.runtime.as_ref().and_then(|runtime| runtime.security.clone()).unwrap_or_default();
        let image = spec.source.container_image.as_ref();
        let secrets = references::of(spec).into_iter().filter(|reference| reference.source.kind == SourceKind::Secret);
        Self {
            service_account: security.service_account_name,
            pull_secrets: image.iter().flat_map(|image| &image.image_pull_secrets).map(|s| s.name.clone()).collect(),
            secrets: secrets.map(|reference| reference.source.name).collect(),
            pod: security.pod_security_context.unwrap_or_default(),
            server_is_users: security.security_context.is_some(),
            server: security.security_context.unwrap_or_default(),
        }
    }

    fn pod(&self, pod: &PodSpec) -> Result<(), Rejection> {
        host(pod)?;
        self.identity(pod)?;
        let context = pod.security_context.clone().unwrap_or_default();
        self.pod_context(&context)?;
        for (index, volume) in pod.volumes.iter().flatten().enumerate() {
            self.volume(&format!("{POD}.volumes[{index}]"), volume)?;
        }
        for (index, container) in pod.containers.iter().enumerate() {
            let own = container.name == SERVER_CONTAINER;
            self.container(&format!("{POD}.containers[{index}]"), container, &context, own)?;
        }
        for (index, container) in pod.init_containers.iter().flatten().enumerate() {
            self.container(&format!("{POD}.initContainers[{index}]"), container, &context, false)?;
        }
        Ok(())
    }

    /// The service account and the secrets that come with the pod.
    fn identity(&self, pod: &PodSpec) -> Result<(), Rejection> {
        let accounts = [("serviceAccountName", &pod.service_account_name), ("serviceAccount", &pod.service_account)];
        for (field, account) in accounts {
            if account.is_some() && *account != self.service_account {
                let problem = "must be what spec.runtime.security.serviceAccountName of the server says, or unset";
                return refuse(&format!("{POD}.{field}"), problem);
            }
        }
        if self.service_account.is_some() && pod.service_account_name != self.service_account {
            return refuse(&format!("{POD}.serviceAccountName"), "the server's spec names one; it must not be dropped");
        }
        for (index, secret) in pod.image_pull_secrets.iter().flatten().enumerate() {
            if !self.pull_secrets.contains(&secret.name) {
                return refuse(&format!("{POD}.imagePullSecrets[{index}]"), "is not in the server's spec");
            }
        }
        Ok(())
    }

    fn pod_context(&self, context: &PodSecurityContext) -> Result<(), Rejection> {
        let at = |field: &str| format!("{POD}.securityContext.{field}");
        let PodSecurityContext { run_as_non_root, run_as_user, sysctls, seccomp_profile, app_armor_profile, .. } =
            context;
        if *run_as_non_root == Some(false) && self.pod.run_as_non_root != Some(false) {
            return refuse(&at("runAsNonRoot"), "must not be false");
        }
        if *run_as_user == Some(0) && self.pod.run_as_user != Some(0) {
            return refuse(&at("runAsUser"), "must not be 0");
        }
        if sysctls.iter().flatten().any(|sysctl| !self.pod.sysctls.iter().flatten().any(|own| own == sysctl)) {
            return refuse(&at("sysctls"), "are not in the server's spec");
        }
        if seccomp_profile.as_ref().is_some_and(|p| p.type_ == "Unconfined")
            && *seccomp_profile != self.pod.seccomp_profile
        {
            return refuse(&at("seccompProfile"), "must not be Unconfined");
        }
        if app_armor_profile.as_ref().is_some_and(|p| p.type_ == "Unconfined")
            && *app_armor_profile != self.pod.app_armor_profile
        {
            return refuse(&at("appArmorProfile"), "must not be Unconfined");
        }
        if context.se_linux_options.is_some() && context.se_linux_options != self.pod.se_linux_options {
            return refuse(&at("seLinuxOptions"), "are not those of the server's spec");
        }
        if context.windows_options.is_some() && context.windows_options != self.pod.windows_options {
            return refuse(&at("windowsOptions"), "are not those of the server's spec");
        }
        Ok(())
    }

    /// Volumes that cannot reach the node, and Secrets only where the spec names them.
    fn volume(&self, path: &str, volume: &Volume) -> Result<(), Rejection> {
        let document = json!(volume);
        let kinds =
            document.as_object().into_iter().flatten().filter(|(key, value)| *key != "name" && !value.is_null());
        for (kind, source) in kinds {
            let at = format!("{path}.{kind}");
            match kind.as_str() {
                "configMap" | "emptyDir" | "downwardAPI" => {}
                "secret" => self.secret(&format!("{at}.secretName"), source["secretName"].as_str())?,
                "projected" => {
                    for (index, source) in source["sources"].as_array().into_iter().flatten().enumerate() {
                        self.projection(&format!("{at}.sources[{index}]"), source)?;
                    }
                }
                _ => {
                    return refuse(
                        &at,
                        "a volume of this type needs a grant; configMap, emptyDir and downwardAPI do not",
                    );
                }
            }
        }
        Ok(())
    }

    fn projection(&self, path: &str, source: &Value) -> Result<(), Rejection> {
        for (kind, source) in source.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            match kind.as_str() {
                "configMap" | "downwardAPI" => {}
                "secret" => self.secret(&format!("{path}.secret.name"), source["name"].as_str())?,
                _ => return refuse(&format!("{path}.{kind}"), "a projection of this type needs a grant"),
            }
        }
        Ok(())
    }

    fn secret(&self, path: &str, name: Option<&str>) -> Result<(), Rejection> {
        match name {
            Some(name) if self.secrets.contains(name) => Ok(()),
            _ => refuse(path, "the server's spec does not refer to this Secret"),
        }
    }

    fn container(
        &self,
        path: &str,
        container: &Container,
        pod: &PodSecurityContext,
        own: bool,
    ) -> Result<(), Rejection> {
        if container.ports.iter().flatten().any(|port| port.host_port.is_some_and(|port| port != 0)) {
            return refuse(&format!("{path}.ports"), "must not have a hostPort");
        }
        for (index, variable) in container.env.iter().flatten().enumerate() {
            self.env(&format!("{path}.env[{index}]"), variable)?;
        }
        for (index, source) in container.env_from.iter().flatten().enumerate() {
            self.env_from(&format!("{path}.envFrom[{index}]"), source)?;
        }
        let context = container.security_context.clone().unwrap_or_default();
        let users = if own && self.server_is_users { Some(&self.server) } else { None };
        context_within(&format!("{path}.securityContext"), &context, pod, users, own, &self.pod)
    }

    fn env(&self, path: &str, variable: &EnvVar) -> Result<(), Rejection> {
        match variable.value_from.as_ref().and_then(|source| source.secret_key_ref.as_ref()) {
            Some(key) => self.secret(&format!("{path}.valueFrom.secretKeyRef.name"), Some(&key.name)),
            None => Ok(()),
        }
    }

    fn env_from(&self, path: &str, source: &EnvFromSource) -> Result<(), Rejection> {
        match &source.secret_ref {
            Some(secret) => self.secret(&format!("{path}.secretRef.name"), Some(&secret.name)),
            None => Ok(()),
        }
    }
}

/// Nothing of the node.
fn host(pod: &PodSpec) -> Result<(), Rejection> {
    let node = [("hostNetwork", pod.host_network), ("hostPID", pod.host_pid), ("hostIPC", pod.host_ipc)];
    for (field, value) in node {
        if value == Some(true) {
            return refuse(&format!("{POD}.{field}"), "must not be true");
        }
    }
    if pod.ephemeral_containers.as_ref().is_some_and(|list| !list.is_empty()) {
        return refuse(&format!("{POD}.ephemeralContainers"), "cannot be in a template");
    }
    if pod.node_name.is_some() {
        return refuse(&format!("{POD}.nodeName"), "would pass the scheduler by; use nodeSelector or affinity");
    }
    Ok(())
}

/// The restricted profile, loosened where the user's own context (`users`) is looser. `own` is the server's container,
/// whose default context also has a read-only root file system.
fn context_within(
    path: &str,
    context: &SecurityContext,
    pod: &PodSecurityContext,
    users: Option<&SecurityContext>,
    own: bool,
    users_pod: &PodSecurityContext,
) -> Result<(), Rejection> {
    let loosened = |by: fn(&SecurityContext) -> bool| users.is_some_and(by);
    let at = |field: &str| format!("{path}.{field}");
    if context.privileged == Some(true) && !loosened(|u| u.privileged == Some(true)) {
        return refuse(&at("privileged"), "must not be true");
    }
    if context.allow_privilege_escalation != Some(false) && !loosened(|u| u.allow_privilege_escalation != Some(false)) {
        return refuse(&at("allowPrivilegeEscalation"), "must be false");
    }
    let read_only = context.read_only_root_filesystem == Some(true);
    if own && !read_only && !loosened(|u| u.read_only_root_filesystem != Some(true)) {
        return refuse(&at("readOnlyRootFilesystem"), "must stay true");
    }
    capabilities_within(&at("capabilities"), context, users)?;
    user_within(path, context, pod, users, own.then_some(users_pod))?;
    let confined = |profile: Option<&str>| matches!(profile, Some("RuntimeDefault" | "Localhost"));
    let container = context.seccomp_profile.as_ref().map(|profile| profile.type_.as_str());
    let inherited = pod.seccomp_profile.as_ref().map(|profile| profile.type_.as_str());
    let same = users.is_some_and(|users| users.seccomp_profile == context.seccomp_profile);
    if !confined(container.or(inherited)) && !same {
        return refuse(&at("seccompProfile.type"), "must be RuntimeDefault or Localhost");
    }
    rare_fields_within(path, context, users)
}

/// Drops everything and adds nothing but `NET_BIND_SERVICE`.
fn capabilities_within(
    path: &str,
    context: &SecurityContext,
    users: Option<&SecurityContext>,
) -> Result<(), Rejection> {
    let lists = |context: &SecurityContext| {
        let capabilities = context.capabilities.clone().unwrap_or_default();
        (capabilities.add.unwrap_or_default(), capabilities.drop.unwrap_or_default())
    };
    let (added, dropped) = lists(context);
    let (users_added, users_dropped) = users.map(lists).unwrap_or_default();
    if let Some(name) = added.iter().find(|name| *name != "NET_BIND_SERVICE" && !users_added.contains(name)) {
        return refuse(&format!("{path}.add"), &format!("must not have {name}"));
    }
    let all = "ALL".to_owned();
    let required: Vec<_> = if users.is_some() { users_dropped } else { vec![all.clone()] };
    if !dropped.contains(&all) && required.iter().any(|name| !dropped.contains(name)) {
        return refuse(&format!("{path}.drop"), &format!("must have {}", required.join(", ")));
    }
    Ok(())
}

/// Not root, unless the user says so, in the container or in the pod.
fn user_within(
    path: &str,
    context: &SecurityContext,
    pod: &PodSecurityContext,
    users: Option<&SecurityContext>,
    users_pod: Option<&PodSecurityContext>,
) -> Result<(), Rejection> {
    let non_root = context.run_as_non_root.or(pod.run_as_non_root) == Some(true);
    let users_non_root =
        |users: &SecurityContext| users.run_as_non_root.or(users_pod.and_then(|pod| pod.run_as_non_root)) == Some(true);
    if !non_root && users.is_none_or(users_non_root) {
        return refuse(&format!("{path}.runAsNonRoot"), "must be true");
    }
    if context.run_as_user == Some(0) && users.is_none_or(|users| users.run_as_user != Some(0)) {
        return refuse(&format!("{path}.runAsUser"), "must not be 0");
    }
    Ok(())
}

/// Fields that only few workloads need: unset, harmless, or exactly the user's.
fn rare_fields_within(path: &str, context: &SecurityContext, users: Option<&SecurityContext>) -> Result<(), Rejection> {
    let proc_mount = context.proc_mount.as_deref().is_none_or(|mount| mount == "Default");
    if !proc_mount && users.is_none_or(|users| users.proc_mount != context.proc_mount) {
        return refuse(&format!("{path}.procMount"), "must be Default");
    }
    if context.se_linux_options.is_some()
        && users.is_none_or(|users| users.se_linux_options != context.se_linux_options)
    {
        return refuse(&format!("{path}.seLinuxOptions"), "are not those of the server's spec");
    }
    if context.windows_options.is_some() && users.is_none_or(|users| users.windows_options != context.windows_options) {
        return refuse(&format!("{path}.windowsOptions"), "are not those of the server's spec");
    }
    let unconfined = context.app_armor_profile.as_ref().is_some_and(|profile| profile.type_ == "Unconfined");
    if unconfined && users.is_none_or(|users| users.app_armor_profile != context.app_armor_profile) {
        return refuse(&format!("{path}.appArmorProfile"), "must not be Unconfined");
    }
    Ok(())
}

fn refuse(path: &str, problem: &str) -> Result<(), Rejection> {
    Err(Rejection::field(path, problem))
}
