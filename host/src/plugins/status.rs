//! The status of a RenderPlugin: a condition for each step, from what came of preparing it. [`status`] is pure;
//! [`write_if_different`] is the effect.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::prepare::{Phase, Setback};
use crate::api::render_plugin::OnFailure;
use crate::api::{RenderPlugin, RenderPluginStatus};
use crate::cache::sources::ServerName;
use crate::events;
use crate::reconcile::status::shortened;
use crate::reconcile::{Context, Unreachable};

/// What a status is made of.
pub(super) struct Observation<'a> {
    /// The plugin with its last status.
    pub plugin: &'a RenderPlugin,
    /// Why the wanted version may not render, if it may not.
    pub setback: Option<&'a Setback>,
    /// Digest of the version that renders.
    pub active: Option<String>,
    /// Its name and version.
    pub about: Option<String>,
    /// How many servers it selects.
    pub servers: usize,
    /// The servers for which it fails.
    pub failing: &'a [ServerName],
    /// Whether the operator started so recently that it may not have rendered all of them yet.
    pub settling: bool,
    /// The time of a condition that changes now.
    pub now: Time,
}

/// How many servers a message names.
const NAMED: usize = 3;

/// The status that an observation amounts to. Pure.
pub(super) fn status(seen: &Observation<'_>) -> RenderPluginStatus {
    let RenderPluginStatus { digest, conditions: previous, .. } = seen.plugin.status.clone().unwrap_or_default();
    let verdicts = Phase::ALL.iter().map(|phase| (phase.to_string(), of_phase(*phase, seen.setback)));
    let conditions = verdicts.chain([("Ready".to_owned(), ready(seen))]).map(|(type_, verdict)| {
        let Verdict { status, reason, message } = verdict;
        let before = previous.iter().find(|condition| condition.type_ == type_ && condition.status == status);
        Condition {
            last_transition_time: before.map_or_else(|| seen.now.clone(), |before| before.last_transition_time.clone()),
            observed_generation: seen.plugin.metadata.generation,
            type_,
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: shortened(message),
        }
    });
    RenderPluginStatus {
        observed_generation: seen.plugin.metadata.generation,
        // Kept while no version can be had: by it a plugin that rendered is told from one that never did.
        digest: seen.active.clone().or(digest),
        plugin: seen.about.clone(),
        servers: i32::try_from(seen.servers).ok(),
        conditions: conditions.collect(),
    }
}

struct Verdict {
    status: &'static str,
    reason: &'static str,
    message: String,
}

fn of_phase(phase: Phase, setback: Option<&Setback>) -> Verdict {
    match setback {
        Some(setback) if setback.phase == phase => {
            Verdict { status: "False", reason: setback.reason, message: setback.message.clone() }
        }
        Some(setback) if setback.phase < phase => {
            Verdict { status: "Unknown", reason: "NotReached", message: format!("see {}", setback.phase) }
        }
        _ => Verdict { status: "True", reason: "Succeeded", message: done(phase).to_owned() },
    }
}

fn done(phase: Phase) -> &'static str {
    match phase {
        Phase::Fetched => {
            "the component is in the operator's cache, by its digest; while it is, the source is not read"
        }
        Phase::Verified => "the component has the digest and is a render plugin for this operator",
        Phase::Compiled => "the component was compiled",
        Phase::Granted => "the operator may write, and watches, every kind that was granted",
        Phase::SelfTested => "the plugin rendered the examples, twice the same",
    }
}

fn ready(seen: &Observation<'_>) -> Verdict {
    let no = |reason, message| Verdict { status: "False", reason, message };
    let blocks = seen.plugin.spec.on_failure == OnFailure::Block;
    match (seen.setback, &seen.active) {
        (Some(Setback { reason, message, .. }), Some(active)) => {
            no(reason, format!("{message}; the version before, {active}, goes on rendering"))
        }
        (Some(Setback { reason, message, .. }), None) if blocks => {
            no(reason, format!("{message}; the servers that it selects stay as they are until it is ready"))
        }
        (Some(Setback { reason, message, .. }), None) => no(reason, message.clone()),
        (None, active) if seen.failing.is_empty() => {
            if let Some(message) = said_to_fail(seen).filter(|_| seen.settling && active.is_some()) {
                return Verdict { status: "True", reason: FAILS_FOR_SOME, message };
            }
            let message = "the plugin renders the servers that it selects".to_owned();
            Verdict { status: "True", reason: "Active", message }
        }
        (None, _) => {
            let servers = some_of(seen.failing);
            let message =
                format!("the plugin fails for {servers}; their condition Rendered says why and what became of them");
            Verdict { status: "True", reason: FAILS_FOR_SOME, message }
        }
    }
}

const FAILS_FOR_SOME: &str = "FailsForSome";

/// What was said before of the version that renders, if that was that it fails for some servers.
pub(super) fn said_to_fail(seen: &Observation<'_>) -> Option<String> {
    let before = seen.plugin.status.as_ref().filter(|before| before.digest == seen.active)?;
    let ready = before.conditions.iter().find(|condition| condition.type_ == "Ready")?;
    (ready.reason == FAILS_FOR_SOME).then(|| ready.message.clone())
}

fn some_of(servers: &[ServerName]) -> String {
    let mut names: Vec<_> = servers.iter().take(NAMED).map(|(namespace, name)| format!("{namespace}/{name}")).collect();
    if servers.len() > NAMED {
        names.push("others".to_owned());
    }
    names.join(", ")
}

/// Writes a status by server-side apply and publishes what changed as an event, if it says anything new.
pub(super) async fn write_if_different(
    plugin: &RenderPlugin,
    next: RenderPluginStatus,
    ctx: &Context,
) -> Result<(), Unreachable> {
    if plugin.status.as_ref() == Some(&next) {
        return Ok(());
    }
    if ctx.apply_status(plugin, &next, &ctx.cache.plugin_statuses).await? {
        let previous = plugin.status.clone().unwrap_or_default();
        ctx.events.publish(plugin, events::about_plugin(&previous, &next)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn observed(setback: Option<&Setback>, active: Option<&str>, failing: &[ServerName]) -> Vec<String> {
        let plugin = RenderPlugin::new("spread", crate::api::RenderPluginSpec::default());
        let seen = Observation {
            plugin: &plugin,
            setback,
            active: active.map(str::to_owned),
            about: None,
            servers: 2,
            failing,
            settling: false,
            now: Time(Timestamp::UNIX_EPOCH),
        };
        let told = |c: Condition| format!("{}={} {}: {}", c.type_, c.status, c.reason, c.message);
        status(&seen).conditions.into_iter().map(told).collect()
    }

    #[test]
    fn a_version_that_passed_every_step_is_ready() {
        let told = observed(None, Some("sha256:1"), &[]);
        assert!(told.iter().all(|condition| condition.contains("=True ")), "{told:?}");
    }

    #[test]
    fn what_comes_after_a_failed_step_is_unknown_and_the_version_before_goes_on() {
        let setback = Setback { phase: Phase::Verified, reason: "DigestMismatch", message: "no".into(), passes: true };
        let told = observed(Some(&setback), Some("sha256:1"), &[]);
        assert!(
            told[0].starts_with("Fetched=True Succeeded: the component is in the operator's cache, by"),
            "{told:?}"
        );
        assert_eq!(told[1], "Verified=False DigestMismatch: no");
        assert_eq!(told[2], "Compiled=Unknown NotReached: see Verified");
        assert_eq!(told[3], "Granted=Unknown NotReached: see Verified");
        assert_eq!(told[5], "Ready=False DigestMismatch: no; the version before, sha256:1, goes on rendering");
    }

    #[test]
    fn what_a_plugin_says_at_length_still_fits_into_its_conditions() {
        let message = "x".repeat(1 << 20);
        let setback = Setback { phase: Phase::SelfTested, reason: "RenderRejected", message, passes: false };
        assert!(observed(Some(&setback), None, &[]).iter().all(|told| told.len() < 3000));
    }

    #[test]
    fn a_plugin_that_rendered_once_is_known_as_such_while_it_cannot_be_had() {
        let mut plugin = RenderPlugin::new("spread", crate::api::RenderPluginSpec::default());
        plugin.status =
            Some(RenderPluginStatus { digest: Some("sha256:1".to_owned()), ..RenderPluginStatus::default() });
        let setback = Setback { phase: Phase::Fetched, reason: "NotFound", message: "no".into(), passes: true };
        let now = Time(Timestamp::UNIX_EPOCH);
        let (setback, failing) = (Some(&setback), [].as_slice());
        let seen = Observation {
            plugin: &plugin,
            setback,
            active: None,
            about: None,
            servers: 2,
            failing,
            settling: true,
            now,
        };
        assert_eq!(status(&seen).digest.as_deref(), Some("sha256:1"));
    }

    /// A restarted operator has not rendered every server yet, and must not say that all is well in between.
    #[test]
    fn what_was_said_of_failing_servers_stands_until_they_were_rendered_again() {
        let mut plugin = RenderPlugin::new("spread", crate::api::RenderPluginSpec::default());
        let failing = [("team".to_owned(), "a".to_owned())];
        let ready_after = |plugin: &RenderPlugin, failing: &[ServerName], digest: &str, settling| {
            let now = Time(Timestamp::UNIX_EPOCH);
            let active = Some(digest.to_owned());
            let seen = Observation { plugin, setback: None, active, about: None, servers: 2, failing, settling, now };
            status(&seen)
        };
        plugin.status = Some(ready_after(&plugin, &failing, "sha256:1", true));
        let reason = |digest: &str, settling| {
            ready_after(&plugin, &[], digest, settling).conditions.pop().map(|ready| ready.reason).unwrap()
        };
        assert_eq!(ready_after(&plugin, &[], "sha256:1", true), plugin.status.clone().unwrap());
        assert_eq!(reason("sha256:1", false), "Active");
        assert_eq!(reason("sha256:2", true), "Active");
    }

    #[test]
    fn servers_for_which_it_fails_are_named_but_not_counted() {
        let failing: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| ("team".to_owned(), name.to_owned())).into();
        let told = observed(None, Some("sha256:1"), &failing);
        assert!(told[5].contains("fails for team/a, team/b, team/c, others;"), "{}", told[5]);
    }
}
