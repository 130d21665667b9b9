//! The five conditions of a server, from what was seen of it. Pure; the table is in CONTRACT §4 and in `docs/status.md`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::Observation;
use super::workload::Serving;
use crate::api;
use crate::handshake::Answer;
use crate::reconcile::gather::keys;
use crate::reconcile::{Error, is_paused};

/// How long a message may be, in bytes (Kubernetes allows 32 KiB; nobody reads that).
const MAX_MESSAGE: usize = 2048;

/// What may be the matter when a server that lets in only some does not answer.
const KEPT_OUT: &str =
    "spec.network.ingressFrom may keep the operator out: add it there, or run the operator with --verify-from";

/// One condition without its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    status: &'static str,
    reason: String,
    message: String,
}

impl Verdict {
    fn yes(reason: &str, message: impl Into<String>) -> Self {
        Self { status: "True", reason: reason.into(), message: message.into() }
    }

    fn no(reason: &str, message: impl Into<String>) -> Self {
        Self { status: "False", reason: reason.into(), message: message.into() }
    }

    fn unknown(reason: &str, message: impl Into<String>) -> Self {
        Self { status: "Unknown", reason: reason.into(), message: message.into() }
    }

    /// What an earlier status said.
    fn kept(condition: &Condition) -> Self {
        let status = match condition.status.as_str() {
            "True" => "True",
            "False" => "False",
            _ => "Unknown",
        };
        Self { status, reason: condition.reason.clone(), message: condition.message.clone() }
    }
}

/// The conditions; `rendered` is absent as long as nothing was ever rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conditions {
    accepted: Verdict,
    rendered: Option<Verdict>,
    available: Verdict,
    verified: Verdict,
    ready: Verdict,
}

impl Conditions {
    /// Judges everything.
    pub(super) fn of(seen: &Observation<'_>, serving: &Serving) -> Self {
        let accepted = accepted(seen);
        let rendered = rendered(seen);
        let available = available(seen, serving);
        let verified = verified(seen, serving);
        let ready = ready(seen, serving, &available, &verified);
        Self { accepted, rendered, available, verified, ready }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready.status == "True"
    }

    pub(super) fn is_verified(&self) -> bool {
        self.verified.status == "True"
    }

    pub(super) fn endpoint_failed(&self) -> bool {
        self.verified.status == "False"
    }

    /// Whether clients should be sent there: the endpoint answered or, where nobody asks, pods serve.
    pub(super) fn url_is_published(&self, verify: bool) -> bool {
        let answers = self.is_verified() || (!verify && self.available.reason == "Available");
        answers && self.available.status == "True"
    }

    /// The conditions as the status holds them. A time moves only when the status value does.
    pub(super) fn into_list(self, previous: &[Condition], generation: Option<i64>, now: &Time) -> Vec<Condition> {
        let Self { accepted, rendered, available, verified, ready } = self;
        let all = [
            ("Accepted", Some(accepted)),
            ("Rendered", rendered),
            ("Available", Some(available)),
            ("Verified", Some(verified)),
            ("Ready", Some(ready)),
        ];
        let condition = |(name, verdict): (&str, Option<Verdict>)| {
            let Verdict { status, reason, message } = verdict?;
            let before = previous.iter().find(|condition| condition.type_ == name && condition.status == status);
            Some(Condition {
                type_: name.into(),
                status: status.into(),
                reason,
                message: shortened(message),
                observed_generation: generation,
                last_transition_time: before.map_or_else(|| now.clone(), |before| before.last_transition_time.clone()),
            })
        };
        all.into_iter().filter_map(condition).collect()
    }
}

fn accepted(seen: &Observation<'_>) -> Verdict {
    if let Err(error @ Error::Invalid(_)) = seen.outcome {
        Verdict::no("Invalid", error.to_string())
    } else {
        let mut warnings = api::validate::warnings(seen.server);
        if let Ok(applied) = seen.outcome {
            warnings.extend(keys::warnings(&seen.server.spec, &applied.render().inputs));
        }
        let message = if warnings.is_empty() { "the spec is valid".to_owned() } else { warnings.join("; ") };
        Verdict::yes("Valid", message)
    }
}

fn rendered(seen: &Observation<'_>) -> Option<Verdict> {
    match seen.outcome {
        Err(Error::Invalid(_)) => previous(seen, "Rendered").map(Verdict::kept),
        Err(error @ (Error::PluginUnavailable { .. } | Error::Render { .. } | Error::Rejected(_))) => {
            Some(Verdict::no(error.reason(), error.to_string()))
        }
        Err(Error::Child { warnings, .. }) => Some(with_warnings(warnings)),
        Err(Error::Waiting | Error::Unreachable(_)) => Some(with_warnings(&[])),
        Ok(applied) if !applied.setbacks().is_empty() => {
            Some(Verdict::yes("RenderedByLastGood", applied.setbacks().join("; ")))
        }
        Ok(applied) => Some(with_warnings(applied.warnings())),
    }
}

/// Each warning is a line, by which `events.rs` knows those that were told already.
fn with_warnings(warnings: &[String]) -> Verdict {
    let message = if warnings.is_empty() { "the plugins rendered the server".to_owned() } else { warnings.join("\n") };
    Verdict::yes("Rendered", message)
}

fn available(seen: &Observation<'_>, serving: &Serving) -> Verdict {
    match seen.outcome {
        Err(Error::Invalid(_)) => Verdict::no("ConfigurationInvalid", "the spec is not accepted; see Accepted"),
        Err(error @ Error::Child { .. }) => Verdict::no(error.reason(), error.to_string()),
        Err(_) if seen.workload.is_none() => Verdict::unknown("Initializing", "nothing was rendered yet; see Rendered"),
        _ => match serving {
            Serving::ScaledToZero => Verdict::yes("ScaledToZero", "no pods run, as the spec asks"),
            Serving::Yes(message) | Serving::Partly(message) => Verdict::yes("Available", message),
            Serving::NotYet(message) => Verdict::unknown("Initializing", message),
            Serving::No(message) => Verdict::no("DeploymentUnavailable", message),
        },
    }
}

fn verified(seen: &Observation<'_>, serving: &Serving) -> Verdict {
    let not_yet = |message: &str| Verdict::unknown("NotVerified", message);
    if matches!(seen.outcome, Err(Error::Child { .. })) {
        return not_yet("the server is not asked while its objects are not as they should be; see Available");
    }
    if !serving.serves() {
        return not_yet("no pod serves");
    }
    if !seen.verify {
        return Verdict::unknown("VerificationDisabled", "the operator runs without verification");
    }
    match seen.handshake {
        Some(Ok(Answer::Verified { info, .. })) => {
            Verdict::yes("Verified", format!("the server answers MCP {}", info.protocol_version))
        }
        Some(Ok(Answer::AuthRequired)) => {
            Verdict::yes("AuthSkipped", "the server asks for credentials, which the operator does not have")
        }
        Some(Err(unanswered)) if seen.may_be_kept_out && unanswered.is_silence() => {
            Verdict::no("EndpointUnavailable", format!("{unanswered}; {KEPT_OUT}"))
        }
        Some(Err(unanswered)) => Verdict::no("EndpointUnavailable", unanswered.to_string()),
        None => previous(seen, "Verified")
            .filter(|condition| matches!(condition.reason.as_str(), "Verified" | "AuthSkipped" | "EndpointUnavailable"))
            .map_or_else(|| not_yet("the server has not answered yet"), Verdict::kept),
    }
}

fn ready(seen: &Observation<'_>, serving: &Serving, available: &Verdict, verified: &Verdict) -> Verdict {
    let verdict = match seen.outcome {
        Err(Error::Invalid(_) | Error::Child { .. }) => Verdict::no(&available.reason, available.message.clone()),
        Err(error) if !serving.serves() => Verdict::no(error.reason(), error.to_string()),
        _ => match serving {
            Serving::ScaledToZero => Verdict::yes("ScaledToZero", available.message.clone()),
            Serving::NotYet(message) => Verdict::unknown("Initializing", message),
            Serving::No(message) => Verdict::no("DeploymentUnavailable", message),
            Serving::Yes(message) | Serving::Partly(message) => match verified.status {
                "False" => Verdict::no("MCPEndpointUnavailable", verified.message.clone()),
                "Unknown" if seen.verify => Verdict::unknown("Initializing", verified.message.clone()),
                _ => Verdict::yes("DeploymentReady", message),
            },
        },
    };
    if is_paused(seen.server) {
        // First, because what follows may be longer than a message can be.
        Verdict { message: format!("writes are paused by an annotation; {}", verdict.message), ..verdict }
    } else {
        verdict
    }
}

fn previous<'a>(seen: &'a Observation<'_>, name: &str) -> Option<&'a Condition> {
    seen.server.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == name)
}

/// The beginning of a message that is too long for a condition. A plugin's words may be in it, and be as many as it likes.
pub(crate) fn shortened(message: String) -> String {
    if message.len() <= MAX_MESSAGE {
        return message;
    }
    let end = (0..=MAX_MESSAGE).rev().find(|&end| message.is_char_boundary(end)).unwrap_or(0);
    format!("{}…", &message[..end])
}
