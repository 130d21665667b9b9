//! What becomes of the pod template. What an earlier plugin has decided already is left as it is.

use mcp_render_plugin::{Failure, Fields, Value, json};

use crate::parameters::Parameters;

/// The container that speaks MCP.
const SERVER: &str = "mcp-server";

/// Adds a topology spread constraint for each key.
///
/// Also to a workload with one pod or none, which they do nothing for: were they added when it is scaled up, that would
/// restart the pod that is there.
pub fn spread(workload: &mut Value, parameters: &Parameters) -> Result<(), Failure> {
    let selector = workload.at("spec.selector").clone();
    for key in &parameters.topology_keys {
        let constraints = workload.list("spec.template.spec.topologySpreadConstraints")?;
        if constraints.iter().all(|constraint| constraint["topologyKey"] != key.as_str()) {
            constraints.push(json!({
                "topologyKey": key,
                "maxSkew": parameters.max_skew,
                "whenUnsatisfiable": parameters.when_unsatisfiable,
                "labelSelector": selector,
                // Each roll-out by itself: pods that are on their way out do not count.
                "matchLabelKeys": ["pod-template-hash"],
            }));
        }
    }
    Ok(())
}

/// Lets a pod that has to end go on serving for a while, and gives it time for both.
pub fn end_gently(workload: &mut Value, parameters: &Parameters) -> Result<(), Failure> {
    let &Parameters { drain_seconds: drain, shutdown_seconds: shutdown, .. } = parameters;
    if drain > 0 {
        let containers = workload.list("spec.template.spec.containers")?;
        for container in containers.iter_mut().filter(|container| container["name"] == SERVER) {
            let sleep = json!({ "sleep": { "seconds": drain } });
            container.object("lifecycle")?.entry("preStop").or_insert(sleep);
        }
    }
    let pod = workload.object("spec.template.spec")?;
    let given = pod.get("terminationGracePeriodSeconds").and_then(Value::as_u64).unwrap_or_default();
    pod.insert("terminationGracePeriodSeconds".to_owned(), given.max(u64::from(drain) + u64::from(shutdown)).into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mcp_render_plugin::{Objects, Plugin, Request, Server, WORKLOAD};

    use super::*;
    use crate::Spread;

    /// The pod that becomes of this one.
    fn rendered(pod: &Value, parameters: Parameters) -> Result<Value, Failure> {
        let selector = json!({"matchLabels": {"mcp-server": "demo"}});
        let mut base = Objects::default();
        base.set(WORKLOAD, &json!({"spec": {"selector": selector, "template": {"spec": pod}}}))?;
        let request = Request { server: Server::default(), base, parameters, facts: BTreeMap::new() };
        let mut rendering = Spread::render(request)?;
        Ok(rendering.objects.workload()?.at("spec.template.spec").clone())
    }

    fn two_containers() -> Value {
        json!({"containers": [{"name": "mcp-server"}, {"name": "proxy"}]})
    }

    #[test]
    fn pods_are_spread_over_zones_and_nodes() {
        let pod = rendered(&two_containers(), Parameters::default()).unwrap();
        let constraints = pod["topologySpreadConstraints"].as_array().unwrap();
        let keys: Vec<_> = constraints.iter().map(|constraint| constraint["topologyKey"].as_str().unwrap()).collect();
        assert_eq!(keys, ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]);
        assert!(constraints.iter().all(|c| c.at("labelSelector.matchLabels") == &json!({"mcp-server": "demo"})));
    }

    #[test]
    fn a_constraint_of_an_earlier_plugin_stays() {
        let mut pod = two_containers();
        pod["topologySpreadConstraints"] = json!([{"topologyKey": "kubernetes.io/hostname", "maxSkew": 3}]);
        let pod = rendered(&pod, Parameters::default()).unwrap();
        let constraints = pod["topologySpreadConstraints"].as_array().unwrap();
        assert_eq!(constraints.len(), 2);
        assert_eq!(constraints[0], json!({"topologyKey": "kubernetes.io/hostname", "maxSkew": 3}));
    }

    #[test]
    fn without_keys_there_is_no_list_of_constraints() {
        let pod =
            rendered(&two_containers(), Parameters { topology_keys: Vec::new(), ..Parameters::default() }).unwrap();
        assert_eq!(pod.at("topologySpreadConstraints"), &Value::Null);
    }

    #[test]
    fn only_the_server_goes_on_serving() {
        let parameters = Parameters { drain_seconds: 10, shutdown_seconds: 20, ..Parameters::default() };
        let pod = rendered(&two_containers(), parameters).unwrap();
        assert_eq!(pod["containers"][0].at("lifecycle.preStop"), &json!({"sleep": {"seconds": 10}}));
        assert_eq!(pod["containers"][1], json!({"name": "proxy"}));
        assert_eq!(pod["terminationGracePeriodSeconds"], 30);
    }

    #[test]
    fn a_hook_and_a_longer_period_of_an_earlier_plugin_stay() {
        let hook = json!({"preStop": {"exec": {"command": ["drain"]}}});
        let containers = json!([{"name": "mcp-server", "lifecycle": hook}]);
        let pod = json!({"containers": containers, "terminationGracePeriodSeconds": 600});
        let pod = rendered(&pod, Parameters::default()).unwrap();
        assert_eq!((&pod["containers"], &pod["terminationGracePeriodSeconds"]), (&containers, &json!(600)));
    }

    #[test]
    fn nothing_sleeps_for_no_seconds() {
        let pod = rendered(&two_containers(), Parameters { drain_seconds: 0, ..Parameters::default() }).unwrap();
        assert_eq!(
            (&pod["containers"], &pod["terminationGracePeriodSeconds"]),
            (&two_containers()["containers"], &json!(30))
        );
    }

    #[test]
    fn an_odd_pod_of_an_earlier_plugin_is_named() {
        let failure = rendered(&json!({"containers": "all"}), Parameters::default()).unwrap_err();
        assert!(
            matches!(&failure, Failure::Unsupported(message) if message.starts_with("spec.template.spec.containers "))
        );
    }
}
