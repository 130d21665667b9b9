//! Renders a bundle by the operator's own code. Touches nothing but WebAssembly.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::{Bundle, Outcome};
use crate::api::{self, MCPServer, Violation};
use crate::canonical;
use crate::reconcile::gather::{self, Inputs, Resolved, Surroundings};
use crate::reconcile::vet::{self, Vetted};
use crate::reconcile::{Error, render as step};
use crate::sandbox::{Limits, Sandbox, Seed};

/// A rendering with its outcome.
pub struct Rendering {
    /// What came of it.
    pub outcome: Outcome,
    /// The objects, if there are any.
    pub vetted: Option<Vetted>,
}

/// Renders and vets.
pub fn render(inputs: &Inputs) -> Rendering {
    let rendered = step::chain_again(inputs, Seed::default());
    match rendered.and_then(|rendered| vet::vet(inputs, rendered).map_err(Error::from)) {
        Ok(vetted) => Rendering { outcome: Outcome::rendered(&vetted), vetted: Some(vetted) },
        Err(error) => Rendering { outcome: Outcome::failed(&error), vetted: None },
    }
}

impl Bundle {
    /// The plugins, compiled.
    pub fn load(&self, sandbox: &Sandbox) -> anyhow::Result<Vec<gather::Stage>> {
        let load = |stage: &super::Stage| {
            let component = self.components.get(&stage.digest).context("its component is missing")?;
            let plugin = sandbox.load(&component.0, Limits::from(&stage.limits))?;
            let (parameters, grants) = (stage.parameters.clone(), stage.grants.clone());
            anyhow::Ok(gather::Stage { parameters, grants, ..gather::Stage::new(stage.name.clone(), plugin) })
        };
        self.chain.iter().map(|stage| load(stage).with_context(|| format!("plugin {}", stage.name))).collect()
    }

    /// What rendering depends on, exactly as the bundle has it.
    pub fn inputs(&self, chain: Vec<gather::Stage>) -> anyhow::Result<Inputs> {
        let fact = |name: &str| self.facts.get(name).cloned();
        let surroundings = Surroundings {
            cluster_domain: fact("cluster.domain").context("facts: cluster.domain is missing")?,
            kubernetes_version: fact("k8s.version"),
            verify_from: None, // it is in the server already
            chain,
        };
        let resolved = Resolved { inputs: Vec::new(), config_hash: fact("config.hash") };
        let inputs = Inputs::new(&self.server()?, resolved, &surroundings);
        let same = inputs.server() == canonical::text(&self.server);
        ensure!(
            same,
            "server: this version would show it to plugins in another form; use the one of {}",
            self.written_by
        );
        Ok(inputs)
    }

    /// The server, held to the rules as any other.
    fn server(&self) -> anyhow::Result<MCPServer> {
        let mut manifest = self.server.clone();
        if let (Some(uid), Some(Value::Object(metadata))) = (&self.uid, manifest.get_mut("metadata")) {
            metadata.insert("uid".to_owned(), json!(uid));
        }
        let admitted = api::schema::admit(&manifest).map_err(|violations| unsound(&violations))?;
        let server = serde_json::from_value(admitted).context("server")?;
        let violations = api::validate::validate(&server);
        if violations.is_empty() { Ok(server) } else { Err(unsound(&violations)) }
    }
}

fn unsound(violations: &[Violation]) -> anyhow::Error {
    let told: Vec<_> = violations.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("server: {}", told.join("; "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::bundle::tests::bundle;
    use crate::default_plugin;

    fn rendered(bundle: &Bundle) -> Outcome {
        render(&bundle.inputs(bundle.load(&Sandbox::new(1).unwrap()).unwrap()).unwrap()).outcome
    }

    fn sound() -> Bundle {
        let mut bundle = bundle(default_plugin::COMPONENT);
        bundle.chain[0].parameters = None;
        bundle
    }

    #[test]
    fn the_same_bundle_has_the_same_outcome() {
        let outcome = rendered(&sound());
        assert_eq!(outcome, rendered(&sound()));
        assert!(matches!(&outcome, Outcome::Rendered { objects, .. } if objects.len() == 3), "{outcome:?}");
    }

    #[test]
    fn uid_and_hash_decide_digests() {
        let outcome = rendered(&sound());
        let other = rendered(&Bundle { uid: Some("other".to_owned()), ..sound() });
        assert_eq!(outcome.differences(&other).len(), 3);
        let mut bundle = sound();
        bundle.facts.insert("config.hash".to_owned(), "other".to_owned());
        let differences = outcome.differences(&rendered(&bundle));
        assert!(differences.len() == 1 && differences[0].starts_with("Deployment a"), "{differences:?}");
    }

    #[test]
    fn a_server_that_breaks_a_rule_or_is_not_canonical_is_not_rendered() {
        let chain = sound().load(&Sandbox::new(1).unwrap()).unwrap();
        let refused = |change: fn(&mut Value)| {
            let mut bundle = sound();
            change(&mut bundle.server);
            format!("{:#}", bundle.inputs(chain.clone()).err().unwrap())
        };
        assert!(refused(|server| server["spec"]["config"]["port"] = json!(0)).contains("server: spec.config.port"));
        assert!(refused(|server| server["spec"]["config"]["prot"] = json!(0)).contains("unknown field"));
        let defaulted = |server: &mut Value| drop(server["spec"]["config"].as_object_mut().unwrap().remove("path"));
        assert!(refused(defaulted).contains("in another form; use the one of mcp-operator 0.1.0"));
    }
}
