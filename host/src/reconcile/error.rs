//! Why a server could not be brought in line: one variant per step, with the reason that conditions, events and metrics
//! share, and with when to try again.

use std::fmt;
use std::time::Duration;

use kube::ResourceExt;

use super::Kind;
use super::vet::Rejection;
use crate::api::status::ObjectStatus;
use crate::api::{MCPServer, Violation};
use crate::sandbox::Failure;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Gather: the spec is invalid, or refers to something that does not exist. The author's to mend.
    #[error("{}", join(.0))]
    Invalid(Vec<Violation>),
    /// Gather: a plugin that the server is rendered by is being prepared, which takes a moment.
    #[error("a plugin is being prepared")]
    Waiting,
    /// Gather: a plugin that the server is rendered by cannot be had.
    #[error("plugin {plugin}: {problem}")]
    PluginUnavailable {
        /// Which plugin.
        plugin: String,
        /// Why, and what to do.
        problem: String,
    },
    /// Render: a plugin failed or refused.
    #[error("plugin {plugin}: {failure}")]
    Render {
        /// Which plugin.
        plugin: String,
        /// How.
        failure: Box<Failure>,
    },
    /// Vet: what a plugin returned may not be applied.
    #[error("{0}")]
    Rejected(#[from] Rejection),
    /// Apply: one object could not be made as wanted, and trying again at once will not help.
    #[error("{message}")]
    Child {
        /// The object's kind.
        kind: Kind,
        /// What is wrong and what to do.
        message: String,
        /// Whether the object belongs to somebody else.
        refused: bool,
        /// What the cluster holds by now, to be recorded.
        objects: Vec<ObjectStatus>,
        /// What the plugins that rendered it warn of.
        warnings: Vec<String>,
    },
    /// Any step: the API server did not do what it usually does. Says nothing about the server.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
}

/// A call to the API server that failed for a reason that passes: 403, 429, 5xx, a time-out, no connection.
#[derive(Debug, thiserror::Error)]
#[error("{call}: {message}")]
pub struct Unreachable {
    /// What was asked for.
    pub call: String,
    /// The API server's answer, or what happened instead.
    pub message: String,
}

/// When to try again without being asked to by a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Soon, with back-off.
    Soon,
    /// After this time.
    After(Duration),
    /// Not before something changes.
    OnChange,
}

impl Error {
    /// The reason in conditions, events and metric labels (CONTRACT: the conditions' table).
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "Invalid",
            Self::Waiting => "Waiting",
            Self::PluginUnavailable { .. } => "PluginUnavailable",
            Self::Render { failure, .. } => match **failure {
                Failure::Invalid(_) => "RefusedByPolicy",
                Failure::Unsupported(_) => "Unsupported",
                _ => "RenderFailed",
            },
            Self::Rejected(_) => "RenderRejected",
            Self::Child { kind, .. } => unavailable(kind),
            Self::Unreachable(_) => "Unreachable",
        }
    }

    /// When to try again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable(_) => Retry::Soon,
            // A plugin that ran out of time on a busy machine, or that the host could not run, deserves another chance;
            // an object that the API server refused may pass once a quota or an admission policy changed, which nothing
            // tells us.
            Self::Render { failure, .. } if matches!(**failure, Failure::Timeout { .. } | Failure::Host(_)) => {
                Retry::After(SLOW)
            }
            Self::Child { refused: false, .. } => Retry::After(SLOW),
            Self::Invalid(_)
            | Self::Waiting
            | Self::PluginUnavailable { .. }
            | Self::Render { .. }
            | Self::Rejected(_)
            | Self::Child { .. } => Retry::OnChange,
        }
    }

    /// The kind of failure, more exactly than its reason: for metrics.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Render { failure, .. } => failure.class(),
            _ => self.reason(),
        }
    }

    /// The plugin that failed, when one did. A policy that refuses a server does not fail: it works.
    pub(super) fn failed_plugin(&self) -> Option<&str> {
        match self {
            Self::Render { failure, .. } if matches!(**failure, Failure::Invalid(_)) => None,
            Self::Render { plugin, .. } => Some(plugin),
            Self::Rejected(rejection) => Some(rejection.plugin()),
            _ => None,
        }
    }

    /// The same failure with the record of what the cluster holds by now, and the plugins' warnings.
    pub(super) fn with_record(self, objects: Vec<ObjectStatus>, warnings: Vec<String>) -> Self {
        match self {
            Self::Child { kind, message, refused, .. } => Self::Child { kind, message, refused, objects, warnings },
            other => other,
        }
    }

    /// Writes the failure to the log.
    pub(super) fn log(&self, server: &MCPServer) {
        let (namespace, name) = (server.namespace(), server.name_any());
        tracing::warn!(namespace, name, reason = self.reason(), error = %self, "Server could not be brought in line");
    }
}

impl Unreachable {
    /// Writes the failure to the log.
    pub(super) fn log(&self, server: &MCPServer) {
        let (namespace, name) = (server.namespace(), server.name_any());
        tracing::warn!(namespace, name, error = %self, "Status could not be written");
    }
}

/// The condition reason for a child that could not be made.
pub fn unavailable(kind: &Kind) -> &'static str {
    match kind {
        Kind::Deployment | Kind::StatefulSet => "DeploymentUnavailable",
        Kind::Service => "ServiceUnavailable",
        Kind::NetworkPolicy => "NetworkPolicyUnavailable",
        _ => "ObjectUnavailable",
    }
}

const SLOW: Duration = Duration::from_mins(1);

fn join(violations: &[Violation]) -> impl fmt::Display {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::LastWords;

    fn failed(failure: Failure) -> Error {
        Error::Render { plugin: "spread".into(), failure: Box::new(failure) }
    }

    fn child(kind: Kind, refused: bool) -> Error {
        Error::Child { kind, message: String::new(), refused, objects: Vec::new(), warnings: Vec::new() }
    }

    #[test]
    fn only_what_may_pass_unnoticed_is_tried_again_by_itself() {
        let trap = Failure::Trap { what: "unreachable".into(), function: None, words: LastWords::default() };
        let unreachable = Unreachable { call: "get Secret".into(), message: String::new() };
        let unavailable = Error::PluginUnavailable { plugin: "spread".into(), problem: String::new() };
        let table = [
            (Error::Unreachable(unreachable), "Unreachable", Retry::Soon),
            (Error::Invalid(Vec::new()), "Invalid", Retry::OnChange),
            (Error::Waiting, "Waiting", Retry::OnChange),
            (unavailable, "PluginUnavailable", Retry::OnChange),
            (failed(trap), "RenderFailed", Retry::OnChange),
            (failed(Failure::Timeout { limit: SLOW, words: LastWords::default() }), "RenderFailed", Retry::After(SLOW)),
            (failed(Failure::Host(String::new())), "RenderFailed", Retry::After(SLOW)),
            (failed(Failure::Unsupported(String::new())), "Unsupported", Retry::OnChange),
            (failed(Failure::Invalid(Vec::new())), "RefusedByPolicy", Retry::OnChange),
            (Rejection::field("spec", "no").by("spread").into(), "RenderRejected", Retry::OnChange),
            (child(Kind::Deployment, true), "DeploymentUnavailable", Retry::OnChange),
            (child(Kind::Deployment, false), "DeploymentUnavailable", Retry::After(SLOW)),
            (child(Kind::StatefulSet, false), "DeploymentUnavailable", Retry::After(SLOW)),
            (child(Kind::Service, false), "ServiceUnavailable", Retry::After(SLOW)),
            (child(Kind::NetworkPolicy, false), "NetworkPolicyUnavailable", Retry::After(SLOW)),
            (child(Kind::named("policy/v1", "PodDisruptionBudget"), false), "ObjectUnavailable", Retry::After(SLOW)),
        ];
        for (error, reason, retry) in table {
            assert_eq!((error.reason(), error.retry()), (reason, retry), "{error:?}");
        }
    }
}
