//! Words, times and the other fields.

use super::*;

#[test]
fn a_time_moves_only_when_the_status_of_its_condition_does() {
    let status =
        after(&[Scene::created(), Scene::serving(), Scene::serving().answered(), Scene::serving().unanswered()]);
    let times = ["Accepted", "Available", "Verified", "Ready"]
        .map(|name| condition(&status, name).unwrap().last_transition_time.0.as_second());
    assert_eq!(times, [0, 60, 180, 180]);
}

#[test]
fn every_condition_names_the_generation_that_it_is_about() {
    let failures = [invalid(), trapped(), plugin_unavailable(), rejected(), not_ours(Kind::Service)];
    let failed = failures.into_iter().map(|error| Scene::serving().failed(error));
    for scene in [Scene::created(), Scene::serving().answered()].into_iter().chain(failed) {
        let status = after(&[Scene::serving().answered(), scene.of_generation(7)]);
        assert_eq!(status.observed_generation, Some(7));
        for condition in status.conditions {
            assert_eq!(condition.observed_generation, Some(7), "{}", condition.type_);
        }
    }
}

#[test]
fn trouble_of_pods_is_explained() {
    let table = [
        (
            Trouble::ImagePull { image: "x/y:1".into(), reason: "ErrImagePull".into() },
            "cannot pull image x/y:1 (ErrImagePull)",
        ),
        (Trouble::Crashing { container: "mcp-server".into(), exit_code: 3, restarts: 2 }, "exits with code 3"),
        (Trouble::OutOfMemory { container: "mcp-server".into(), restarts: 2 }, "memory"),
        (Trouble::Config("no key".into()), "container cannot be started: no key"),
        (Trouble::Failed("Evicted: the node is full".into()), "the pod failed: Evicted: the node is full"),
        (Trouble::Unschedulable("0/3 nodes are available".into()), "0/3 nodes are available"),
    ];
    for (trouble, words) in table {
        let status = after(&[Scene::created().with_trouble(trouble)]);
        for name in ["Available", "Ready"] {
            let message = message(&status, name);
            assert!(message.contains(words) && message.contains("(pod weather-1)"), "{message}");
        }
    }
}

/// A pod that is not ready yet is no failure at first, and the explanation once it served.
#[test]
fn a_failing_probe_is_told_when_the_server_served_before() {
    let unready = || Scene::created().with_trouble(Trouble::Unready { container: "mcp-server".into() });
    assert_eq!(after(&[unready()]).phase, Some(Phase::Pending));
    let status = after(&[Scene::serving().answered(), unready()]);
    assert_eq!(status.phase, Some(Phase::Failed));
    assert!(message(&status, "Available").contains("mcp-server"), "{}", message(&status, "Available"));
}

#[test]
fn what_the_workloads_controller_says_is_told_when_no_pod_says_more() {
    let mut scene = Scene::created();
    scene.workload.as_mut().unwrap().failure = Some("exceeded quota".into());
    assert_eq!(message(&after(&[scene]), "Available"), "exceeded quota");
}

#[test]
fn a_lagging_workload_says_so_while_it_serves() {
    let status = after(&[Scene::serving().answered(), Scene::serving().lagging()]);
    assert!(message(&status, "Available").contains("has not taken up the latest change"));
}

#[test]
fn nothing_new_is_said_of_a_new_workload_until_it_serves() {
    let created = after(&[Scene::created().lagging()]);
    assert_eq!(message(&created, "Available"), "no pod serves yet");
    assert_eq!(after(&[Scene::created().lagging(), Scene::created()]), created);
}

#[test]
fn what_is_missing_and_where_it_is_used_is_in_accepted() {
    let status = after(&[Scene::created().without_workload().failed(invalid())]);
    let expected = "spec.config.env[0].name: ConfigMap team-a/settings does not exist";
    assert_eq!(message(&status, "Accepted"), expected);
}

#[test]
fn a_render_failure_names_plugin_and_problem() {
    let status = after(&[Scene::created().without_workload().failed(trapped())]);
    for name in ["Rendered", "Ready"] {
        assert!(message(&status, name).starts_with("plugin default: the plugin crashed: unreachable"));
    }
    let status = after(&[Scene::created().without_workload().failed(rejected())]);
    assert_eq!(message(&status, "Rendered"), "plugin default, spec.template.spec.hostNetwork: must not be true");
}

#[test]
fn a_child_that_is_not_ours_does_not_claim_that_no_pod_serves() {
    let status = after(&[Scene::serving().answered(), Scene::serving().failed(not_ours(Kind::Service))]);
    assert_eq!(message(&status, "Available"), "Service weather belongs to somebody else");
    assert!(message(&status, "Verified").contains("see Available"), "{}", message(&status, "Verified"));
}

#[test]
fn warnings_of_plugins_are_in_rendered() {
    let warnings = ["plugin default: OwnerMissing: add an owner", "plugin spread: OnePod: add a replica"];
    let outcome = Ok(Applied::recorded(record(), &warnings));
    let status = after(&[Scene { outcome, ..Scene::serving() }]);
    assert_eq!(message(&status, "Rendered"), warnings.join("\n"));
}

/// They would be told anew when the API server takes the object.
#[test]
fn warnings_of_plugins_stand_while_an_object_is_refused() {
    let warnings = vec!["plugin default: OwnerMissing: add an owner".to_owned()];
    let error = not_ours(Kind::Service).with_record(Vec::new(), warnings.clone());
    let status = after(&[Scene::serving().failed(error)]);
    assert_eq!(message(&status, "Rendered"), warnings[0]);
}

#[test]
fn pausing_is_told_in_ready() {
    const PAUSED: &str = "writes are paused by an annotation; ";
    for outcome in [None, Some(invalid()), Some(trapped()), Some(plugin_unavailable())] {
        let scene = match outcome {
            Some(error) => Scene::created().without_workload().failed(error),
            None => Scene::serving(),
        };
        let told = message(&after(&[scene.paused()]), "Ready");
        assert!(told.strip_prefix(PAUSED).is_some_and(|rest| !rest.is_empty()), "{told}");
    }
    assert!(!message(&after(&[Scene::serving()]), "Ready").contains("paused"));
}

#[test]
fn server_info_stays_as_long_as_the_server_is_verified() {
    let info = |scenes: &[Scene]| after(scenes).server_info.map(|info| (info.name, info.protocol_version));
    let weather = Some((Some("Weather".to_owned()), Some("2025-11-25".to_owned())));
    assert_eq!(info(&[Scene::serving().answered()]), weather);
    assert_eq!(info(&[Scene::serving().answered(), Scene::serving()]), weather);
    assert_eq!(info(&[Scene::serving().answered(), Scene::serving().unanswered()]), None);
    assert_eq!(info(&[Scene::serving().answered(), Scene::serving().asked_for_credentials()]), None);
    assert_eq!(info(&[Scene::serving().answered(), Scene::created()]), None);
}

#[test]
fn children_replicas_and_selector_are_told() {
    let status = after(&[Scene::created().with_pods(3, 2)]);
    assert_eq!(status.deployment_name.as_deref(), Some("weather"));
    assert_eq!(status.service_name.as_deref(), Some("weather"));
    assert_eq!((status.replicas, status.ready_replicas), (Some(3), Some(2)));
    assert_eq!(status.selector.as_deref(), Some("mcp-server=weather"));
}

#[test]
fn a_failure_keeps_the_record_of_what_was_applied() {
    for error in [invalid(), trapped(), rejected(), not_ours(Kind::Service)] {
        let status = after(&[Scene::serving(), Scene::serving().failed(error)]);
        assert_eq!(status.render, Some(record()));
    }
}

/// The first object was applied, the second was not ours: the first must be known, to be removed one day.
#[test]
fn a_half_done_attempt_is_recorded() {
    let objects = record().objects[..1].to_vec();
    let Error::Child { kind, message, refused, .. } = not_ours(Kind::Deployment) else { unreachable!() };
    let error = Error::Child { kind, message, refused, objects: objects.clone(), warnings: Vec::new() };
    let status = after(&[Scene::created().without_workload().failed(error)]);
    assert_eq!(status.render.unwrap().objects, objects);
    assert_eq!((status.service_name.as_deref(), status.deployment_name), (Some("weather"), None));
}

#[test]
fn a_message_of_any_length_fits_a_condition() {
    let violation = Violation::new("spec", "ä".repeat(40_000));
    let status = after(&[Scene::created().without_workload().failed(Error::Invalid(vec![violation]))]);
    assert!(message(&status, "Accepted").len() < 4096);
}
