//! Every hostile plugin against the sandbox: each is contained, blamed for the right thing, and harms nobody else.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use hostile_plugins::component;
use serde_json::json;

use super::*;

/// One sandbox for a whole test, with the smallest pool: whatever a plugin leaves behind, the next one meets.
fn sandbox() -> Sandbox {
    Sandbox::new(1).unwrap()
}

fn request() -> Request {
    Request { server: r#"{"kind":"MCPServer"}"#.to_owned(), base: vec![], parameters: None, facts: vec![] }
}

/// On a busy machine an innocent plugin may need long; only the one that never ends gets the usual limit.
fn patient() -> Limits {
    Limits { time: Duration::from_mins(1), ..Limits::default() }
}

fn outcome(sandbox: &Sandbox, name: &str) -> Result<Output, Failure> {
    let limits = if name == "loop" { Limits::default() } else { patient() };
    sandbox.load(&component(name), limits)?.render(&request())
}

fn assert_good(sandbox: &Sandbox) {
    let output = outcome(sandbox, "good").unwrap();
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "demo"}});
    assert_eq!(output.objects, [("workload".to_owned(), deployment)]);
}

/// Name, class, and words that the message must contain.
const HOSTILE: &[(&str, &str, &[&str])] = &[
    ("loop", "Timeout", &["250 ms", "timeMilliseconds", "these are my last words"]),
    ("trap", "Trap", &["unreachable", "in `render`", "these are my last words"]),
    ("recursion", "Trap", &["stack"]),
    ("memory", "OutOfMemory", &["64 MiB", "raise its memory limit", "these are my last words"]),
    ("table", "OutOfMemory", &["table elements", "more than 100000"]),
    ("big-memory", "OutOfMemory", &["wants 65 MiB", "limit is 64 MiB"]),
    ("output-flood", "OutputTooLarge", &["2 MiB", "limit is 1 MiB"]),
    ("many-objects", "OutputTooLarge", &["65 objects", "limit is 64"]),
    ("shared-string", "OutputTooLarge", &["64 MiB at once"]),
    ("bad-utf8", "OutputInvalid", &["utf-8"]),
    ("bad-pointer", "OutputInvalid", &["cannot be read", "these are my last words"]),
    ("bad-json", "OutputInvalid", &["workload: spec.replicas", "EOF"]),
    ("duplicate-key", "OutputInvalid", &["workload: spec.ports[1]", "\"name\" is there twice"]),
    ("deep-json", "OutputInvalid", &["workload: a", "deeper than 127 levels"]),
    ("not-an-object", "OutputInvalid", &["workload", "Kubernetes object"]),
    ("duplicate-slot", "OutputInvalid", &["workload", "two objects have this slot"]),
    ("bad-slot", "OutputInvalid", &["objects[0].slot", "\"Workload\"", "a-z"]),
    ("invalid", "Invalid", &["Refused: No. (spec.source)"]),
    ("invalid-without-error", "OutputInvalid", &["diagnostics", "severity `error`"]),
    ("bad-code", "OutputInvalid", &["diagnostics[0].code", "PascalCase"]),
    ("unsupported", "Unsupported", &["needs the fact `moon.phase`"]),
    ("internal", "Internal", &["index 7 is \u{fffd}[31mred", "these are my last words"]),
    ("socket", "ImportDenied", &["wasi:sockets/tcp-create-socket#create-tcp-socket", "remove the call"]),
    ("exit", "Exit", &["status 1", "panicked: \u{fffd}[31mno such thing"]),
    ("random-flood", "Trap", &["more than 65536 random bytes"]),
    ("slow-start", "Timeout", &["2000 ms"]),
    ("bad-name", "OutputInvalid", &["describe().name", "\"Bad Name\"", "DNS label"]),
    (
        "no-renderer",
        "ContractMismatch",
        &["does not export mcp:render/renderer@0.1", "it exports mcp:render/info@0.1.0"],
    ),
    ("version-0.3", "ContractMismatch", &["targets mcp:render@0.3; this operator supports 0.1"]),
    ("other-types", "ContractMismatch", &["other types", "wit/render.wit"]),
    ("foreign-import", "ContractMismatch", &["acme:db/query@1.0.0", "mcp:render/plugin"]),
    ("many-memories", "ComponentTooLarge", &["9 memories"]),
    ("core-module", "ContractMismatch", &["core WebAssembly module", "wasm-tools component new"]),
    ("garbage", "ContractMismatch", &["not WebAssembly"]),
    ("truncated", "ContractMismatch", &["damaged"]),
];

/// These answer, and have tests of their own or are somebody else's to refuse.
const ANSWERING: &[&str] = &[
    "good",
    "passthrough",
    "picky",
    "rewriter",
    "parameters",
    "any-parameters",
    "warner",
    "lossy",
    "moody",
    "log-flood",
    "ambient",
    "cluster-role-binding",
];

#[test]
fn every_hostile_plugin_is_contained_and_told_what_is_wrong() {
    let sandbox = sandbox();
    for (name, class, words) in HOSTILE {
        let failure = outcome(&sandbox, name).map(|_| ()).unwrap_err();
        let message = failure.to_string();
        assert_eq!(failure.class(), *class, "{name}: {message}");
        for word in *words {
            assert!(message.contains(word), "{name}: {word:?} is missing in: {message}");
        }
        assert!(message.len() < 2000 && !message.contains('\u{1b}'), "{name}: {message}");
        assert_good(&sandbox);
    }
}

#[test]
fn no_hostile_plugin_is_without_a_test() {
    let tested = HOSTILE.iter().map(|(name, ..)| name).chain(ANSWERING).collect::<BTreeSet<_>>();
    assert_eq!(tested, hostile_plugins::ALL.iter().map(|fixture| &fixture.name).collect());
}

#[test]
fn hostile_plugins_are_contained_without_a_pool_too() {
    let sandbox = Sandbox::with_engine(engine::on_demand().unwrap(), 1, None, false).unwrap();
    for (name, class, _) in HOSTILE {
        assert_eq!(outcome(&sandbox, name).map(|_| ()).unwrap_err().class(), *class, "{name}");
        assert_good(&sandbox);
    }
}

#[test]
fn a_component_larger_than_allowed_is_not_even_read() {
    let limits = Limits { component: 100, ..Limits::default() };
    let failure = sandbox().load(&component("good"), limits).unwrap_err();
    assert_eq!(failure.class(), "ComponentTooLarge");
    assert!(failure.to_string().contains("limit is 100 bytes"), "{failure}");
}

#[test]
fn a_flood_of_words_keeps_the_limit_and_the_answer() {
    let output = outcome(&sandbox(), "log-flood").unwrap();
    assert_eq!(output.objects.len(), 1);
    assert!(output.log.is_truncated());
    assert!(output.log.lines().map(|line| line.text.len()).sum::<usize>() <= Limits::default().log);
}

#[test]
fn an_answer_that_depends_on_clock_or_chance_shows_under_another_seed() {
    let plugin = sandbox().load(&component("ambient"), patient()).unwrap();
    let render = |seed| plugin.render_seeded(&request(), seed).unwrap().objects[0].1.clone();
    let base = Seed::default();
    assert_eq!(render(base), render(base));
    assert_ne!(render(base)["clock"], render(Seed { clock: base.clock + 1, ..base })["clock"]);
    let random: BTreeSet<_> = (0..16).map(|random| render(Seed { random, ..base })["random"].to_string()).collect();
    assert!(random.len() > 1, "{random:?}");
}

#[test]
fn a_later_stage_gets_what_the_earlier_one_returned() {
    let plugin = sandbox().load(&component("passthrough"), patient()).unwrap();
    let base =
        ["workload", "service"].map(|slot| SlotObject { slot: slot.to_owned(), object: r#"{"a":1}"#.to_owned() });
    let output = plugin.render(&Request { base: base.to_vec(), ..request() }).unwrap();
    assert_eq!(output.objects, [("workload".to_owned(), json!({"a": 1})), ("service".to_owned(), json!({"a": 1}))]);
}

#[test]
fn more_callers_than_places_all_get_their_answer() {
    let sandbox = Sandbox::new(2).unwrap();
    let good = sandbox.load(&component("good"), patient()).unwrap();
    let trap = sandbox.load(&component("trap"), patient()).unwrap();
    drop(sandbox);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(good.render(&request()).unwrap().objects.len(), 1);
                    assert_eq!(trap.render(&request()).unwrap_err().class(), "Trap");
                }
            });
        }
    });
}

#[test]
fn a_plugin_is_still_stopped_after_its_sandbox_is_gone() {
    let plugin = sandbox().load(&component("loop"), Limits::default()).unwrap();
    assert_eq!(plugin.render(&request()).unwrap_err().class(), "Timeout");
}

#[test]
fn a_loaded_plugin_says_who_it_is() {
    let bytes = component("good");
    let plugin = sandbox().load(&bytes, Limits::default()).unwrap();
    assert_eq!((plugin.info().name.as_str(), plugin.info().version.as_str()), ("fixed", "1.0.0"));
    assert_eq!(*plugin.digest(), Digest::of(&bytes));
    assert_eq!(format!("{plugin:?}"), format!("Plugin(fixed@{})", plugin.digest().short()));
    let inspection = inspect(&bytes).unwrap();
    assert_eq!(inspection.contract.as_deref(), Some("mcp:render@0.1.0"));
    assert_eq!(inspection.exports, ["mcp:render/info@0.1.0", "mcp:render/renderer@0.1.0"]);
}

/// Kept is what was said, whatever it was: so it is plain whether a plugin was asked again.
#[test]
fn a_plugin_is_asked_once_who_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("code");
    let load = || {
        let code = CodeCache::shared(&directory, Path::new("/bin/false")).unwrap();
        let plugin = Sandbox::with_code_cache(1, code).unwrap().load(&component("good"), patient()).unwrap();
        plugin.info().version.clone()
    };
    assert_eq!(load(), "1.0.0");
    let entries = fs::read_dir(&directory).unwrap();
    let description = entries.map(|entry| entry.unwrap().path()).find(|path| path.extension() == Some("json".as_ref()));
    let description = description.expect("what the plugin said is kept");
    let kept = fs::read_to_string(&description).unwrap();
    for (text, version) in [
        (kept.replace("1.0.0", "2.0.0"), "2.0.0"),
        (kept.replace("1.0.0", "no version"), "1.0.0"),
        ("nonsense".to_owned(), "1.0.0"),
    ] {
        fs::write(&description, text).unwrap();
        assert_eq!(load(), version);
    }
    assert_eq!(fs::read_to_string(&description).unwrap(), kept, "what could not be read is kept anew");
}

#[test]
fn fuel_is_counted_exactly_and_only_where_it_is_asked_for() {
    let render = |sandbox: Sandbox| outcome(&sandbox, "good").unwrap().usage;
    let [first, second] = [(), ()].map(|()| render(Sandbox::counting(None).unwrap()));
    assert_eq!((first.fuel, first.memory, first.output), (second.fuel, second.memory, second.output));
    assert!(first.fuel.is_some_and(|fuel| fuel > 0));
    let usual = render(sandbox());
    assert_eq!((usual.fuel, usual.memory, usual.output), (None, first.memory, first.output));
}

#[test]
fn a_plugin_without_end_is_stopped_where_fuel_is_counted_as_well() {
    let failure = outcome(&Sandbox::counting(None).unwrap(), "loop").unwrap_err();
    assert_eq!(failure.class(), "Timeout");
}
