//! `bench`: what a plugin costs, and a budget for it.

use serde_json::Value;

use crate::command::{Ended, run, run_with_input, server};
use crate::plugins::Plugins;

fn bench(flags: &[&str]) -> Ended {
    let arguments = ["bench", "--iterations", "2", "-f", "-"];
    run_with_input(arguments.iter().chain(flags), &server("a", ""))
}

fn measured(flags: &[&str]) -> Value {
    serde_json::from_str(&bench(&[flags, &["-o", "json"]].concat()).printed()).unwrap()
}

#[test]
fn fuel_memory_and_output_are_the_same_in_every_run() {
    let exact = |report: Value| {
        let stages = report["servers"][0]["stages"].as_array().unwrap().clone();
        let numbers = ["fuel", "memoryBytes", "outputBytes"];
        stages.iter().map(|stage| numbers.map(|name| stage[name].as_u64().unwrap())).collect::<Vec<_>>()
    };
    let first = exact(measured(&[]));
    assert_eq!(first, exact(measured(&[])));
    assert!(first[0].iter().all(|number| *number > 1000), "{first:?}");
}

#[test]
fn every_stage_of_a_chain_is_measured() {
    let plugins = Plugins::new();
    let pass_on = plugins.file("p", &hostile_plugins::component("passthrough"));
    let report = measured(&["default", pass_on.to_str().unwrap()]);
    let [default, passthrough] = report["servers"][0]["stages"].as_array().unwrap().as_slice() else {
        panic!("{report:#}")
    };
    assert_eq!((&default["plugin"], &passthrough["plugin"]), (&"default".into(), &"hostile".into()));
    assert!(passthrough["fuel"].as_u64() < default["fuel"].as_u64(), "{report:#}");
    assert!(report["servers"][0]["vettingMicroseconds"]["p50"].as_f64() > Some(0.0), "{report:#}");
    assert!(report["plugins"][0]["loadMilliseconds"].as_f64() > Some(0.0), "{report:#}");
}

#[test]
fn people_get_tables_and_the_limits() {
    let printed = bench(&[]).printed();
    let lines: Vec<_> = printed.lines().collect();
    assert!(lines[0].starts_with("PLUGIN   SIZE"), "{printed}");
    assert!(lines[4].starts_with("default/a  default  "), "{printed}");
    let limits = "Renders of each server: 2. Limits of each plugin: time 250 ms, memory 64 MiB, output 1 MiB.";
    assert_eq!(lines.last(), Some(&limits));
}

#[test]
fn more_fuel_than_the_budget_ends_with_1() {
    let fuel = measured(&[])["servers"][0]["stages"][0]["fuel"].as_u64().unwrap();
    bench(&["--max-fuel", &fuel.to_string()]).printed();
    let ended = bench(&["--max-fuel", &(fuel - 1).to_string()]);
    assert!(ended.stdout.starts_with("PLUGIN"), "the figures are printed all the same");
    let problem =
        format!("error: MCPServer default/a: plugin default takes {fuel} of fuel; --max-fuel allows {}", fuel - 1);
    assert_eq!(ended.complaints(1), [problem]);
}

#[test]
fn the_examples_are_measured_when_no_server_is_given() {
    let ended = run(["bench", "--iterations", "1", "-o", "json"]);
    let report: Value = serde_json::from_str(&ended.printed()).unwrap();
    assert_eq!(report["servers"].as_array().unwrap().len(), 11);
}

#[test]
fn a_plugin_that_fails_ends_with_1_and_one_that_refuses_everything_too() {
    let plugins = Plugins::new();
    let file = |name: &str| plugins.file(name, &hostile_plugins::component(name)).to_str().unwrap().to_owned();
    let lines = bench(&[&file("trap")]).complaints(1);
    assert!(lines[0].contains("MCPServer default/a: plugin hostile: the plugin crashed"), "{lines:?}");
    let ended = bench(&[&file("invalid")]);
    assert!(ended.stdout.contains("Refused in words, and not measured: default/a."), "{}", ended.stdout);
    assert_eq!(ended.complaints(1), ["error: every server is refused; give some with -f that the policy accepts"]);
    assert!(bench(&["no-such.wasm"]).complaints(2)[0].starts_with("error: no-such.wasm: No such file"));
    assert_eq!(bench(&["--iterations", "0"]).code, Some(2));
}
