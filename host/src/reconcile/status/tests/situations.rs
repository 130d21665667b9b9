//! Phase, conditions and address in each situation.

mod serving;

use self::serving::{partly_serving, serving};
use super::*;

/// What led there, and: phase, Accepted, Rendered, Available, Verified, Ready (each as status and reason), the address.
struct Situation {
    name: &'static str,
    scenes: Vec<Scene>,
    phase: Phase,
    conditions: [&'static str; 5],
    published: bool,
}

fn situation(
    name: &'static str,
    scenes: Vec<Scene>,
    phase: Phase,
    conditions: [&'static str; 5],
    published: bool,
) -> Situation {
    Situation { name, scenes, phase, conditions, published }
}

const VALID: &str = "True Valid";
const INVALID: &str = "False Invalid";
const RENDERED: &str = "True Rendered";
const BY_LAST_GOOD: &str = "True RenderedByLastGood";
const AVAILABLE: &str = "True Available";
const STARTING: &str = "Unknown Initializing";
const DOWN: &str = "False DeploymentUnavailable";
const VERIFIED: &str = "True Verified";
const UNASKED: &str = "Unknown NotVerified";
const READY: &str = "True DeploymentReady";
const MISCONFIGURED: &str = "False ConfigurationInvalid";

fn crash() -> Trouble {
    Trouble::Crashing { container: "mcp-server".into(), exit_code: 3, restarts: 2 }
}

fn verified() -> Scene {
    Scene::serving().answered()
}

/// Servers whose pods do not serve.
fn not_serving() -> Vec<Situation> {
    use Phase::{Failed, Pending, ScaledToZero};
    vec![
        situation(
            "just created",
            vec![Scene::created()],
            Pending,
            [VALID, RENDERED, STARTING, UNASKED, STARTING],
            false,
        ),
        situation(
            "never served, reason known",
            vec![Scene::created(), Scene::created().with_trouble(crash())],
            Failed,
            [VALID, RENDERED, DOWN, UNASKED, DOWN],
            false,
        ),
        situation(
            "serves no more",
            vec![verified(), Scene::created()],
            Failed,
            [VALID, RENDERED, DOWN, UNASKED, DOWN],
            false,
        ),
        situation(
            "failed before, and still no pod",
            vec![Scene::created().with_trouble(crash()), Scene::created()],
            Failed,
            [VALID, RENDERED, DOWN, UNASKED, DOWN],
            false,
        ),
        situation(
            "failed before, and its author changed the spec",
            vec![Scene::created().with_trouble(crash()), Scene::created().of_generation(2)],
            Pending,
            [VALID, RENDERED, STARTING, UNASKED, STARTING],
            false,
        ),
        situation(
            "failed before, and the pod that failed is still there beside its replacement",
            vec![Scene::created().with_trouble(crash()), Scene::created().of_generation(2).replacing(crash())],
            Pending,
            [VALID, RENDERED, STARTING, UNASKED, STARTING],
            false,
        ),
        situation(
            "woken from zero, which the workload's controller has not seen",
            vec![Scene::created().with_pods(0, 0), Scene::created().of_generation(2).lagging()],
            Pending,
            [VALID, RENDERED, STARTING, UNASKED, STARTING],
            false,
        ),
        situation(
            "woken from zero, while pods from before that are gone are still counted",
            vec![Scene::created().with_pods(0, 0), Scene::created().with_pods(1, 3).of_generation(2).lagging()],
            Pending,
            [VALID, RENDERED, STARTING, UNASKED, STARTING],
            false,
        ),
        situation(
            "rendered by last good, no pod serves and the reason is known",
            vec![Scene::created().with_trouble(crash()).by_last_good()],
            Failed,
            [VALID, BY_LAST_GOOD, DOWN, UNASKED, DOWN],
            false,
        ),
        situation(
            "scaled to zero",
            vec![verified(), Scene::created().with_pods(0, 0)],
            ScaledToZero,
            [VALID, RENDERED, "True ScaledToZero", UNASKED, "True ScaledToZero"],
            false,
        ),
        situation(
            "scaled to zero, verification disabled",
            vec![Scene::created().with_pods(0, 0).unverified()],
            ScaledToZero,
            [VALID, RENDERED, "True ScaledToZero", UNASKED, "True ScaledToZero"],
            false,
        ),
        situation(
            "woken from zero",
            vec![Scene::created().with_pods(0, 0), Scene::created().of_generation(2)],
            Pending,
            [VALID, RENDERED, STARTING, UNASKED, STARTING],
            false,
        ),
    ]
}

/// Servers that cannot be brought in line.
fn not_in_line() -> Vec<Situation> {
    use Phase::{Degraded, Failed, Invalid, Pending};
    let unavailable = |kind: Kind, name, reason: &'static str| {
        let conditions = [VALID, RENDERED, reason, UNASKED, reason];
        situation(name, vec![verified(), Scene::serving().failed(not_ours(kind))], Failed, conditions, false)
    };
    let unrendered = |error: Error, name, reason: &'static str| {
        let conditions = [VALID, reason, STARTING, UNASKED, reason];
        situation(name, vec![Scene::created().without_workload().failed(error)], Failed, conditions, false)
    };
    vec![
        situation(
            "invalid, never ran",
            vec![Scene::created().without_workload().failed(invalid())],
            Invalid,
            [INVALID, "absent", MISCONFIGURED, UNASKED, MISCONFIGURED],
            false,
        ),
        situation(
            "became invalid while pods serve",
            vec![verified(), Scene::serving().failed(invalid())],
            Invalid,
            [INVALID, RENDERED, MISCONFIGURED, VERIFIED, MISCONFIGURED],
            false,
        ),
        situation(
            "valid again",
            vec![verified(), Scene::serving().failed(invalid()), Scene::serving()],
            Phase::Running,
            [VALID, RENDERED, AVAILABLE, VERIFIED, READY],
            true,
        ),
        situation(
            "valid again, which the workload's controller has not seen",
            vec![
                verified(),
                Scene::serving().failed(invalid()),
                Scene::serving().of_generation(2).with_a_pod().lagging(),
            ],
            Phase::Running,
            [VALID, RENDERED, AVAILABLE, VERIFIED, READY],
            true,
        ),
        situation(
            "render fails while pods serve",
            vec![verified(), Scene::serving().failed(trapped())],
            Degraded,
            [VALID, "False RenderFailed", AVAILABLE, VERIFIED, READY],
            true,
        ),
        situation(
            "render fails and the pods stop serving",
            vec![verified(), Scene::created().failed(trapped())],
            Failed,
            [VALID, "False RenderFailed", DOWN, UNASKED, "False RenderFailed"],
            false,
        ),
        situation(
            "a plugin cannot be had while pods serve",
            vec![verified(), Scene::serving().failed(plugin_unavailable())],
            Degraded,
            [VALID, "False PluginUnavailable", AVAILABLE, VERIFIED, READY],
            true,
        ),
        unrendered(plugin_unavailable(), "a plugin cannot be had, never ran", "False PluginUnavailable"),
        unrendered(trapped(), "plugin crashed, never ran", "False RenderFailed"),
        unrendered(rejected(), "vetting refused, never ran", "False RenderRejected"),
        unrendered(refused(Failure::Invalid(Vec::new())), "refused by policy", "False RefusedByPolicy"),
        unrendered(refused(Failure::Unsupported("x".into())), "unsupported by the plugin", "False Unsupported"),
        unavailable(Kind::Deployment, "the Deployment is not ours", DOWN),
        unavailable(Kind::Service, "the Service is not ours", "False ServiceUnavailable"),
        unavailable(Kind::NetworkPolicy, "the NetworkPolicy is not ours", "False NetworkPolicyUnavailable"),
        situation(
            "the foreign Deployment is gone",
            vec![Scene::created().without_workload().failed(not_ours(Kind::Deployment)), Scene::created()],
            Pending,
            [VALID, RENDERED, STARTING, UNASKED, STARTING],
            false,
        ),
    ]
}

fn all() -> impl Iterator<Item = Situation> {
    serving().into_iter().chain(partly_serving()).chain(not_serving()).chain(not_in_line())
}

#[test]
fn every_situation_has_the_phase_conditions_and_address_of_the_table() {
    for Situation { name, scenes, phase, conditions, published } in all() {
        let status = after(&scenes);
        let told = ["Accepted", "Rendered", "Available", "Verified", "Ready"].map(|name| {
            condition(&status, name).map_or("absent".to_owned(), |it| format!("{} {}", it.status, it.reason))
        });
        assert_eq!(told, conditions, "{name}: {:?}", status.conditions);
        assert_eq!(status.phase, Some(phase), "{name}");
        let expected = published.then(|| Address { url: Some(URL.to_owned()) });
        assert_eq!(status.address, expected, "{name}");
    }
}

/// Whatever happens, a status says which generation it is about, and every condition does.
#[test]
fn every_condition_names_the_generation_it_is_about() {
    for Situation { name, scenes, .. } in all() {
        let generation = Some(scenes.last().unwrap().generation);
        let status = after(&scenes);
        assert_eq!(status.observed_generation, generation, "{name}");
        assert!(status.conditions.iter().all(|it| it.observed_generation == generation), "{name}");
        assert!(status.conditions.iter().all(|it| !it.message.is_empty()), "{name}");
    }
}

/// No write without a reason: what is seen again is told again in the same words.
#[test]
fn the_same_scene_seen_again_changes_nothing() {
    for Situation { name, mut scenes, .. } in all() {
        let once = after(&scenes);
        let last = scenes.pop().unwrap();
        assert_eq!(last.after(Some(once.clone()), 1_000_000), once, "{name}");
    }
}
