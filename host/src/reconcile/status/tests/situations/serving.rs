//! The rows of servers whose pods serve.

use super::*;

/// Servers whose pods serve.
pub(super) fn serving() -> Vec<Situation> {
    use Phase::{Degraded, Pending, Running};
    vec![
        situation(
            "pods serve, first handshake not answered",
            vec![Scene::created(), Scene::serving()],
            Pending,
            [VALID, RENDERED, AVAILABLE, UNASKED, STARTING],
            false,
        ),
        situation("verified", vec![verified()], Running, [VALID, RENDERED, AVAILABLE, VERIFIED, READY], true),
        situation(
            "wants credentials",
            vec![Scene::serving().asked_for_credentials()],
            Running,
            [VALID, RENDERED, AVAILABLE, "True AuthSkipped", READY],
            true,
        ),
        situation(
            "verification disabled",
            vec![Scene::serving().unverified()],
            Running,
            [VALID, RENDERED, AVAILABLE, "Unknown VerificationDisabled", READY],
            true,
        ),
        situation(
            "re-verification under way",
            vec![verified(), Scene::serving()],
            Running,
            [VALID, RENDERED, AVAILABLE, VERIFIED, READY],
            true,
        ),
        situation(
            "answers no MCP",
            vec![verified(), Scene::serving().unanswered()],
            Degraded,
            [VALID, RENDERED, AVAILABLE, "False EndpointUnavailable", "False MCPEndpointUnavailable"],
            false,
        ),
        situation(
            "answered no MCP, asked again after a restart of the operator",
            vec![Scene::serving().unanswered(), Scene::serving()],
            Degraded,
            [VALID, RENDERED, AVAILABLE, "False EndpointUnavailable", "False MCPEndpointUnavailable"],
            false,
        ),
        situation(
            "rendered by last good",
            vec![verified().by_last_good()],
            Degraded,
            [VALID, BY_LAST_GOOD, AVAILABLE, VERIFIED, READY],
            true,
        ),
        situation(
            "paused while it serves",
            vec![verified(), Scene::serving().paused()],
            Running,
            [VALID, RENDERED, AVAILABLE, VERIFIED, READY],
            true,
        ),
    ]
}

/// Servers of whose pods some serve, and others are being replaced or fail.
pub(super) fn partly_serving() -> Vec<Situation> {
    use Phase::{Degraded, Running};
    vec![
        situation(
            "rolling out while enough pods serve",
            vec![
                verified(),
                Scene::serving().of_generation(2).lagging(),
                Scene::created().of_generation(2).with_pods(3, 2),
            ],
            Running,
            [VALID, RENDERED, AVAILABLE, VERIFIED, READY],
            true,
        ),
        situation(
            "the workload's controller has not seen the change",
            vec![verified(), Scene::serving().of_generation(2).lagging()],
            Running,
            [VALID, RENDERED, AVAILABLE, VERIFIED, READY],
            true,
        ),
        situation(
            "some pods serve, some fail",
            vec![verified(), Scene::created().with_pods(3, 1).with_trouble(crash())],
            Degraded,
            [VALID, RENDERED, AVAILABLE, VERIFIED, READY],
            true,
        ),
        situation(
            "a failing pod was made in the same second as one that it is to replace",
            vec![verified(), Scene::created().with_pods(3, 2).overtaken(crash())],
            Degraded,
            [VALID, RENDERED, AVAILABLE, VERIFIED, READY],
            true,
        ),
        situation(
            "some pods failed, and their replacements are about to be made",
            vec![
                verified(),
                Scene::created().with_pods(3, 2).with_trouble(crash()),
                Scene::created().of_generation(2).with_pods(3, 2).before_replacing(crash()),
            ],
            Running,
            [VALID, RENDERED, AVAILABLE, VERIFIED, READY],
            true,
        ),
    ]
}
