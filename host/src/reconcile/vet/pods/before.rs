//! What a stage hands on: pods may keep what the stage before gave them by a grant of its own, where a stage without that
//! grant changes something else of them. It must not be able to use it: a container that has more than the stage could give
//! stays as it was to the last field, and no other one comes to share the node or a volume with it.

use k8s_openapi::api::core::v1::{Container, PodSpec, Volume};
use serde_json::Value;

use super::volumes::needs_grant;
use super::{Rejection, refuse};

/// The pods of the stage before, which were judged by its grants; nothing for the first stage.
#[derive(Default)]
pub(super) struct Before(PodSpec);

impl Before {
    /// The pods of a workload as the stage before returned it.
    pub(super) fn of(workload: Option<&Value>) -> Self {
        let pods = workload.map(|workload| serde_json::from_value(workload["spec"]["template"]["spec"].clone()));
        Self(pods.and_then(Result::ok).unwrap_or_default())
    }

    /// Whether the pods share with the node what they shared before, and no container came or changed.
    pub(super) fn had_node(&self, pod: &PodSpec) -> bool {
        let node = |pod: &PodSpec| (pod.host_network, pod.host_pid, pod.host_ipc, pod.resource_claims.clone());
        let mut containers = pod.containers.iter().chain(pod.init_containers.iter().flatten());
        node(&self.0) == node(pod) && containers.all(|container| self.had_container(container, pod))
    }

    /// Whether the pods' security context is the one from before.
    pub(super) fn had_context(&self, pod: &PodSpec) -> bool {
        self.0.security_context == pod.security_context
    }

    /// Whether the container is one from before, with what it gets from the pod.
    pub(super) fn had_container(&self, container: &Container, pod: &PodSpec) -> bool {
        let starts = |pod: &PodSpec| pod.init_containers.iter().flatten().any(|found| found == container);
        let runs = |pod: &PodSpec| pod.containers.contains(container);
        // One that moved from the one list to the other was judged as something else.
        self.had_context(pod) && runs(&self.0) == runs(pod) && starts(&self.0) == starts(pod)
    }

    /// Whether the volume is one from before.
    pub(super) fn had_volume(&self, volume: &Volume) -> bool {
        self.0.volumes.iter().flatten().any(|before| before == volume)
    }

    /// Refuses a container that mounts a volume which another plugin's grant lets the pods have.
    pub(super) fn no_volume_of_others(path: &str, container: &Container, pod: &PodSpec) -> Result<(), Rejection> {
        let granted =
            |name: &str| pod.volumes.iter().flatten().any(|volume| volume.name == name && needs_grant(volume));
        let mounts = container.volume_mounts.iter().flatten().map(|mount| ("volumeMounts", &mount.name));
        let devices = container.volume_devices.iter().flatten().map(|device| ("volumeDevices", &device.name));
        match mounts.chain(devices).find(|(_, name)| granted(name)) {
            Some((field, name)) => {
                refuse(&format!("{path}.{field}"), &format!("volume {name} needs the grant podSecurity: Privileged"))
            }
            None => Ok(()),
        }
    }
}
