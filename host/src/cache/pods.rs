//! The servers' pods: which serve, and what keeps the others from serving.

mod trouble;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::{ContainerStatus, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde::Deserialize;

pub use self::trouble::Trouble;
use super::sources::ServerName;
use super::views::StatusView;
use crate::api;

/// A Pod.
pub type PodView = StatusView<PodStatusView>;

/// The part of a Pod's `status` that we read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatusView {
    /// `Pending`, `Running`, …
    pub phase: String,
    /// Why the pod as a whole failed, such as `Evicted`.
    pub reason: String,
    /// The same in a sentence.
    pub message: String,
    /// What the scheduler and the kubelet say.
    pub conditions: Vec<PodCondition>,
    /// The containers.
    pub container_statuses: Vec<ContainerStatus>,
    /// The init containers.
    pub init_container_statuses: Vec<ContainerStatus>,
}

/// Where the controller of a Deployment or a StatefulSet says which template a pod is made from.
const TEMPLATE_LABELS: [&str; 2] = ["pod-template-hash", "controller-revision-hash"];

/// One pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// When it was made, to the second.
    pub created: Option<Time>,
    /// How many pods were seen before it: the order of those that were made in the same second.
    pub arrival: u64,
    /// The hash of the template that it was made from, as its controller has it.
    pub template: Option<String>,
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
            name: view.name_any(),
            uid: view.uid().unwrap_or_default(),
            created: view.creation_timestamp(),
            arrival: 0, // until it is kept
            template: TEMPLATE_LABELS.iter().find_map(|label| view.labels().get(*label).cloned()),
            ready,
            restarts: status.container_statuses.iter().map(|container| container.restart_count).sum(),
            trouble: if ready { None } else { Trouble::of(&status) },
        })
    }
}

/// All pods of all servers, those of each sorted by name. Most servers have one, and a map would have room for eleven.
#[derive(Default)]
pub struct Pods {
    known: Mutex<HashMap<ServerName, Vec<Pod>>>,
    arrivals: AtomicU64,
}

impl Pods {
    /// The pods of a server, sorted by name.
    pub fn of(&self, namespace: &str, server: &str) -> Vec<Pod> {
        self.known().get(&(namespace.to_owned(), server.to_owned())).cloned().unwrap_or_default()
    }

    /// Takes over what a watch says; returns the pod's server if anything that we read changed.
    pub fn observe(&self, view: &PodView) -> Option<ServerName> {
        match Pod::of(view) {
            Some(mut pod) => {
                let server = server_of(view)?;
                let mut known = self.known();
                let pods = known.entry(server.clone()).or_default();
                let same = pods.iter().find(|known| known.uid == pod.uid);
                pod.arrival = same.map_or_else(|| self.arrivals.fetch_add(1, Ordering::Relaxed), |known| known.arrival);
                replace(pods, pod).then_some(server)
            }
            None => self.forget(view),
        }
    }

    /// Forgets a deleted pod; returns its server.
    pub fn forget(&self, view: &PodView) -> Option<ServerName> {
        let server = server_of(view)?;
        let mut known = self.known();
        let pods = known.get_mut(&server)?;
        let before = pods.len();
        pods.retain(|pod| pod.name != view.name_any());
        let removed = pods.len() < before;
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
            pods.retain(|pod| listed.contains(&pod.uid));
            if pods.len() != before {
                changed.push(server.clone());
            }
            !pods.is_empty()
        });
        changed
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ServerName, Vec<Pod>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the pod in its place. Tells whether that changed anything.
fn replace(pods: &mut Vec<Pod>, pod: Pod) -> bool {
    match pods.binary_search_by(|known| known.name.cmp(&pod.name)) {
        Ok(place) if pods[place] == pod => return false,
        Ok(place) => pods[place] = pod,
        Err(place) => {
            pods.reserve_exact(1);
            pods.insert(place, pod);
        }
    }
    true
}

fn server_of(view: &PodView) -> Option<ServerName> {
    Some((view.namespace()?, view.labels().get(api::SERVER_LABEL)?.clone()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;

    fn pod(status: &Value) -> PodView {
        let labels = json!({"mcp-server": "weather"});
        let metadata = json!({"name": "weather-1", "namespace": "maps", "uid": "p", "labels": labels});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}, "status": status});
        serde_json::from_value(pod).unwrap()
    }

    fn running(restarts: &[i32]) -> PodView {
        let container = |(index, count): (usize, &i32)| json!({"name": index.to_string(), "restartCount": count, "image": "", "imageID": "", "ready": true});
        pod(&json!({
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": restarts.iter().enumerate().map(container).collect::<Vec<_>>(),
        }))
    }

    #[test]
    fn restarts_of_all_containers_count_and_are_news() {
        let pods = Pods::default();
        let server = Some(("maps".to_owned(), "weather".to_owned()));
        assert_eq!(pods.observe(&running(&[0, 0])), server);
        assert_eq!(pods.observe(&running(&[0, 0])), None);
        assert_eq!(pods.observe(&running(&[1, 2])), server);
        let found = &pods.of("maps", "weather")[0];
        assert_eq!((found.name.as_str(), found.ready), ("weather-1", true));
        assert_eq!((found.uid.as_str(), found.restarts), ("p", 3));
    }

    #[test]
    fn pods_are_numbered_as_they_come_and_keep_their_numbers() {
        let pods = Pods::default();
        let observe = |name: &str, restarts: i32| {
            let mut view = running(&[restarts]);
            view.metadata.name = Some(name.to_owned());
            view.metadata.uid = Some(name.to_owned());
            pods.observe(&view)
        };
        for (name, restarts) in [("b", 0), ("c", 0), ("a", 0), ("c", 1)] {
            assert!(observe(name, restarts).is_some());
        }
        assert_eq!(observe("c", 1), None, "a number alone is no news");
        let found = pods.of("maps", "weather");
        let found: Vec<_> = found.iter().map(|pod| (pod.name.as_str(), pod.arrival)).collect();
        assert_eq!(found, [("a", 2), ("b", 0), ("c", 1)]);
    }

    #[test]
    fn a_pod_that_is_ending_or_has_ended_is_none() {
        let pods = Pods::default();
        let mut ending = running(&[0]);
        ending.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        for gone in [ending, pod(&json!({"phase": "Succeeded"}))] {
            pods.observe(&running(&[0]));
            assert!(pods.observe(&gone).is_some());
            assert!(pods.of("maps", "weather").is_empty());
        }
    }
}
