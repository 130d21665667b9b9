//! `replay`: a bundle is rendered to the outcome that it records, whatever that is, or is refused in words.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use mcp_operator::api::render_plugin::Grants;
use mcp_operator::bundle::{self, Bundle, Component, FORMAT, Outcome, Recorded, Stage, StageLimits};
use mcp_operator::default_plugin;
use mcp_operator::sandbox::{Digest, Limits};
use serde_json::json;
use tempfile::TempDir;

use crate::command::{Ended, run, run_with_input, sandbox};

/// What `mcp-operator export` would write of a server that these components render.
pub fn bundle(components: &[Vec<u8>]) -> Bundle {
    let digest = |component: &Vec<u8>| Digest::of(component).to_string();
    let stage = |(index, component): (usize, &Vec<u8>)| Stage {
        name: format!("stage-{index}"),
        digest: digest(component),
        parameters: None,
        grants: Grants::default(),
        limits: StageLimits::from(&Limits::default()),
    };
    let bundle = Bundle {
        format: FORMAT.to_owned(),
        written_by: concat!("mcp-operator ", env!("CARGO_PKG_VERSION")).to_owned(),
        server: json!({
            "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer",
            "metadata": {"name": "a", "namespace": "team"},
            "spec": {
                "source": {"type": "ContainerImage", "containerImage": {"ref": "example.com/a:1"}},
                "config": {"port": 80, "path": "/mcp"},
            },
        }),
        uid: Some("3e1f".to_owned()),
        facts: BTreeMap::from([("cluster.domain".to_owned(), "cluster.local".to_owned())]),
        chain: components.iter().enumerate().map(stage).collect(),
        redacted: Vec::new(),
        outcome: Outcome::Rendered { objects: Vec::new(), diagnostics: Vec::new() },
        recorded: Recorded::default(),
        components: components.iter().map(|component| (digest(component), Component(component.clone()))).collect(),
    };
    let inputs = bundle.inputs(bundle.load(sandbox()).unwrap()).unwrap();
    Bundle { outcome: bundle::render(&inputs).outcome, ..bundle }
}

fn default() -> Vec<u8> {
    default_plugin::COMPONENT.to_vec()
}

fn replay(bundle: &Bundle) -> Ended {
    run_with_input(["replay", "-"], &bundle.to_json())
}

#[test]
fn objects_come_out_with_the_digests_that_were_recorded() {
    let ended = replay(&bundle(&[default()]));
    assert_eq!(ended.stderr, "as recorded: rendered; objects: 3\n");
    let objects = ended.objects();
    assert_eq!(objects[2]["metadata"]["ownerReferences"][0]["uid"], "3e1f");
    let printed = run_with_input(["replay", "-", "-o", "json"], &bundle(&[default()]).to_json()).printed();
    assert!(printed.contains("\"kind\": \"List\""), "{printed}");
}

#[test]
fn a_failure_is_replayed_to_the_same_failure() {
    for (name, class) in [("trap", "Trap"), ("loop", "Timeout"), ("invalid", "Invalid"), ("good", "RenderRejected")] {
        let bundle = bundle(&[default(), hostile_plugins::component(name)]);
        assert!(
            matches!(&bundle.outcome, Outcome::Failed { class: found, .. } if found == class),
            "{:?}",
            bundle.outcome
        );
        let ended = replay(&bundle);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{ended:?}");
        assert!(ended.stderr.starts_with("as recorded: Re") && ended.stderr.contains("plugin stage-1"), "{ended:?}");
    }
}

#[test]
fn another_outcome_ends_with_1_and_its_differences() {
    let mut rendered = bundle(&[default()]);
    let Outcome::Rendered { objects, diagnostics } = &mut rendered.outcome else { panic!() };
    objects[2].digest = "0123".to_owned();
    diagnostics.push("warning: plugin stage-0: Old: it was said then".to_owned());
    let lines = replay(&rendered).complaints(1);
    assert_eq!(lines[0], "error: standard input: another outcome than the recorded one:");
    assert!(lines[1].starts_with("  Deployment a in slot workload: was 0123; now "), "{lines:?}");
    assert_eq!(lines[2], "  not said any more: warning: plugin stage-0: Old: it was said then");
    let failed = Bundle { outcome: bundle(&[hostile_plugins::component("trap")]).outcome, ..bundle(&[default()]) };
    let lines = replay(&failed).complaints(1);
    assert!(lines.iter().any(|line| line == "  now:      rendered; objects: 3"), "{lines:?}");
}

#[test]
fn what_its_reader_should_know_is_told() {
    let mut bundle = bundle(&[default()]);
    bundle.written_by = "mcp-operator 0.0.1".to_owned();
    bundle.redacted = vec!["spec.config.env[0].value".to_owned()];
    bundle.recorded.differences = vec!["Service a: was 1; now 2".to_owned()];
    let told = replay(&bundle).stderr;
    for words in
        ["written by mcp-operator 0.0.1", "taken out: spec.config.env[0].value", "\n  Service a: was 1; now 2\n"]
    {
        assert!(told.contains(words), "{words} is missing in {told}");
    }
}

/// A folder with files.
struct Folder(TempDir);

impl Folder {
    fn file(&self, text: &str) -> PathBuf {
        let file = self.0.path().join("bundle.json");
        fs::write(&file, text).unwrap();
        file
    }
}

#[test]
fn a_bundle_that_cannot_be_read_ends_with_2_and_says_why() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let whole = bundle(&[hostile_plugins::component("good")]);
    let mut changed = whole.clone();
    changed.components.values_mut().for_each(|component| component.0.push(0));
    let newer = Bundle { format: "mcp-render-bundle/9".to_owned(), ..whole.clone() };
    let mut unsound = whole.clone();
    unsound.server["spec"]["config"]["port"] = json!(0);
    let foreign = bundle_of(b"\0asm\x0d\0\x01\0".to_vec(), &whole);
    for (text, words) in [
        (whole.to_json()[..whole.to_json().len() / 2].to_owned(), "not a whole one"),
        (changed.to_json(), "was changed"),
        (newer.to_json(), "its format is \"mcp-render-bundle/9\"; this version reads"),
        (unsound.to_json(), "server: spec.config.port"),
        (foreign.to_json(), "plugin stage-0: the component does not export"),
    ] {
        let file = folder.file(&text);
        let lines = run(["replay".as_ref(), file.as_os_str()]).complaints(2);
        let place = format!("error: {}: ", file.display());
        assert!(lines[0].starts_with(&place) && lines[0].contains(words), "{words}: {lines:?}");
    }
    assert!(run(["replay", "no-such.json"]).complaints(2)[0].contains("no-such.json: No such file"));
    assert!(run(["replay", "host"]).complaints(2)[0].contains("host: this is no file"));
}

/// The bundle with another component, whose outcome nobody has looked at.
fn bundle_of(component: Vec<u8>, like: &Bundle) -> Bundle {
    let digest = Digest::of(&component).to_string();
    let mut bundle = like.clone();
    bundle.chain[0].digest.clone_from(&digest);
    bundle.components = BTreeMap::from([(digest, Component(component))]);
    bundle
}

#[test]
fn a_file_as_large_as_no_bundle_is_not_read_to_its_end() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let file = folder.file("");
    fs::File::options().write(true).open(&file).unwrap().set_len(1 << 30).unwrap();
    let lines = run(["replay".as_ref(), file.as_os_str()]).complaints(2);
    assert!(lines[0].ends_with("this is no bundle: it has more than 256 MiB"), "{lines:?}");
}
