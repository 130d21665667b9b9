//! The table of situations (CONTRACT §4) and what is around it: each scene is observed after the ones that led to it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod endpoint;
mod messages;
mod situations;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;

use super::*;
use crate::api::Violation;
use crate::cache::pods::Trouble;
use crate::handshake::{Client, Era, Target, Tls, Unanswered};
use crate::reconcile::vet::Rejection;
use crate::sandbox::{Failure, LastWords};

const URL: &str = "http://weather.team-a.svc.cluster.local:8080/mcp";

/// What is to be seen of one server at one moment.
struct Scene {
    outcome: Result<Applied, Error>,
    workload: Option<Workload>,
    pods: Vec<Pod>,
    verify: bool,
    handshake: Option<Outcome>,
    generation: i64,
    paused: bool,
}

impl Scene {
    /// Everything was applied, and no pod is up.
    fn created() -> Self {
        let workload = Workload { desired: 1, total: 1, updated: 1, ..Workload::default() };
        Self {
            outcome: Ok(Applied::recorded(record(), &[])),
            workload: Some(workload),
            pods: Vec::new(),
            verify: true,
            handshake: None,
            generation: 1,
            paused: false,
        }
    }

    /// All pods serve.
    fn serving() -> Self {
        Self::created().with_pods(3, 3)
    }

    fn with_pods(self, desired: i32, available: i32) -> Self {
        let workload =
            Workload { desired, available, total: desired, updated: desired, ready: available, ..Workload::default() };
        Self { workload: Some(workload), ..self }
    }

    /// Not even the workload exists.
    fn without_workload(self) -> Self {
        Self { workload: None, ..self }
    }

    fn lagging(mut self) -> Self {
        self.workload.as_mut().unwrap().lagging = true;
        self
    }

    fn with_a_pod(mut self) -> Self {
        self.pods.push(pod("weather-1", 1, None));
        self
    }

    fn with_trouble(mut self, trouble: Trouble) -> Self {
        self.pods.push(pod("weather-1", 1, Some(trouble)));
        self
    }

    /// A pod that is starting is to replace one of an earlier template, which is in trouble.
    fn replacing(mut self, trouble: Trouble) -> Self {
        self.pods.push(pod("weather-0", 0, Some(trouble)));
        self.pods.push(pod("weather-1", 1, None));
        self
    }

    /// A pod of another template came in the same second as one that serves.
    fn overtaken(mut self, trouble: Trouble) -> Self {
        let second = Some(Time(Timestamp::from_second(1).unwrap()));
        self.pods.push(Pod { created: second.clone(), arrival: 1, ..pod("weather-a", 1, Some(trouble)) });
        self.pods.push(Pod { created: second, ready: true, ..pod("weather-z", 0, None) });
        self
    }

    /// No pod of the newest template exists yet.
    fn before_replacing(mut self, trouble: Trouble) -> Self {
        self.workload.as_mut().unwrap().updated = 0;
        self.pods.push(pod("weather-0", 0, Some(trouble)));
        self
    }

    fn answered(self) -> Self {
        let info = handshake::ServerInfo {
            name: Some("Weather".into()),
            version: Some("1.0".into()),
            protocol_version: "2025-11-25".into(),
            instructions: None,
            capabilities: handshake::Capabilities { tools: true, ..handshake::Capabilities::default() },
        };
        Self { handshake: Some(Ok(Answer::Verified { era: Era::Session, info })), ..self }
    }

    fn asked_for_credentials(self) -> Self {
        Self { handshake: Some(Ok(Answer::AuthRequired)), ..self }
    }

    fn unanswered(self) -> Self {
        Self { handshake: Some(Err(unanswered())), ..self }
    }

    fn unverified(self) -> Self {
        Self { verify: false, ..self }
    }

    fn failed(self, error: Error) -> Self {
        Self { outcome: Err(error), handshake: None, ..self }
    }

    fn paused(self) -> Self {
        Self { paused: true, ..self }
    }

    fn by_last_good(self) -> Self {
        let setback = "plugin spread: the plugin crashed: unreachable".to_owned();
        Self { outcome: Ok(Applied::recorded(record(), &[]).in_spite_of(vec![setback])), ..self }
    }

    fn of_generation(self, generation: i64) -> Self {
        Self { generation, ..self }
    }

    /// The status that this scene amounts to, after an earlier one; `now` is in seconds.
    fn after(&self, previous: Option<MCPServerStatus>, now: i64) -> MCPServerStatus {
        let mut server: MCPServer = serde_json::from_value(json!({
            "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer",
            "metadata": {"name": "weather", "namespace": "team-a", "uid": "u", "generation": self.generation},
            "spec": {"source": {"type": "ContainerImage"}, "config": {"port": 8080}},
        }))
        .unwrap();
        if self.paused {
            server.annotations_mut().insert(api::PAUSED_ANNOTATION.into(), "true".into());
        }
        server.status = previous;
        status(&Observation {
            server: &server,
            outcome: &self.outcome,
            workload: self.workload.as_ref(),
            pods: &self.pods,
            verify: self.verify,
            handshake: self.handshake.as_ref(),
            may_be_kept_out: false,
            url: URL,
            now: Time(Timestamp::from_second(now).unwrap()),
        })
    }
}

/// A pod that does not serve, of the template with this number.
fn pod(name: &str, template: i64, trouble: Option<Trouble>) -> Pod {
    Pod {
        name: name.into(),
        uid: "u".into(),
        created: Some(Time(Timestamp::from_second(template).unwrap())),
        arrival: 0,
        template: Some(template.to_string()),
        ready: false,
        restarts: 0,
        trouble,
    }
}

/// The status after scenes that follow one another, a minute apart.
fn after(scenes: &[Scene]) -> MCPServerStatus {
    let statuses = (0..).zip(scenes).fold(None, |previous, (minute, scene)| Some(scene.after(previous, minute * 60)));
    statuses.unwrap()
}

fn record() -> RenderStatus {
    let object = |kind: Kind, slot: &str| ObjectStatus {
        api_version: kind.api_version().into(),
        kind: kind.to_string(),
        name: "weather".into(),
        slot: slot.into(),
        ..ObjectStatus::default()
    };
    let objects = vec![object(Kind::Service, SERVICE), object(Kind::Deployment, WORKLOAD)];
    RenderStatus { objects, ..RenderStatus::default() }
}

/// A real failure that needs no network: nobody can be asked at this URL.
fn unanswered() -> Unanswered {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let target = Target { url: "nowhere".into(), tls: Tls::SystemRoots, era: None };
    runtime.block_on(Client::new(Vec::new()).attempt(&target)).unwrap_err()
}

fn invalid() -> Error {
    Error::Invalid(vec![Violation::new("spec.config.env[0].name", "ConfigMap team-a/settings does not exist")])
}

fn trapped() -> Error {
    let failure = Failure::Trap { what: "unreachable".into(), function: None, words: LastWords::default() };
    Error::Render { plugin: "default".into(), failure: Box::new(failure) }
}

fn plugin_unavailable() -> Error {
    Error::PluginUnavailable { plugin: "spread".into(), problem: "its component cannot be fetched".into() }
}

fn rejected() -> Error {
    Rejection::field("spec.template.spec.hostNetwork", "must not be true").by("default").into()
}

fn refused(failure: Failure) -> Error {
    Error::Render { plugin: "default".into(), failure: Box::new(failure) }
}

fn not_ours(kind: Kind) -> Error {
    Error::Child {
        message: format!("{kind} weather belongs to somebody else"),
        kind,
        refused: true,
        objects: Vec::new(),
        warnings: Vec::new(),
    }
}

fn condition<'a>(
    status: &'a MCPServerStatus,
    name: &str,
) -> Option<&'a k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
    status.conditions.iter().find(|condition| condition.type_ == name)
}

fn message(status: &MCPServerStatus, name: &str) -> String {
    condition(status, name).unwrap().message.clone()
}
