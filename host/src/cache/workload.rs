//! How a server's workload does: the few fields of a Deployment or StatefulSet that a status is made of.

use serde::Deserialize;

use super::views::View;

/// A Deployment or StatefulSet: in the fields that we read the two are alike.
pub type WorkloadView = View<WorkloadSpecView, WorkloadStatusView>;

/// The part of `spec` that we read.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct WorkloadSpecView {
    /// How many pods are wanted.
    #[serde(default)]
    pub replicas: Option<i32>,
}

/// The part of `status` that we read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadStatusView {
    /// The generation that the rest of the status is about.
    pub observed_generation: i64,
    /// All pods.
    pub replicas: i32,
    /// Pods of the current template.
    pub updated_replicas: i32,
    /// Pods that are ready.
    pub ready_replicas: i32,
    /// Pods that have been ready for long enough.
    pub available_replicas: i32,
    /// What its controller says.
    pub conditions: Vec<ConditionView>,
}

/// The part of a condition that we read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ConditionView {
    /// `Available`, `Progressing` or `ReplicaFailure`.
    pub r#type: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A word.
    pub reason: String,
    /// A sentence.
    pub message: String,
}

/// The state of a workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// Whether its controller has not seen the latest spec yet.
    pub lagging: bool,
    /// How many pods are wanted.
    pub desired: i32,
    /// Pods of the current template.
    pub updated: i32,
    /// All pods.
    pub total: i32,
    /// Pods that are ready.
    pub ready: i32,
    /// Pods that have been ready for long enough.
    pub available: i32,
    /// Why its controller cannot go on, in its own words.
    pub failure: Option<String>,
}

impl Workload {
    /// Whether a client would reach a pod, and will for a while.
    pub fn serves(&self) -> bool {
        self.available > 0 && self.desired > 0
    }

    /// The state of a workload: a reply to a write lags, because its controller has not seen that yet.
    pub fn of(workload: &WorkloadView) -> Self {
        let status = workload.status.clone().unwrap_or_default();
        let condition = |name: &str, value: &str| {
            status.conditions.iter().find(|condition| condition.r#type == name && condition.status == value)
        };
        let stuck = condition("Progressing", "False").filter(|c| c.reason == "ProgressDeadlineExceeded");
        let failure = condition("ReplicaFailure", "True").map(|condition| condition.message.clone());
        Self {
            lagging: status.observed_generation < workload.metadata.generation.unwrap_or(0),
            desired: workload.spec.replicas.unwrap_or(1),
            updated: status.updated_replicas,
            total: status.replicas,
            ready: status.ready_replicas,
            available: status.available_replicas,
            failure: failure.or_else(|| stuck.map(|_| "the roll-out makes no progress".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;

    fn deployment(generation: i64, status: &Value) -> WorkloadView {
        serde_json::from_value(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "generation": generation},
            "spec": {"replicas": 3}, "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_reply_lags_until_the_controller_has_seen_the_write() {
        let status = json!({"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1});
        let changed = Workload::of(&deployment(2, &status));
        assert!(changed.lagging);
        assert_eq!((changed.desired, changed.available), (3, 1));
        assert!(!Workload::of(&deployment(1, &status)).lagging);
        let created = Workload::of(&deployment(1, &json!({})));
        assert!(created.lagging);
        assert!(!created.serves());
    }

    #[test]
    fn a_workload_says_why_its_controller_cannot_go_on() {
        let stuck = |kind: &str, status: &str, reason: &str| {
            let condition = json!({"type": kind, "status": status, "reason": reason, "message": "exceeded quota"});
            Workload::of(&deployment(1, &json!({"observedGeneration": 1, "conditions": [condition]}))).failure
        };
        assert_eq!(stuck("ReplicaFailure", "True", "FailedCreate").as_deref(), Some("exceeded quota"));
        let slow = stuck("Progressing", "False", "ProgressDeadlineExceeded");
        assert_eq!(slow.as_deref(), Some("the roll-out makes no progress"));
        assert_eq!(stuck("Progressing", "True", "ReplicaSetUpdated"), None);
    }
}
