//! The servers' pods: which serve, and what keeps the others from serving.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, PodCondition};
use kube::ResourceExt;
use kube::core::{NotUsed, Object};
use serde::{Deserialize, Serialize};

use super::sources::ServerName;
use crate::api;

/// A Pod with nothing but what we read.
pub type PodView = Object<NotUsed, PodStatusView>;

/// The part of a Pod's `status` that we read.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatusView {
    /// `Pending`, `Running`, …
    pub phase: String,
    /// Why the pod as a whole failed, such as `Evicted`.
    pub reason: String,
    /// What the scheduler and the kubelet say.
    pub conditions: Vec<PodCondition>,
    /// The containers.
    pub container_statuses: Vec<ContainerStatus>,
    /// The init containers.
    pub init_container_statuses: Vec<ContainerStatus>,
}

/// What keeps a pod from serving. Its text ends up in condition messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The image cannot be pulled.
    ImagePull {
        /// The image.
        image: String,
        /// The kubelet's reason, such as `ErrImagePull`.
        reason: String,
    },
    /// The container cannot be made, for example because a key is missing.
    Config(String),
    /// The container used more memory than its limit.
    OutOfMemory {
        /// Its name.
        container: String,
        /// How often it was restarted.
        restarts: i32,
    },
    /// The container ends by itself.
    Crashing {
        /// Its name.
        container: String,
        /// Its last exit code.
        exit_code: i32,
        /// How often it was restarted.
        restarts: i32,
    },
    /// It runs, but its probe fails.
    Unready {
        /// The container's name.
        container: String,
    },
    /// No node takes it.
    Unschedulable(String),
    /// The kubelet gave it up, for example by eviction.
    Failed(String),
}

impl Trouble {
    /// Whether it says more than that the pod is not ready yet.
    pub fn is_certain(&self) -> bool {
        !matches!(self, Self::Unready { .. })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ImagePull { image, reason } => write!(f, "cannot pull image {image} ({reason})"),
            Self::Config(message) => write!(f, "container cannot be created: {message}"),
            Self::OutOfMemory { container, restarts } => {
                write!(f, "container {container} was killed for using more memory than its limit ({restarts} restarts)")
            }
            Self::Crashing { container, exit_code, restarts } => {
                write!(f, "container {container} exits with code {exit_code} ({restarts} restarts)")
            }
            Self::Unready { container } => write!(f, "container {container} runs but does not pass its health checks"),
            Self::Unschedulable(message) => write!(f, "no node takes the pod: {message}"),
            Self::Failed(reason) => write!(f, "the pod failed: {reason}"),
        }
    }
}

/// One pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its uid.
    pub uid: String,
    /// Whether it serves.
    pub ready: bool,
    /// How often its containers were restarted.
    pub restarts: i32,
    /// What keeps it from serving.
    pub trouble: Option<Trouble>,
}

impl Pod {
    /// The projection of a pod; `None` when it is on its way out.
    fn of(view: &PodView) -> Option<Self> {
        let status = view.status.clone().unwrap_or_default();
        if view.metadata.deletion_timestamp.is_some() || status.phase == "Succeeded" {
            return None;
        }
        let ready = status.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
        Some(Self {
            uid: view.uid().unwrap_or_default(),
            ready,
            restarts: status.container_statuses.iter().map(|container| container.restart_count).sum(),
            trouble: if ready { None } else { trouble(&status) },
        })
    }
}

fn trouble(status: &PodStatusView) -> Option<Trouble> {
    if status.phase == "Failed" {
        return Some(Trouble::Failed(status.reason.clone()));
    }
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses);
    let in_containers: Vec<_> = containers.filter_map(container_trouble).collect();
    if let Some(certain) = in_containers.iter().find(|trouble| trouble.is_certain()) {
        return Some(certain.clone());
    }
    let unschedulable = status.conditions.iter().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    });
    let message = |condition: &PodCondition| Trouble::Unschedulable(condition.message.clone().unwrap_or_default());
    unschedulable.map(message).or_else(|| in_containers.into_iter().next())
}

/// A crash shows as a waiting container or, until the kubelet's next look, as a terminated one; so both are read, and
/// the last termination of one that runs again but is not ready yet.
fn container_trouble(container: &ContainerStatus) -> Option<Trouble> {
    let state = container.state.clone().unwrap_or_default();
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.clone().unwrap_or_default();
        match reason.as_str() {
            "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed" => {
                return Some(Trouble::ImagePull { image: container.image.clone(), reason });
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                return Some(Trouble::Config(waiting.message.clone().unwrap_or(reason)));
            }
            _ => {}
        }
    }
    if container.ready {
        return None;
    }
    let ended = |state: Option<ContainerState>| state.and_then(|state| state.terminated);
    let running = state.running.is_some();
    match ended(container.state.clone()).or_else(|| ended(container.last_state.clone())) {
        Some(end) if end.exit_code != 0 || container.restart_count > 0 => {
            let (container, restarts) = (container.name.clone(), container.restart_count);
            if end.reason.as_deref() == Some("OOMKilled") {
                return Some(Trouble::OutOfMemory { container, restarts });
            }
            Some(Trouble::Crashing { container, exit_code: end.exit_code, restarts })
        }
        _ if running => Some(Trouble::Unready { container: container.name.clone() }),
        _ => None,
    }
}

/// All pods of all servers.
#[derive(Default)]
pub struct Pods(Mutex<HashMap<ServerName, BTreeMap<String, Pod>>>);

impl Pods {
    /// The pods of a server by name.
    pub fn of(&self, namespace: &str, server: &str) -> BTreeMap<String, Pod> {
        self.known().get(&(namespace.to_owned(), server.to_owned())).cloned().unwrap_or_default()
    }

    /// Takes over what a watch says; returns the pod's server if anything that we read changed.
    pub fn observe(&self, view: &PodView) -> Option<ServerName> {
        match Pod::of(view) {
            Some(pod) => {
                let server = server_of(view)?;
                let mut known = self.known();
                let pods = known.entry(server.clone()).or_default();
                (pods.insert(view.name_any(), pod.clone()) != Some(pod)).then_some(server)
            }
            None => self.forget(view),
        }
    }

    /// Forgets a deleted pod; returns its server.
    pub fn forget(&self, view: &PodView) -> Option<ServerName> {
        let server = server_of(view)?;
        let mut known = self.known();
        let pods = known.get_mut(&server)?;
        let removed = pods.remove(&view.name_any()).is_some();
        if pods.is_empty() {
            known.remove(&server);
        }
        removed.then_some(server)
    }

    /// Forgets the pods that a complete list of uids, of one namespace or all, did not have; returns their servers.
    pub fn retain(&self, namespace: Option<&str>, listed: &HashSet<String>) -> Vec<ServerName> {
        let mut changed = Vec::new();
        self.known().retain(|server, pods| {
            if namespace.is_some_and(|namespace| namespace != server.0) {
                return true;
            }
            let before = pods.len();
            pods.retain(|_, pod| listed.contains(&pod.uid));
            if pods.len() != before {
                changed.push(server.clone());
            }
            !pods.is_empty()
        });
        changed
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ServerName, BTreeMap<String, Pod>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn server_of(view: &PodView) -> Option<ServerName> {
    Some((view.namespace()?, view.labels().get(api::SERVER_LABEL)?.clone()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;

    fn pod(container: &Value) -> Pod {
        let mut container = container.clone();
        for (key, value) in [("name", json!("c")), ("image", json!("i")), ("imageID", json!(""))] {
            container[key] = value;
        }
        let view = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": {},
            "status": {"phase": "Running", "containerStatuses": [container]},
        });
        Pod::of(&serde_json::from_value(view).unwrap()).unwrap()
    }

    fn text(container: &Value) -> String {
        pod(container).trouble.unwrap().to_string()
    }

    #[test]
    fn a_crash_is_told_in_each_state_the_kubelet_shows_it() {
        let end = json!({"terminated": {"exitCode": 3, "reason": "Error"}});
        let states = [
            json!({"ready": false, "restartCount": 0, "state": end}),
            json!({"ready": false, "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": end}),
            json!({"ready": false, "restartCount": 1, "state": {"running": {}}, "lastState": end}),
        ];
        for state in states {
            assert!(text(&state).starts_with("container c exits with code 3"), "{state}");
        }
    }

    #[test]
    fn memory_and_image_and_probe_are_told_apart() {
        let killed = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        assert!(text(&json!({"ready": false, "restartCount": 2, "state": killed})).contains("memory"));
        let pull = json!({"waiting": {"reason": "ImagePullBackOff", "message": "x"}});
        assert_eq!(
            text(&json!({"ready": false, "restartCount": 0, "state": pull})),
            "cannot pull image i (ImagePullBackOff)"
        );
        let unready = json!({"ready": false, "restartCount": 0, "state": {"running": {}}});
        assert!(!pod(&unready).trouble.unwrap().is_certain());
    }
}
