//! From a RenderPlugin's spec to a version that may render: fetch, verify, compile, see what was granted, self-test, in that
//! order. What goes wrong is a [`Setback`], and touches no other version.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;

use super::store::VersionRecord;
use super::{Grounds, Store, Version, fetch, grants, selection, self_test};
use crate::api::render_plugin::PluginLimits;
use crate::api::{RenderPluginSpec, Violation};
use crate::parameters;
use crate::reconcile::gather::{Stage, Surroundings};
use crate::sandbox::{Bytes, Checked, CodeCache, Digest, Failure, Limits, Sandbox};

/// The steps, named as their conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The component was read.
    Fetched,
    /// It is what the spec says, and a render plugin for this operator.
    Verified,
    /// It is machine code.
    Compiled,
    /// The operator can keep what it was granted.
    Granted,
    /// It rendered examples.
    SelfTested,
}

impl Phase {
    /// All, in order.
    pub const ALL: [Self; 5] = [Self::Fetched, Self::Verified, Self::Compiled, Self::Granted, Self::SelfTested];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a version may not render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setback {
    /// The step that failed.
    pub phase: Phase,
    /// Why, in a word.
    pub reason: &'static str,
    /// Why, and what to do.
    pub message: String,
    /// Whether it may pass without a change of the spec.
    pub passes: bool,
}

/// What versions are made with.
#[derive(Clone)]
pub struct Workshop {
    /// Reads ConfigMaps.
    pub client: kube::Client,
    /// Registries that are spoken to without TLS.
    pub plain_http: Vec<String>,
    /// Where plugins run.
    pub sandbox: Sandbox,
    /// Where components are kept.
    pub store: Store,
    /// Where their code is kept.
    pub code: CodeCache,
    /// This program, for what is better done by a process of its own.
    pub program: PathBuf,
    /// What no plugin may exceed.
    pub most: Limits,
    /// What grants are checked against.
    pub grounds: Grounds,
    /// The same for every server.
    pub surroundings: Surroundings,
}

impl Workshop {
    /// The version that a spec asks for. The component is taken from the store if it is there, so that neither a
    /// registry nor a ConfigMap is needed for what was good once.
    pub async fn prepare(&self, name: &str, spec: &RenderPluginSpec) -> Result<Version, Setback> {
        if let Some(problem) = selection::problem(spec.matches.as_ref()) {
            return Err(unread("MatchInvalid", problem));
        }
        let record = VersionRecord::of(spec);
        let digest: Digest = record.digest.parse().map_err(|error| unread("DigestInvalid", format!("{error}")))?;
        let component = match self.stored(digest).await {
            Some(component) => component,
            None => self.fetched(spec, digest).await?,
        };
        self.build(name, record, digest, component, true).await
    }

    /// A version that was good before a restart; none when its component is not in the store any more.
    pub async fn restore(&self, name: &str, record: &VersionRecord) -> Option<Version> {
        let digest = record.digest.parse().ok()?;
        let component = self.stored(digest).await?;
        match self.build(name, record.clone(), digest, component, false).await {
            Ok(version) => Some(version),
            Err(Setback { message, .. }) => {
                tracing::warn!(plugin = name, digest = record.digest, error = message, "A good version is one no more");
                None
            }
        }
    }

    /// The component from where the spec says it is, now in the store.
    async fn fetched(&self, spec: &RenderPluginSpec, digest: Digest) -> Result<Vec<u8>, Setback> {
        let component = fetch::component(&self.client, &spec.source, self.most.component, &self.plain_http).await?;
        let store = self.store.clone();
        on_thread(move || {
            verify(digest, &component)?;
            store.keep_component(&digest, &component).map_err(|error| Setback {
                phase: Phase::Compiled,
                reason: "StoreFailed",
                message: format!("the operator's cache volume cannot be written to: {error}"),
                passes: true,
            })?;
            Ok(component)
        })
        .await
    }

    async fn stored(&self, digest: Digest) -> Option<Vec<u8>> {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || store.component(&digest)).await.ok().flatten()
    }

    async fn build(
        &self,
        name: &str,
        record: VersionRecord,
        digest: Digest,
        component: Vec<u8>,
        is_new: bool,
    ) -> Result<Version, Setback> {
        let (workshop, name, wanted) = (self.clone(), name.to_owned(), record.clone());
        let stage = on_thread(move || workshop.load(&name, &wanted, digest, &component)).await?;
        self.grounds.prepare(grants::kinds(&stage)?).await?;
        if is_new {
            let (surroundings, stage) = (self.surroundings.clone(), stage.clone());
            on_thread(move || self_test::run(&surroundings, &stage)).await?;
        }
        Ok(Version { record, stage })
    }

    /// `digest` is that of `component`.
    fn load(&self, name: &str, record: &VersionRecord, digest: Digest, component: &[u8]) -> Result<Stage, Setback> {
        let limits = limits(record.limits.as_ref(), &self.most).map_err(|problem| refused("LimitsTooHigh", problem))?;
        let component = checked(component, digest)?;
        let plugin = self.sandbox.load_checked(component, limits).map_err(|failure| not_loaded(&failure))?;
        let parameters = record.parameters.clone().map(Value::Object);
        parameters::check_apart(&self.program, plugin.parameters_schema(), parameters.as_ref())
            .map_err(|error| not_loaded(&Failure::Host(format!("{error:#}"))))?
            .map_err(|violations| Setback {
                phase: Phase::SelfTested,
                reason: "ParametersInvalid",
                message: violations.iter().map(in_spec).collect::<Vec<_>>().join("; "),
                passes: false,
            })?;
        let grants = record.grants.clone().unwrap_or_default();
        Ok(Stage { parameters, grants, ..Stage::new(name, plugin) })
    }
}

/// A violation of the parameters as one of the RenderPlugin.
fn in_spec(Violation { path, message }: &Violation) -> String {
    let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
    format!("spec.parameters{dot}{path}: {message}")
}

/// Work for a processor, beside what the runtime has to do meanwhile.
async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn verify(digest: Digest, component: &[u8]) -> Result<(), Setback> {
    let actual = Digest::of(component);
    if actual != digest {
        let message = format!(
            "the source has a component of digest {actual}; spec.digest is {digest}. `sha256sum` of the file that you tested \
             says which one is right: mend spec.digest, or put that file into the source, such as a ConfigMap that holds an \
             older build"
        );
        return Err(Setback { passes: true, ..refused("DigestMismatch", message) });
    }
    checked(component, digest).map(drop)
}

fn checked(component: &[u8], digest: Digest) -> Result<Checked<'_>, Setback> {
    Checked::new(component, digest).map_err(|failure| refused(failure.class(), failure.to_string()))
}

/// A spec for which nothing is read.
fn unread(reason: &'static str, message: String) -> Setback {
    Setback { phase: Phase::Fetched, ..refused(reason, message) }
}

fn refused(reason: &'static str, message: String) -> Setback {
    Setback { phase: Phase::Verified, reason, message, passes: false }
}

/// Loading compiles the component, and then lets it describe itself.
fn not_loaded(failure: &Failure) -> Setback {
    let (phase, passes) = match failure {
        Failure::ContractMismatch { .. } | Failure::ComponentTooLarge { .. } => (Phase::Compiled, false),
        Failure::Host(_) => (Phase::Compiled, true),
        Failure::Timeout { .. } => (Phase::SelfTested, true),
        _ => (Phase::SelfTested, false),
    };
    Setback { phase, reason: failure.class(), message: failure.to_string(), passes }
}

/// The limits of one plugin: what it asks for, or the usual, and never more than the operator gives.
pub(crate) fn limits(asked: Option<&PluginLimits>, most: &Limits) -> Result<Limits, String> {
    let usual = Limits::default();
    let PluginLimits { memory, time_milliseconds } = asked.cloned().unwrap_or_default();
    let memory = match memory {
        None => usual.memory.min(most.memory),
        Some(Quantity(asked)) => match asked.parse::<Bytes>() {
            Ok(Bytes(bytes)) if bytes <= most.memory => bytes,
            Ok(asked) => {
                let most = Bytes(most.memory);
                return Err(format!("spec.limits.memory is {asked}; the operator's --plugin-memory allows {most}"));
            }
            Err(error) => return Err(format!("spec.limits.memory: {error}")),
        },
    };
    let time = match time_milliseconds.map(|milliseconds| u64::try_from(milliseconds).unwrap_or_default()) {
        None => usual.time.min(most.time),
        Some(asked) if Duration::from_millis(asked) <= most.time => Duration::from_millis(asked),
        Some(asked) => {
            let most = most.time.as_millis();
            return Err(format!("spec.limits.timeMilliseconds is {asked}; the operator's --plugin-time allows {most}"));
        }
    };
    Ok(Limits { memory, time, ..most.clone() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn asked(memory: Option<&str>, time_milliseconds: Option<i32>) -> Result<Limits, String> {
        let asked = PluginLimits { memory: memory.map(|text| Quantity(text.to_owned())), time_milliseconds };
        limits(Some(&asked), &Limits { memory: 128 << 20, time: Duration::from_secs(1), ..Limits::default() })
    }

    #[test]
    fn limits_are_the_usual_ones_unless_asked_for() {
        let limits = asked(None, None).unwrap();
        assert_eq!((limits.memory, limits.time), (64 << 20, Duration::from_millis(250)));
        let limits = asked(Some("128Mi"), Some(1000)).unwrap();
        assert_eq!((limits.memory, limits.time), (128 << 20, Duration::from_secs(1)));
    }

    #[test]
    fn more_than_the_operator_gives_is_refused_by_flag() {
        assert!(asked(Some("129Mi"), None).unwrap_err().contains("--plugin-memory allows 128 MiB"));
        assert!(asked(None, Some(1001)).unwrap_err().contains("--plugin-time allows 1000"));
        assert!(asked(Some("some"), None).unwrap_err().contains("no amount of memory"));
    }

    #[test]
    fn another_component_than_the_digest_says_is_refused() {
        let setback = verify(Digest::of(b"one"), b"two").unwrap_err();
        assert_eq!((setback.phase, setback.reason), (Phase::Verified, "DigestMismatch"));
        assert!(setback.message.contains("`sha256sum` of the file that you tested"), "{}", setback.message);
        let setback = verify(Digest::of(b"two"), b"two").unwrap_err();
        assert_eq!((setback.phase, setback.reason), (Phase::Verified, "ContractMismatch"));
    }
}
