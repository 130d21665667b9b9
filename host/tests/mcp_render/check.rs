//! `check`: what a plugin keeps of the contract, and which fields it drops.

use serde_json::{Value, json};

use crate::command::{Ended, run, server};
use crate::plugins::Plugins;

fn check(component: &[u8], flags: &[&str]) -> Ended {
    let plugins = Plugins::new();
    let file = plugins.file("x", component);
    run(["check", file.to_str().unwrap()].iter().chain(flags))
}

fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// Paths of the fields with this verdict.
fn fields(report: &Value, verdict: &str) -> Vec<String> {
    let fields = report["fields"].as_array().unwrap().iter().filter(|field| field["verdict"] == verdict);
    fields.map(|field| field["path"].as_str().unwrap().to_owned()).collect()
}

fn outcome<'a>(report: &'a Value, check: &str) -> &'a Value {
    report["checks"].as_array().unwrap().iter().find(|one| one["check"] == check).unwrap()
}

#[test]
fn the_default_plugin_renders_every_field_but_those_that_are_exempt_for_all() {
    let ended = run(["check", "default", "-o", "json"]);
    let report = report(&ended);
    assert_eq!(ended.code, Some(0), "{report:#}");
    assert_eq!(
        fields(&report, "exempt"),
        [
            "spec.config.path",
            "spec.config.storage[].source.type",
            "spec.gateway.configRef",
            "spec.gateway.provider",
            "spec.source.type",
            "spec.transport.tls.caBundleSecret.name",
            "spec.transport.tls.enabled",
            "spec.transport.tls.insecureSkipVerify",
        ]
    );
    let rendered = fields(&report, "rendered");
    assert_eq!(rendered.len() + 8, report["fields"].as_array().unwrap().len());
    for path in ["spec.runtime.resources.limits[*]", "spec.network.dnsEgressPeer.ipBlock.cidr", "spec.mcp.stateless"] {
        assert!(rendered.contains(&path.to_owned()), "{path}");
    }
}

#[test]
fn a_field_that_a_transformer_drops_is_named() {
    let ended = check(&hostile_plugins::component("lossy"), &["-o", "json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(
        fields(&report(&ended), "dropped"),
        [
            "spec.runtime.resources.claims[].name",
            "spec.runtime.resources.claims[].request",
            "spec.runtime.resources.limits[*]",
            "spec.runtime.resources.requests[*]",
        ]
    );
    let ended = check(&hostile_plugins::component("lossy"), &[]);
    assert_eq!(ended.code, Some(1));
    let row = ended.stdout.lines().find(|line| line.starts_with("spec.runtime.resources.limits[*]")).unwrap();
    assert!(row.contains("DROPPED  another value changes no object"), "{row}");
    assert!(ended.stdout.ends_with("--exempt 'FIELD=REASON'.\n"), "{}", ended.stdout);
}

#[test]
fn what_its_author_exempts_with_a_reason_may_be_dropped() {
    let lossy = hostile_plugins::component("lossy");
    let report = report(&check(&lossy, &["-o", "json", "--exempt", "spec.runtime.resources=a LimitRange sets them"]));
    assert_eq!(fields(&report, "dropped"), Vec::<String>::new());
    let exempt = report["fields"].as_array().unwrap().iter().find(|f| f["path"] == "spec.runtime.resources.limits[*]");
    assert_eq!(exempt.unwrap()["why"], "a LimitRange sets them");
    assert_eq!(outcome(&report, "coverage")["outcome"], "ok");
}

#[test]
fn an_exemption_that_exempts_nothing_is_told() {
    let passthrough = hostile_plugins::component("passthrough");
    let exemptions = ["--exempt", "spec.config.port=x", "--exempt", "spec.config.prot=x"];
    let ended = check(&passthrough, &exemptions);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("spec.config.port: every field of it changes something"), "{}", ended.stdout);
    assert!(ended.stdout.contains("spec.config.prot: there is no such field"), "{}", ended.stdout);
    assert_eq!(check(&passthrough, &["--exempt", "spec.config.port"]).code, Some(2));
}

#[test]
fn an_answer_that_depends_on_the_clock_is_found() {
    let ended = check(&hostile_plugins::component("moody"), &["-o", "json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let report = report(&ended);
    let determinism = &outcome(&report, "determinism")["details"];
    assert!(determinism.as_str().unwrap().starts_with("another answer at another time: MCPServer "), "{determinism}");
}

#[test]
fn a_plugin_whose_objects_may_not_be_applied_fails_with_the_reason() {
    let report = report(&check(&hostile_plugins::component("good"), &["-o", "json"]));
    let vetting = outcome(&report, "vetting");
    assert_eq!(vetting["outcome"], "failed");
    assert!(vetting["details"].as_str().unwrap().contains("plugin fixed, slot workload"), "{vetting}");
}

#[test]
fn a_plugin_that_refuses_every_server_is_not_called_good() {
    let report = report(&check(&hostile_plugins::component("invalid"), &["-o", "json"]));
    assert!(outcome(&report, "vetting")["details"].as_str().unwrap().contains("give some with -f"), "{report:#}");
    assert!(outcome(&report, "coverage")["details"].as_str().unwrap().starts_with("not looked at"), "{report:#}");
}

#[test]
fn a_component_that_is_no_plugin_fails_by_its_contract() {
    let ended = check(&hostile_plugins::component("version-0.3"), &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("contract  FAILED"), "{}", ended.stdout);
    assert!(ended.stdout.contains("targets mcp:render@0.3"), "{}", ended.stdout);
    let lines = run(["check", "no-such.wasm"]).complaints(2);
    assert!(lines[0].starts_with("error: no-such.wasm: No such file"), "{lines:?}");
}

#[test]
fn what_cannot_be_looked_at_is_not_called_good() {
    let row = |ended: &Ended, name: &str| {
        let row = ended.stdout.lines().find(|line| line.starts_with(name)).unwrap();
        row.split_whitespace().skip(1).take(3).collect::<Vec<_>>().join(" ")
    };
    let ended = check(&hostile_plugins::component("garbage"), &[]);
    assert_eq!((ended.code, row(&ended, "imports").as_str()), (Some(1), "not looked at"), "{ended:?}");
    let ended = check(&hostile_plugins::component("trap"), &[]);
    assert_eq!((ended.code, row(&ended, "determinism").as_str()), (Some(1), "not looked at"), "{ended:?}");
}

#[test]
fn a_plugin_with_parameters_is_checked_with_them() {
    let plugins = Plugins::new();
    let file = plugins.folder().join("p.yaml");
    std::fs::write(&file, "zones: [a]\n").unwrap();
    let component = hostile_plugins::component("parameters");
    let ended = check(&component, &["--parameters", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = check(&component, &[]).complaints(2);
    assert_eq!(lines, ["error: parameters of plugin parameters: zones: is required"]);
}

#[test]
fn other_servers_than_the_examples_can_be_given() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.yaml");
    std::fs::write(&file, server("a", "")).unwrap();
    let passthrough = hostile_plugins::component("passthrough");
    let report = report(&check(&passthrough, &["-o", "json", "-f", file.to_str().unwrap()]));
    assert_eq!((fields(&report, "dropped"), fields(&report, "unreachable")), (vec![], vec![]));
    assert_eq!(outcome(&report, "vetting")["details"], json!("every object may be applied; servers: 1"));
    std::fs::write(&file, server("a", "    prot: 1\n")).unwrap();
    let lines = check(&passthrough, &["-f", file.to_str().unwrap()]).complaints(2);
    assert!(lines[0].contains("spec.config.prot: unknown field"), "{lines:?}");
}
