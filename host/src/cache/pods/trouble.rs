//! What keeps a pod from serving, as the kubelet and the scheduler tell it. Pure.
//!
//! The kubelet tells the same trouble in other words each time it looks: `ErrImagePull`, `ImagePullBackOff`,
//! `ErrImagePull` again. Here it has one text, because a text that changes would write the status each time.

use std::fmt;

use k8s_openapi::api::core::v1::PodCondition;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus};

use super::PodStatusView;

/// What keeps a pod from serving. Its text ends up in condition messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The image cannot be pulled.
    ImagePull {
        /// The image.
        image: String,
        /// The kubelet's reason, such as `ErrImagePull`, and what it says about it.
        reason: String,
    },
    /// The container cannot be made or started, for example because a key is missing.
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

    /// What keeps a pod that is not ready from serving, if anything is known.
    pub(super) fn of(status: &PodStatusView) -> Option<Self> {
        if status.phase == "Failed" {
            return Some(Self::Failed(joined(&status.reason, &status.message)));
        }
        let before = status.init_container_statuses.iter().filter_map(Self::of_container).filter(Self::is_certain);
        let in_containers: Vec<_> =
            before.chain(status.container_statuses.iter().filter_map(Self::of_container)).collect();
        if let Some(certain) = in_containers.iter().find(|trouble| trouble.is_certain()) {
            return Some(certain.clone());
        }
        unschedulable(&status.conditions).or_else(|| in_containers.into_iter().next())
    }

    fn of_container(container: &ContainerStatus) -> Option<Self> {
        let state = container.state.clone().unwrap_or_default();
        if let Some(trouble) = state.waiting.as_ref().and_then(|waiting| Self::of_waiting(container, waiting)) {
            return Some(trouble);
        }
        if container.ready {
            return None;
        }
        // A crash shows as a waiting container or, until the kubelet's next look, as a terminated one; so both are read,
        // and the last termination of one that runs again but is not ready yet.
        let ended = |state: Option<ContainerState>| state.and_then(|state| state.terminated);
        let is_running = state.running.is_some();
        match ended(Some(state)).or_else(|| ended(container.last_state.clone())) {
            Some(end) if end.exit_code != 0 || container.restart_count > 0 => Some(Self::of_ended(container, end)),
            _ if is_running => Some(Self::Unready { container: container.name.clone() }),
            _ => None,
        }
    }

    fn of_waiting(container: &ContainerStatus, waiting: &ContainerStateWaiting) -> Option<Self> {
        let reason = waiting.reason.as_deref()?;
        let message = waiting.message.as_deref().unwrap_or_default();
        match reason {
            "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed" => {
                Some(Self::ImagePull { image: container.image.clone(), reason: pull_failure(reason, message) })
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                Some(Self::Config(if message.is_empty() { reason } else { message }.to_owned()))
            }
            _ => None,
        }
    }

    fn of_ended(container: &ContainerStatus, end: ContainerStateTerminated) -> Self {
        let (name, restarts) = (container.name.clone(), container.restart_count);
        match (end.reason.as_deref(), end.message) {
            (Some("OOMKilled"), _) => Self::OutOfMemory { container: name, restarts },
            // It never ran: the same as `RunContainerError`, and told in the same words.
            (Some("StartError" | "ContainerCannotRun"), Some(message)) => Self::Config(message),
            _ => Self::Crashing { container: name, exit_code: end.exit_code, restarts },
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ImagePull { image, reason } => write!(f, "cannot pull image {image} ({reason})"),
            Self::Config(message) => write!(f, "container cannot be started: {message}"),
            Self::OutOfMemory { container, restarts } => {
                write!(
                    f,
                    "container {container} was killed for using more memory than its limit (restarts: {restarts})"
                )
            }
            Self::Crashing { container, exit_code, restarts } => {
                write!(f, "container {container} exits with code {exit_code} (restarts: {restarts})")
            }
            Self::Unready { container } => write!(f, "container {container} runs but does not pass its health checks"),
            Self::Unschedulable(message) => write!(f, "no node takes the pod: {message}"),
            Self::Failed(reason) => write!(f, "the pod failed: {reason}"),
        }
    }
}

/// The scheduler's word, without what preemption would not help.
fn unschedulable(conditions: &[PodCondition]) -> Option<Trouble> {
    let is_it = |condition: &&PodCondition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    };
    let message = conditions.iter().find(is_it)?.message.as_deref().unwrap_or_default();
    Some(Trouble::Unschedulable(message.split_once(". ").map_or(message, |(first, _)| first).to_owned()))
}

/// The kubelet's reason and what it says, once, without the image, which is named already. Between two attempts it
/// says `Back-off pulling image "IMAGE": REASON: MESSAGE`.
fn pull_failure(reason: &str, message: &str) -> String {
    let repeated = after_image(message, "Back-off pulling image ").and_then(|told| told.split_once(": "));
    let (reason, message) = repeated.unwrap_or((reason, message));
    let message = match message.strip_prefix("rpc error: ").and_then(|error| error.split_once(" desc = ")) {
        Some((_, described)) => described,
        None => message,
    };
    joined(reason, after_image(message, "failed to pull and unpack image ").unwrap_or(message))
}

/// What comes after `PREFIX"IMAGE": `.
fn after_image<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.strip_prefix(prefix)?.split_once("\": ").map(|(_, rest)| rest)
}

fn joined(reason: &str, message: &str) -> String {
    [reason, message].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;

    fn status(status: Value) -> PodStatusView {
        serde_json::from_value(status).unwrap()
    }

    fn container(container: &Value) -> Value {
        let mut container = container.clone();
        for (key, value) in [("name", json!("c")), ("image", json!("i")), ("imageID", json!(""))] {
            container[key] = value;
        }
        for (key, value) in [("ready", json!(false)), ("restartCount", json!(0))] {
            if container[key].is_null() {
                container[key] = value;
            }
        }
        container
    }

    fn told(of: &Value) -> String {
        let pod = status(json!({"phase": "Running", "containerStatuses": [container(of)]}));
        Trouble::of(&pod).unwrap().to_string()
    }

    fn waiting(reason: &str, message: &str) -> Value {
        json!({"state": {"waiting": {"reason": reason, "message": message}}})
    }

    #[test]
    fn a_crash_is_told_in_each_state_the_kubelet_shows_it() {
        let end = json!({"terminated": {"exitCode": 3, "reason": "Error"}});
        let states = [
            json!({"state": end}),
            json!({"restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": end}),
            json!({"restartCount": 1, "state": {"running": {}}, "lastState": end}),
        ];
        for (restarts, state) in [0, 1, 1].into_iter().zip(states) {
            assert_eq!(told(&state), format!("container c exits with code 3 (restarts: {restarts})"));
        }
    }

    #[test]
    fn a_container_that_ends_well_but_always_is_a_crash() {
        let end = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
        let state = json!({"restartCount": 2, "state": {"running": {}}, "lastState": end});
        assert_eq!(told(&state), "container c exits with code 0 (restarts: 2)");
    }

    #[test]
    fn memory_and_probe_are_told_apart() {
        let killed = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        assert!(told(&json!({"restartCount": 2, "state": killed})).contains("memory"));
        assert_eq!(told(&json!({"state": {"running": {}}})), "container c runs but does not pass its health checks");
    }

    /// As kubelet 1.36 and containerd 2.3 say it.
    #[test]
    fn a_failed_pull_is_told_in_the_same_words_at_and_between_attempts() {
        let cause = "failed to pull and unpack image \"i\": failed to resolve image: i: not found";
        let states = [
            waiting("ErrImagePull", cause),
            waiting("ErrImagePull", &format!("rpc error: code = NotFound desc = {cause}")),
            waiting("ImagePullBackOff", &format!("Back-off pulling image \"i\": ErrImagePull: {cause}")),
            waiting(
                "ImagePullBackOff",
                &format!("Back-off pulling image \"i\": ErrImagePull: rpc error: code = NotFound desc = {cause}"),
            ),
        ];
        for state in states {
            assert_eq!(told(&state), "cannot pull image i (ErrImagePull: failed to resolve image: i: not found)");
        }
        assert_eq!(told(&waiting("ErrImageNeverPull", "")), "cannot pull image i (ErrImageNeverPull)");
    }

    #[test]
    fn a_container_that_never_ran_is_told_in_the_same_words_at_and_between_attempts() {
        let end = json!({"terminated": {"exitCode": 128, "reason": "StartError", "message": "exec: no such file"}});
        let states = [
            waiting("RunContainerError", "exec: no such file"),
            json!({"restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": end}),
        ];
        for state in states {
            assert_eq!(told(&state), "container cannot be started: exec: no such file");
        }
        assert_eq!(told(&waiting("CreateContainerError", "")), "container cannot be started: CreateContainerError");
    }

    /// What runs before the server is no server that fails its probe; what fails there is told.
    #[test]
    fn an_init_container_is_told_when_it_fails_and_not_while_it_runs() {
        let mut main = waiting("PodInitializing", "");
        main = container(&main);
        let trouble = |init: &Value| {
            let init = container(init);
            Trouble::of(&status(json!({
                "phase": "Pending", "initContainerStatuses": [init], "containerStatuses": [main],
            })))
        };
        assert_eq!(trouble(&json!({"state": {"running": {}}})), None);
        let failed = trouble(&json!({"state": {"terminated": {"exitCode": 7}}})).unwrap();
        assert_eq!(failed.to_string(), "container c exits with code 7 (restarts: 0)");
        let done = json!({"ready": true, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}});
        assert_eq!(trouble(&done), None);
    }

    #[test]
    fn scheduler_and_eviction_are_told_in_a_sentence() {
        let message = "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes";
        let condition =
            json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message});
        let trouble = Trouble::of(&status(json!({"phase": "Pending", "conditions": [condition]}))).unwrap();
        assert_eq!(trouble.to_string(), "no node takes the pod: 0/2 nodes are available: 2 Insufficient cpu");
        let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."});
        let trouble = Trouble::of(&status(evicted)).unwrap();
        assert_eq!(trouble.to_string(), "the pod failed: Evicted: The node was low on memory.");
    }
}
