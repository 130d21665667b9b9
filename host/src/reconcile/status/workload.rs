//! Whether a server's pods serve, in one word and one sentence. Pure.

use super::Observation;
use crate::api::MCPServerStatus;
use crate::cache::pods::{Pod, Trouble};
use crate::cache::workload::Workload;

/// What is said of a new workload until its first pod serves: one sentence, and so one write, however many steps lie between.
const NOT_YET: &str = "no pod serves yet";

/// How the workload does, each with a sentence for the condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Serving {
    /// No pods, because none are wanted.
    ScaledToZero,
    /// Enough pods serve.
    Yes(String),
    /// Some pods serve, some fail.
    Partly(String),
    /// No pod serves yet, and nothing speaks against it.
    NotYet(String),
    /// No pod serves, and either the reason is known or some did before.
    No(String),
}

impl Serving {
    /// Judges the workload. What was known before matters where a moment alone cannot tell starting from failing.
    pub(super) fn of(seen: &Observation<'_>, previous: &MCPServerStatus) -> Self {
        let Some(workload) = seen.workload else { return Self::NotYet("the workload has not been created yet".into()) };
        if workload.desired == 0 {
            return Self::ScaledToZero;
        }
        let before = Before::of(previous, seen.server.metadata.generation);
        if workload.lagging {
            // Its controller may count pods of an earlier time, before no pods were wanted, that are on their way out.
            let counts_living_pods = before == Before::Served || !seen.pods.is_empty();
            return if workload.serves() && counts_living_pods {
                Self::Yes("the cluster has not taken up the latest change of the workload yet".into())
            } else {
                Self::NotYet(NOT_YET.into())
            };
        }
        let newest = || newest(workload, seen.pods);
        let reason = trouble(newest(), Trouble::is_certain).or_else(|| workload.failure.clone());
        if workload.serves() { some(workload, reason) } else { none(reason, trouble(newest(), |_| true), &before) }
    }

    /// Whether a client would reach a pod.
    pub(super) fn serves(&self) -> bool {
        matches!(self, Self::Yes(_) | Self::Partly(_))
    }
}

fn some(workload: &Workload, reason: Option<String>) -> Serving {
    let complete = workload.available >= workload.desired && workload.updated >= workload.total;
    match reason {
        Some(reason) if !complete => Serving::Partly(format!("some pods serve, others do not: {reason}")),
        _ if complete => Serving::Yes("all pods serve".into()),
        _ => Serving::Yes("pods serve while others are being replaced or added".into()),
    }
}

fn none(reason: Option<String>, unready: Option<String>, before: &Before) -> Serving {
    if let Some(reason) = reason {
        return Serving::No(reason);
    }
    match before {
        Before::Served | Before::Failed => Serving::No(unready.unwrap_or_else(|| "no pod serves any more".into())),
        Before::New => Serving::NotYet(NOT_YET.into()),
    }
}

/// The trouble of the first pod by name that has any of this sort.
fn trouble<'a>(mut pods: impl Iterator<Item = &'a Pod>, sort: fn(&Trouble) -> bool) -> Option<String> {
    pods.find_map(|pod| {
        let trouble = pod.trouble.as_ref().filter(|trouble| sort(trouble))?;
        Some(format!("{trouble} (pod {})", pod.name))
    })
}

/// The pods of the newest template; what ails those of earlier ones is about to be over. The newest pod is of the newest
/// template, once the workload's controller counts a pod of it at all.
fn newest<'a>(workload: &Workload, pods: &'a [Pod]) -> impl Iterator<Item = &'a Pod> {
    let newest = pods.iter().max_by_key(|pod| (pod.created.as_ref(), pod.arrival)).filter(|_| workload.updated > 0);
    pods.iter().filter(move |pod| newest.is_some_and(|newest| newest.template == pod.template))
}

/// What the last status said about the pods.
#[derive(PartialEq, Eq)]
enum Before {
    Served,
    /// For this very spec.
    Failed,
    New,
}

impl Before {
    fn of(previous: &MCPServerStatus, generation: Option<i64>) -> Self {
        let available = previous.conditions.iter().find(|condition| condition.type_ == "Available");
        match available {
            Some(condition) if condition.reason == "Available" => Self::Served,
            // Without a workload of ours, the reason was somebody else's.
            Some(condition) if condition.reason == "DeploymentUnavailable" && previous.deployment_name.is_some() => {
                if condition.observed_generation == generation {
                    Self::Failed
                } else {
                    Self::New
                }
            }
            _ => Self::New,
        }
    }
}
