//! The Deployment: one container that runs the server's image.
//!
//! Strategy, affinity and whatever else is not listed here stay unset: policy is for plugins.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, PodSpec, PodTemplateSpec, Probe, ResourceRequirements, SeccompProfile,
    SecurityContext, TCPSocketAction, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::metadata;
use crate::server::{Permissions, Server, Storage};

/// Makes a change of a referenced ConfigMap or Secret roll the pods.
const CONFIG_HASH: &str = "mcp.x-k8s.io/config-hash";

/// The Deployment of `server`; `config_hash` is the fact of that name, absent when the server refers to nothing.
pub fn render(server: &Server, config_hash: Option<&str>) -> Deployment {
    Deployment {
        metadata: metadata::child(server),
        spec: Some(DeploymentSpec {
            replicas: server.spec.runtime.replicas,
            selector: metadata::selector(server),
            template: PodTemplateSpec { metadata: Some(pod_metadata(server, config_hash)), spec: Some(pod(server)) },
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn pod_metadata(server: &Server, config_hash: Option<&str>) -> ObjectMeta {
    let mut annotations = metadata::annotations(server);
    if let Some(hash) = config_hash {
        annotations.insert(CONFIG_HASH.into(), hash.into());
    }
    ObjectMeta {
        labels: Some(metadata::labels(server)),
        annotations: Some(annotations).filter(|a| !a.is_empty()),
        ..ObjectMeta::default()
    }
}

fn pod(server: &Server) -> PodSpec {
    let security = &server.spec.runtime.security;
    let storage = &server.spec.config.storage;
    PodSpec {
        containers: vec![container(server)],
        image_pull_secrets: server.spec.source.container_image.image_pull_secrets.clone(),
        security_context: Some(security.pod_security_context.clone().unwrap_or_default()),
        service_account_name: security.service_account_name.clone(),
        volumes: non_empty(storage.iter().enumerate().map(|(index, s)| volume(index, s)).collect()),
        ..PodSpec::default()
    }
}

fn container(server: &Server) -> Container {
    let (image, config, runtime) = (&server.spec.source.container_image, &server.spec.config, &server.spec.runtime);
    Container {
        name: "mcp-server".into(),
        image: Some(image.r#ref.clone()),
        image_pull_policy: image.pull_policy.clone(),
        args: non_empty(config.arguments.clone()),
        env: non_empty(config.env.clone()),
        env_from: non_empty(config.env_from.clone()),
        ports: Some(vec![ContainerPort {
            name: Some("mcp".into()),
            container_port: config.port,
            protocol: Some("TCP".into()),
            ..ContainerPort::default()
        }]),
        resources: Some(runtime.resources.clone().unwrap_or_else(default_resources)),
        security_context: Some(runtime.security.security_context.clone().unwrap_or_else(restricted)),
        liveness_probe: runtime.health.liveness_probe.clone(),
        readiness_probe: Some(
            runtime.health.readiness_probe.clone().unwrap_or_else(|| accepts_connections(config.port)),
        ),
        volume_mounts: non_empty(config.storage.iter().enumerate().map(|(index, s)| mount(index, s)).collect()),
        ..Container::default()
    }
}

fn default_resources() -> ResourceRequirements {
    let amounts = |cpu: &str, memory: &str| {
        Some(BTreeMap::from([("cpu".into(), Quantity(cpu.into())), ("memory".into(), Quantity(memory.into()))]))
    };
    ResourceRequirements {
        requests: amounts("50m", "64Mi"),
        limits: amounts("500m", "256Mi"),
        ..ResourceRequirements::default()
    }
}

/// What the Pod Security Standard "restricted" asks of a container, and a read-only root file system.
fn restricted() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), ..Capabilities::default() }),
        read_only_root_filesystem: Some(true),
        run_as_non_root: Some(true),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), ..SeccompProfile::default() }),
        ..SecurityContext::default()
    }
}

/// A TCP probe, because a server over Streamable HTTP need not answer GET.
fn accepts_connections(port: i32) -> Probe {
    let tcp_socket = TCPSocketAction { port: IntOrString::Int(port), ..TCPSocketAction::default() };
    Probe { tcp_socket: Some(tcp_socket), ..Probe::default() }
}

fn volume_name(index: usize) -> String {
    format!("vol-{index}")
}

fn volume(index: usize, storage: &Storage) -> Volume {
    Volume {
        name: volume_name(index),
        config_map: storage.source.config_map.clone(),
        secret: storage.source.secret.clone(),
        empty_dir: storage.source.empty_dir.clone(),
        ..Volume::default()
    }
}

fn mount(index: usize, storage: &Storage) -> VolumeMount {
    let (read_only, recursive) = match storage.permissions {
        Permissions::ReadOnly => (true, None),
        Permissions::ReadWrite => (false, None),
        Permissions::RecursiveReadOnly => (true, Some("Enabled".into())),
    };
    VolumeMount {
        name: volume_name(index),
        mount_path: storage.path.clone(),
        read_only: Some(read_only),
        recursive_read_only: recursive,
        ..VolumeMount::default()
    }
}

fn non_empty<T>(items: Vec<T>) -> Option<Vec<T>> {
    Some(items).filter(|items| !items.is_empty())
}
