//! `spec.runtime`: how many pods run, with which rights, resources and health checks.

use k8s_openapi::api::core::v1::{PodSecurityContext, Probe, ResourceRequirements, SecurityContext};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// How many pods run, with which rights, resources and health checks.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1))]
pub struct Runtime {
    /// The number of pods; 0 stops the server and keeps its configuration. A number given here is enforced. Leave it
    /// out to run one pod, or to let an autoscaler own the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub replicas: Option<i32>,

    /// The rights of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,

    /// CPU and memory of the server's container. Left out: requests of 50m CPU and 64Mi memory, limits of 500m and
    /// 256Mi. What is given here, even an empty object, is used exactly as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,

    /// Health checks of the server's container. An empty object is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// The rights of the pods.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Security {
    /// The ServiceAccount of the pods. Left out: the namespace's `default`. Pods wait until it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new(DNS_SUBDOMAIN_RULE).message(
        "must be a DNS-1123 subdomain: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
    ))]
    pub service_account_name: Option<String>,

    /// The security context of the pods. Left out: empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_security_context: Option<PodSecurityContext>,

    /// The security context of the server's container. Left out: the restricted profile, that is no privilege
    /// escalation, a read-only root filesystem, no root user, no capabilities and the runtime's default seccomp
    /// profile. A value given here replaces all of that; nothing is merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContext>,
}

const DNS_SUBDOMAIN_RULE: &str = "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')";

/// Health checks of the server's container.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1))]
pub struct Health {
    /// When the container is restarted. Left out: never because of a probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness_probe: Option<Probe>,

    /// When the pod receives traffic. Left out: when the server's port accepts a TCP connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness_probe: Option<Probe>,
}
