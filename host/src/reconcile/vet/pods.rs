//! Pods get no right that neither the server's own spec nor the restricted profile nor a grant gives.
//!
//! A container is compared with the user's container of the same name, which is only `mcp-server`; every other one must
//! satisfy the restricted profile, or the level that was granted to the stage. What the stage before had already is handed on
//! as it was (`before.rs`). Secrets, service account and pull secrets are compared as sets with those of the spec, whatever
//! the level. Volumes are in `volumes.rs`, hosts that probes talk to in `hosts.rs`, security contexts in `security.rs`.

mod before;
mod hosts;
mod volumes;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    Container, EnvFromSource, EnvVar, PodSecurityContext, PodSpec, PodTemplateSpec, SecurityContext,
};
use serde::Deserialize;
use serde_json::{Value, json};

use self::before::Before;
use super::permit::Permit;
use super::security::{self, Effective, restricted};
use super::shape::selector;
use super::{Rejection, metadata};
use crate::api::MCPServerSpec;
use crate::api::render_plugin::PodSecurity;
use crate::reconcile::gather::references::{self, SourceKind};

/// The container whose rights the user's spec can raise.
const SERVER_CONTAINER: &str = "mcp-server";
pub(super) const POD: &str = "spec.template.spec";

/// Checks one workload.
pub(super) fn check(permit: &Permit<'_>, slot: &str, workload: &Value) -> Result<(), Rejection> {
    let (identity, spec) = (permit.inputs.identity(), permit.inputs.spec());
    let expected = json!({ "matchLabels": selector(identity) });
    if workload["spec"]["selector"] != expected {
        return refuse("spec.selector", &format!("must be {expected}; a selector cannot change later"));
    }
    let template = &workload["spec"]["template"];
    if template["metadata"]["labels"][crate::api::SERVER_LABEL] != identity.name.as_str() {
        let problem = format!("must be {}, so that the selector finds the pods", identity.name);
        return refuse(&format!("spec.template.metadata.labels[{}]", crate::api::SERVER_LABEL), &problem);
    }
    metadata::template("spec.template.metadata", &template["metadata"], &["labels", "annotations"])?;
    profile_annotations(spec, &template["metadata"]["annotations"])?;
    let typed: PodTemplateSpec =
        PodTemplateSpec::deserialize(template).map_err(|error| Rejection::whole(error.to_string()))?;
    let pod = typed.spec.ok_or_else(|| Rejection::field(POD, "is missing"))?;
    Allowed::by(permit, Before::of(permit.before(slot))).pod(&pod)
}

/// The older spelling of security profiles is annotations: none but the user's own.
fn profile_annotations(spec: &MCPServerSpec, annotations: &Value) -> Result<(), Rejection> {
    let profile = |(key, value): &(&String, &Value)| {
        ["container.apparmor.security.beta.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/"]
            .iter()
            .any(|prefix| key.starts_with(prefix))
            && spec.extra_annotations.get(*key).is_none_or(|users| **value != users.as_str())
    };
    match annotations.as_object().and_then(|annotations| annotations.iter().find(profile)) {
        Some((key, _)) => Err(Rejection::field(
            format!("spec.template.metadata.annotations[{key}]"),
            "sets a security profile; use securityContext",
        )),
        None => Ok(()),
    }
}

/// The pull secrets of the user's own spec.
pub(super) fn pull_secrets(spec: &MCPServerSpec) -> BTreeSet<String> {
    let image = spec.source.container_image.as_ref();
    image.iter().flat_map(|image| &image.image_pull_secrets).map(|secret| secret.name.clone()).collect()
}

/// What the user's own spec and the grants give the pods, on top of the restricted profile.
struct Allowed<'a> {
    permit: &'a Permit<'a>,
    level: PodSecurity,
    before: Before,
    service_account: Option<String>,
    pull_secrets: BTreeSet<String>,
    secrets: BTreeSet<String>,
    probe_hosts: BTreeSet<String>,
    pod: PodSecurityContext,
    server: SecurityContext,
    other: SecurityContext,
}

impl<'a> Allowed<'a> {
    fn by(permit: &'a Permit<'_>, before: Before) -> Self {
        let spec = permit.inputs.spec();
        let security = spec.runtime.as_ref().and_then(|runtime| runtime.security.clone()).unwrap_or_default();
        let secrets = references::of(spec).into_iter().filter(|reference| reference.source.kind == SourceKind::Secret);
        Self {
            permit,
            level: permit.pod_security(),
            before,
            service_account: security.service_account_name,
            pull_secrets: pull_secrets(spec),
            secrets: secrets.map(|reference| reference.source.name).collect(),
            pod: security.pod_security_context.unwrap_or_default(),
            probe_hosts: hosts::of_probes(spec),
            server: security
                .security_context
                .unwrap_or_else(|| SecurityContext { read_only_root_filesystem: Some(true), ..restricted() }),
            other: restricted(),
        }
    }

    /// Whether nothing of the node is kept from the pods.
    fn owns_node(&self) -> bool {
        self.level >= PodSecurity::Privileged
    }

    fn pod(&self, pod: &PodSpec) -> Result<(), Rejection> {
        template(pod)?;
        if !self.owns_node() {
            node(pod).or_else(|rejection| if self.before.had_node(pod) { Ok(()) } else { Err(rejection) })?;
        }
        self.identity(pod)?;
        let context = pod.security_context.clone().unwrap_or_default();
        if !self.owns_node() && !self.before.had_context(pod) {
            self.pod_context(&context)?;
        }
        for (index, volume) in pod.volumes.iter().flatten().enumerate() {
            self.volume(&format!("{POD}.volumes[{index}]"), volume)?;
        }
        for (index, container) in pod.containers.iter().enumerate() {
            let own = container.name == SERVER_CONTAINER;
            self.container(&format!("{POD}.containers[{index}]"), container, pod, own)?;
        }
        for (index, container) in pod.init_containers.iter().flatten().enumerate() {
            self.container(&format!("{POD}.initContainers[{index}]"), container, pod, false)?;
        }
        Ok(())
    }

    /// The service account and the secrets that come with the pod.
    fn identity(&self, pod: &PodSpec) -> Result<(), Rejection> {
        let rendered = |account: &str| self.service_account.is_none() && self.permit.accounts.contains(account);
        let accounts = [("serviceAccountName", &pod.service_account_name), ("serviceAccount", &pod.service_account)];
        for (field, account) in accounts {
            if account.as_deref().is_some_and(|name| Some(name) != self.service_account.as_deref() && !rendered(name)) {
                let problem = "must be what spec.runtime.security.serviceAccountName of the server says, or unset; with a \
                               grant for v1 ServiceAccount, one that the plugin returns besides";
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
        let may_be_root = self.level >= PodSecurity::Baseline;
        if *run_as_non_root == Some(false) && self.pod.run_as_non_root != Some(false) && !may_be_root {
            return refuse(&at("runAsNonRoot"), "must not be false");
        }
        if *run_as_user == Some(0) && self.pod.run_as_user != Some(0) && !may_be_root {
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

    fn container(&self, path: &str, container: &Container, pod: &PodSpec, own: bool) -> Result<(), Rejection> {
        if self.before.had_container(container, pod) {
            return Ok(());
        }
        if !self.owns_node() {
            Before::no_volume_of_others(path, container, pod)?;
        }
        let host_port = container.ports.iter().flatten().any(|port| port.host_port.is_some_and(|port| port != 0));
        if host_port && !self.owns_node() {
            return refuse(&format!("{path}.ports"), "must not have a hostPort");
        }
        for (index, variable) in container.env.iter().flatten().enumerate() {
            self.env(&format!("{path}.env[{index}]"), variable)?;
        }
        for (index, source) in container.env_from.iter().flatten().enumerate() {
            self.env_from(&format!("{path}.envFrom[{index}]"), source)?;
        }
        self.hosts(path, container, own)?;
        let context = container.security_context.clone().unwrap_or_default();
        let pod_context = pod.security_context.clone().unwrap_or_default();
        let users = if own { &self.server } else { &self.other };
        let rendered = Effective { container: &context, pod: &pod_context };
        let within_spec = security::within(path, rendered, Effective { container: users, pod: &self.pod });
        match self.level {
            PodSecurity::Restricted => within_spec,
            PodSecurity::Baseline => within_spec.or_else(|_| security::within_baseline(path, rendered)),
            PodSecurity::Privileged => Ok(()),
        }
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
fn node(pod: &PodSpec) -> Result<(), Rejection> {
    if pod.resource_claims.as_ref().is_some_and(|claims| !claims.is_empty()) {
        return refuse(&format!("{POD}.resourceClaims"), "a device needs the grant podSecurity: Privileged");
    }
    let node = [("hostNetwork", pod.host_network), ("hostPID", pod.host_pid), ("hostIPC", pod.host_ipc)];
    for (field, value) in node {
        if value == Some(true) {
            return refuse(&format!("{POD}.{field}"), "must not be true");
        }
    }
    Ok(())
}

/// What no template may have.
fn template(pod: &PodSpec) -> Result<(), Rejection> {
    if pod.ephemeral_containers.as_ref().is_some_and(|list| !list.is_empty()) {
        return refuse(&format!("{POD}.ephemeralContainers"), "cannot be in a template");
    }
    if pod.node_name.is_some() {
        return refuse(&format!("{POD}.nodeName"), "would pass the scheduler by; use nodeSelector or affinity");
    }
    Ok(())
}

pub(super) fn refuse(path: &str, problem: &str) -> Result<(), Rejection> {
    Err(Rejection::field(path, problem))
}
