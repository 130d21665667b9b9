//! Random servers without a cluster: many more than a cluster has time for. The cluster tests make the same ones.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../tests/specs/random.rs"]
mod servers;

use std::collections::BTreeSet;
use std::env;

use self::servers::places::places;
use self::servers::{Broken, Generator, IMPOSSIBLE};
use super::coverage::fields;
use super::finding::{Findings, Severity};
use super::manifests::{Contents, ServerManifest};
use super::{load_plugins, server};
use crate::api::crd::open_api_schema;
use crate::api::validate::validate;
use crate::api::{MCPServer, Violation, schema};
use crate::reconcile::gather::Surroundings;
use crate::sandbox::Sandbox;

/// A number too large for most fields, and another generator each time, unless `SEED` repeats one.
fn generator() -> (Generator, u64) {
    let seed = env::var("SEED").map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    (Generator::new(&open_api_schema(), seed), seed)
}

fn count(usual: usize) -> usize {
    env::var("SPECS").map_or(usual, |text| text.parse().unwrap())
}

/// What is wrong with a manifest by the definition or by the operator.
fn violations(broken: &Broken) -> Vec<Violation> {
    match schema::admit(&broken.manifest) {
        Err(violations) => violations,
        Ok(admitted) => {
            let server: MCPServer = serde_json::from_value(admitted)
                .unwrap_or_else(|error| panic!("the definition admits what the types do not: {}: {error}", broken.how));
            validate(&server)
        }
    }
}

#[test]
fn random_servers_break_no_rule_and_can_be_rendered() {
    let (mut generator, seed) = generator();
    let chain = load_plugins(&Sandbox::new(1).unwrap(), &[]).unwrap();
    let surroundings =
        Surroundings { cluster_domain: "cluster.local".to_owned(), kubernetes_version: None, verify_from: None, chain };
    for _ in 0..count(300) {
        let manifest = generator.server("random");
        let mut findings = Findings::default();
        let rendered =
            server::render(&ServerManifest::of(manifest.clone()), &Contents::new(), &surroundings, &mut findings);
        let worst: Vec<_> = findings
            .iter()
            .filter(|one| one.severity >= Severity::Error)
            .map(|one| one.statement.to_string())
            .collect();
        assert!(worst.is_empty(), "SEED={seed}: {worst:?}\n{manifest:#}");
        assert_eq!(rendered.unwrap().vetted.objects().len(), 3, "SEED={seed}\n{manifest:#}");
    }
}

#[test]
fn random_servers_reach_every_field() {
    let (mut generator, seed) = generator();
    let mut missing: BTreeSet<String> = fields::of(&open_api_schema()).iter().map(ToString::to_string).collect();
    missing.retain(|field| !IMPOSSIBLE.iter().any(|(impossible, _)| field.starts_with(impossible)));
    let schema = open_api_schema()["properties"]["spec"].take();
    for _ in 0..2000 {
        let manifest = generator.server("random");
        for place in places(&schema, &manifest["spec"]) {
            missing.remove(&place.field);
        }
    }
    assert!(missing.is_empty(), "SEED={seed}: {missing:#?}");
}

#[test]
fn random_broken_servers_are_refused_with_the_field() {
    let (mut generator, seed) = generator();
    let mut problems = BTreeSet::new();
    for _ in 0..count(2000) {
        let broken = generator.broken("broken");
        let violations = violations(&broken);
        let told = violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        if violations.is_empty() {
            problems.insert(format!("accepted: {}", broken.how));
        } else if !broken.is_named_in(&told) {
            problems.insert(format!("refused without its field: {}: {told}", broken.how));
        }
    }
    let problems: Vec<_> = problems.into_iter().collect();
    assert!(problems.is_empty(), "SEED={seed}: {}\n{}", problems.len(), problems.join("\n"));
}
