//! A plugin has to render examples before it renders a server: twice, under different clocks and random numbers, with the
//! same answer, and nothing in it that vetting refuses. Touches nothing but the sandbox.

use serde::Deserialize;
use serde_json::Value;

use super::prepare::{Phase, Setback};
use crate::api::MCPServer;
use crate::canonical;
use crate::examples::FILES;
use crate::reconcile::Error;
use crate::reconcile::gather::{Inputs, Resolved, Stage, Surroundings};
use crate::reconcile::render::{self, Rendered};
use crate::reconcile::vet;
use crate::sandbox::{Failure, Seed};

/// Two clocks and two random generators that have nothing in common.
const SEEDS: [Seed; 2] = [Seed { clock: 1_735_689_600, random: 0 }, Seed { clock: 1_893_456_001, random: 0x5eed }];

/// Lets `stage` render the examples after the stages of `surroundings`.
pub(super) fn run(surroundings: &Surroundings, stage: &Stage) -> Result<(), Setback> {
    let mut surroundings = surroundings.clone();
    surroundings.chain.push(stage.clone());
    for server in FILES.iter().flat_map(|(_, text)| servers(text)) {
        let inputs = Inputs::new(&server, Resolved::default(), &surroundings);
        let [one, other] = SEEDS.map(|seed| answer(&inputs, seed));
        let (one, other) = (one?, other?);
        if text(one.as_ref()) != text(other.as_ref()) {
            let problem = "answered the same request differently under another clock and other random numbers; its \
                           answer must depend on the request alone";
            return Err(setback(&inputs, "NotDeterministic", problem));
        }
        let Ok(rendered) = one else { continue }; // a policy may refuse a server, and an example with it
        vet::vet(&inputs, rendered).map_err(|rejection| setback(&inputs, "RenderRejected", &rejection.to_string()))?;
    }
    Ok(())
}

/// The MCPServers of an example.
fn servers(text: &str) -> Vec<MCPServer> {
    let documents = yaml_serde::Deserializer::from_str(text).map(Value::deserialize);
    let servers = documents.filter_map(Result::ok).filter(|document| document["kind"] == "MCPServer");
    servers.map(|document| serde_json::from_value(document).expect("the examples are valid; a test shows it")).collect()
}

/// What the chain answers, or the refusal of a policy; once more when a busy machine took the plugin's time away.
fn answer(inputs: &Inputs, seed: Seed) -> Result<Result<Rendered, String>, Setback> {
    match render::chain_again(inputs, seed) {
        Ok(rendered) => Ok(Ok(rendered)),
        Err(Error::Render { failure, .. }) if matches!(*failure, Failure::Invalid(_)) => Ok(Err(failure.to_string())),
        Err(Error::Render { failure, .. }) => {
            let passes = matches!(*failure, Failure::Timeout { .. } | Failure::Host(_));
            Err(Setback { passes, ..setback(inputs, failure.class(), &failure.to_string()) })
        }
        Err(error) => Err(setback(inputs, error.reason(), &error.to_string())),
    }
}

/// Everything of an answer that counts.
fn text(answer: Result<&Rendered, &String>) -> String {
    let rendered = match answer {
        Ok(rendered) => rendered,
        Err(refusal) => return refusal.clone(),
    };
    let stages = rendered.stages().iter().map(|stage| {
        let objects = stage.objects.iter().map(|o| format!("{}={}\n", o.slot, canonical::text_of(&o.object)));
        format!("{}{:?}", objects.collect::<String>(), stage.diagnostics)
    });
    stages.collect()
}

fn setback(inputs: &Inputs, reason: &'static str, problem: &str) -> Setback {
    let message = format!("for the example {}: {problem}", inputs.identity().name);
    Setback { phase: Phase::SelfTested, reason, message, passes: false }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use hostile_plugins::component;

    use super::*;
    use crate::default_plugin;
    use crate::sandbox::{Limits, Sandbox};

    fn tested(name: &str) -> Result<(), Setback> {
        let sandbox = Sandbox::new(1).unwrap();
        let stage = |name: &str, bytes: &[u8]| {
            let plugin = sandbox.load(bytes, Limits::default()).unwrap();
            Stage::new(name, plugin)
        };
        let chain = vec![stage("default", default_plugin::COMPONENT)];
        let surroundings =
            Surroundings { cluster_domain: "cluster.local".into(), kubernetes_version: None, verify_from: None, chain };
        run(&surroundings, &stage(name, &component(name)))
    }

    #[test]
    fn every_example_is_a_server() {
        assert!(FILES.iter().all(|(_, text)| !servers(text).is_empty()));
    }

    #[test]
    fn a_plugin_that_hands_on_what_it_got_passes() {
        tested("passthrough").unwrap();
    }

    #[test]
    fn a_policy_may_refuse_examples() {
        tested("invalid").unwrap();
    }

    #[test]
    fn a_plugin_that_fails_or_returns_nonsense_is_stopped_here() {
        for (name, reason) in [("trap", "Trap"), ("good", "RenderRejected"), ("unsupported", "Unsupported")] {
            let setback = tested(name).unwrap_err();
            assert_eq!((setback.phase, setback.reason), (Phase::SelfTested, reason));
            assert!(setback.message.starts_with("for the example "), "{}", setback.message);
        }
    }
}
