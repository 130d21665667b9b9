//! The kinds of object that a plugin may return, and the order in which they are applied.

use std::fmt;

use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::core::ApiResource;
use serde_json::Value;

use super::Rejection;

/// A kind that may be emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `networking.k8s.io/v1`.
    NetworkPolicy,
    /// `v1`.
    Service,
    /// `apps/v1`.
    Deployment,
}

impl Kind {
    /// Every kind, in the order in which they are applied: what protects comes before what it protects.
    pub const ALL: [Self; 3] = [Self::NetworkPolicy, Self::Service, Self::Deployment];

    /// The kind of an object that nobody has looked at yet.
    pub(super) fn of(object: &Value) -> Result<Self, Rejection> {
        let word = |key: &str| object[key].as_str().ok_or_else(|| Rejection::field(key, "is missing or not text"));
        let (api_version, kind) = (word("apiVersion")?, word("kind")?);
        Self::named(api_version, kind).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|kind| format!("{} {kind}", kind.api_version())).collect();
            Rejection::field(
                "kind",
                format!("{api_version} {kind} was not granted to this plugin; it may return {}", known.join(", ")),
            )
        })
    }

    /// The kind of that name.
    pub fn named(api_version: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.api_version() == api_version && known.as_str() == kind)
    }

    /// `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NetworkPolicy => NetworkPolicy::KIND,
            Self::Service => Service::KIND,
            Self::Deployment => Deployment::KIND,
        }
    }

    /// `apiVersion`.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::NetworkPolicy => NetworkPolicy::API_VERSION,
            Self::Service => Service::API_VERSION,
            Self::Deployment => Deployment::API_VERSION,
        }
    }

    /// Where the API server keeps it.
    pub fn resource(self) -> ApiResource {
        match self {
            Self::NetworkPolicy => ApiResource::erase::<NetworkPolicy>(&()),
            Self::Service => ApiResource::erase::<Service>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
        }
    }

    /// Position in the order of application.
    pub(super) fn rank(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
