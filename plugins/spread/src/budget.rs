//! The PodDisruptionBudget: how many pods may be missing while nodes are drained.

use mcp_render_plugin::{Failure, Fields, Kind, Objects, json};

use crate::parameters::Parameters;

/// What is returned besides the workload; it has to be granted.
pub const KIND: Kind = Kind { api_version: "policy/v1", kind: "PodDisruptionBudget" };

/// The slot of the budget.
const SLOT: &str = "disruption-budget";

/// Adds the budget for the workload's pods. Pods that are not ready may always go: a server that does not start must not
/// keep a node from being drained.
pub fn allow_drains(objects: &mut Objects, parameters: &Parameters) -> Result<(), Failure> {
    let workload = objects.workload()?;
    let budget = json!({
        "apiVersion": KIND.api_version,
        "kind": KIND.kind,
        "metadata": { "name": workload.at("metadata.name"), "labels": workload.at("metadata.labels") },
        "spec": {
            "selector": workload.at("spec.selector"),
            "maxUnavailable": parameters.max_unavailable,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    });
    objects.set(SLOT, &budget)
}

#[cfg(test)]
mod tests {
    use mcp_render_plugin::{Value, WORKLOAD};

    use super::*;
    use crate::parameters::Amount;

    fn budget(parameters: &Parameters) -> Value {
        let selector = json!({"matchLabels": {"mcp-server": "demo"}});
        let workload = json!({"metadata": {"name": "demo", "labels": {"a": "b"}}, "spec": {"selector": selector}});
        let mut objects = Objects::default();
        objects.set(WORKLOAD, &workload).unwrap();
        allow_drains(&mut objects, parameters).unwrap();
        objects.get(SLOT).unwrap()
    }

    #[test]
    fn one_pod_at_a_time_may_go_unless_told_otherwise() {
        assert_eq!(budget(&Parameters::default()).at("spec.maxUnavailable"), &json!(1));
        let half = Parameters { max_unavailable: Amount::Share("50%".to_owned()), ..Parameters::default() };
        assert_eq!(budget(&half).at("spec.maxUnavailable"), &json!("50%"));
    }

    #[test]
    fn it_is_about_the_pods_of_the_workload() {
        let budget = budget(&Parameters::default());
        assert_eq!(budget.at("metadata"), &json!({"name": "demo", "labels": {"a": "b"}}));
        assert_eq!(budget.at("spec.selector"), &json!({"matchLabels": {"mcp-server": "demo"}}));
    }
}
