//! What the default plugin costs, in figures that do not depend on the machine: fuel for each example, and its size.
//!
//! Another version of rustc makes another component of the same source, so a little more is no failure. Whoever makes the
//! plugin dearer than that says so by blessing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mcp_operator::offline::{Findings, bench};
use mcp_operator::reconcile::gather::Surroundings;
use mcp_operator::sandbox::Sandbox;
use serde_json::Value;

const BLESS: &str = "BLESS=1 cargo test -p mcp-operator --test mcp_render cost";

/// How much more than the recorded figure there may be, in percent.
const TOLERANCE: u64 = 10;

/// What nobody can bless away, in bytes.
const LARGEST: u64 = 720 << 10;

/// The figures by name: `size`, and the fuel of each server of the examples.
fn measured() -> BTreeMap<String, u64> {
    let [timing, counting] = [Sandbox::new(1), Sandbox::counting(None)].map(Result::unwrap);
    let (chain, plugins) = bench::load(&timing, &counting, &[]).unwrap();
    let cluster_domain = "cluster.local".to_owned();
    let surroundings = Surroundings { cluster_domain, kubernetes_version: None, verify_from: None, chain };
    let report = bench::run(plugins, &surroundings, None, 1, &mut Findings::default(), &mut |_, _| ());
    let report = serde_json::to_value(report).unwrap();
    let servers = report["servers"].as_array().unwrap().iter();
    let fuel = |server: &Value| (text(&server["server"]), server["stages"][0]["fuel"].as_u64().unwrap());
    let size = ("size".to_owned(), report["plugins"][0]["sizeBytes"].as_u64().unwrap());
    servers.map(fuel).chain([size]).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A line for each figure that is more than it may be, or that only one side has.
fn complaints(measured: &BTreeMap<String, u64>, recorded: &BTreeMap<String, u64>) -> Vec<String> {
    let complaint = |name: &String| match (measured.get(name), recorded.get(name)) {
        (Some(now), Some(then)) if now * 100 <= then * (100 + TOLERANCE) => None,
        (Some(now), Some(then)) => {
            let more = (now - then) * 100 / then;
            Some(format!("{name}: {now} instead of {then}, {more} % more; {TOLERANCE} % are allowed"))
        }
        (Some(now), None) => Some(format!("{name}: {now}, and nothing is recorded")),
        (None, _) => Some(format!("{name} is recorded, and there is no such example")),
    };
    let names: std::collections::BTreeSet<_> = measured.keys().chain(recorded.keys()).collect();
    names.into_iter().filter_map(complaint).collect()
}

#[test]
fn the_default_plugin_costs_no_more_than_recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cost.json");
    let measured = measured();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, serde_json::to_string_pretty(&measured).unwrap() + "\n").unwrap();
    }
    let recorded = serde_json::from_str(&fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
    let complaints = complaints(&measured, &recorded);
    assert!(complaints.is_empty(), "the default plugin:\n{}\nIf it has to be so: {BLESS}", complaints.join("\n"));
    let size = measured["size"];
    assert!(size <= LARGEST, "the default plugin has {size} bytes; {LARGEST} are allowed, whatever is recorded");
}

#[test]
fn what_became_dearer_is_named_with_both_figures() {
    let figures = |figures: &[(&str, u64)]| figures.iter().map(|&(name, figure)| (name.to_owned(), figure)).collect();
    let recorded = figures(&[("cheaper", 100), ("dearer", 100), ("gone", 1), ("within", 100)]);
    let measured = figures(&[("cheaper", 50), ("dearer", 125), ("new", 7), ("within", 110)]);
    assert_eq!(
        complaints(&measured, &recorded),
        [
            "dearer: 125 instead of 100, 25 % more; 10 % are allowed",
            "gone is recorded, and there is no such example",
            "new: 7, and nothing is recorded",
        ]
    );
}
