//! Render plugins that behave badly, each in one way, and a few that behave well, as components built on the spot.
//!
//! For tests of the sandbox, the pipeline and the cluster. `cargo run -p hostile-plugins -- DIRECTORY` writes them all as
//! files, to be tried by hand: `mcp-render render --plugin DIRECTORY/loop.wasm …`.

mod image;
mod module;

use image::Image;
use module::Module;

/// One plugin.
#[derive(Clone, Copy)]
pub struct Fixture {
    /// Its name, to be used with [`component`].
    pub name: &'static str,
    /// What it does, to be read after its name.
    pub about: &'static str,
    build: fn() -> Vec<u8>,
}

/// The file of the plugin with this name.
///
/// # Panics
/// When there is none.
pub fn component(name: &str) -> Vec<u8> {
    let fixture = ALL.iter().find(|fixture| fixture.name == name);
    (fixture.unwrap_or_else(|| panic!("there is no hostile plugin {name:?}")).build)()
}

/// A plugin that answers every request with these objects, given by slot and JSON. Nothing checks them. It says that it
/// returns their kinds.
pub fn answering<S: AsRef<[u8]>, O: AsRef<[u8]>>(objects: &[(S, O)]) -> Vec<u8> {
    let mut module = Module { name: "fixed", ..Module::default() };
    let answer = module.image.response(objects);
    module.render = format!("(i32.const {answer})");
    module.kinds.extend(objects.iter().filter_map(|(_, object)| kind(object.as_ref())));
    module.kinds.sort();
    module.kinds.dedup();
    module.component()
}

/// What one server is answered: its name, and the objects by slot, as the bytes of their JSON.
pub type Answer = (String, Vec<(String, Vec<u8>)>);

/// A plugin that answers the servers with these names with fixed objects, and hands on the objects of the stage before for
/// every other. It says that it returns the usual kinds, whatever is among the objects.
pub fn answering_by_name(answers: &[Answer]) -> Vec<u8> {
    let mut image = Image::new();
    let place = image.words(&[0; 5]);
    let answers = answers.iter().map(|(server, objects)| {
        let [word, length] = image.text(format!("\"name\":\"{server}\""));
        let answer = image.response(objects);
        let is_it = format!("(call $has (local.get 0) (local.get 1) (i32.const {word}) (i32.const {length}))");
        format!("(if {is_it} (then (return (i32.const {answer}))))\n")
    });
    let answers: String = answers.collect();
    let render = format!(
        "{answers}
         (i64.store offset=12 (i32.const {place}) (i64.const 0))
         (i32.store offset=4 (i32.const {place}) (local.get 2)) (i32.store offset=8 (i32.const {place}) (local.get 3))
         (i32.const {place})"
    );
    let pages = image.end().div_ceil(65536) + 1;
    Module { name: "table", image, pages, fields: HAS, render, ..Module::default() }.component()
}

/// Whether a text has a word in it.
const HAS: &str = "
    (func $has (param $text i32) (param $length i32) (param $word i32) (param $word_length i32) (result i32) (local $i i32)
      (local.set $length (i32.sub (local.get $length) (local.get $word_length)))
      (loop $again
        (if (i32.lt_s (local.get $length) (i32.const 0)) (then (return (i32.const 0))))
        (local.set $i (i32.const 0))
        (block $differs
          (loop $bytes
            (if (i32.eq (local.get $i) (local.get $word_length)) (then (return (i32.const 1))))
            (br_if $differs (i32.ne
              (i32.load8_u (i32.add (local.get $text) (local.get $i)))
              (i32.load8_u (i32.add (local.get $word) (local.get $i)))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br $bytes)))
        (local.set $text (i32.add (local.get $text) (i32.const 1)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br $again))
      unreachable)";

/// `apiVersion` and `kind` of an object, if it is one.
fn kind(object: &[u8]) -> Option<[String; 2]> {
    let object: serde_json::Value = serde_json::from_slice(object).ok()?;
    Some([object["apiVersion"].as_str()?.to_owned(), object["kind"].as_str()?.to_owned()])
}

/// A plugin whose `render` is this WebAssembly text. It logs `these are my last words` first.
fn doing(render: &str) -> Vec<u8> {
    Module { render: render.to_owned(), ..Module::default() }.component()
}

fn refusing(fill: fn(&mut Image) -> u32) -> Vec<u8> {
    let mut image = Image::new();
    let answer = fill(&mut image);
    Module { image, render: format!("(i32.const {answer})"), ..Module::default() }.component()
}

fn one(object: &str) -> Vec<u8> {
    answering(&[("workload", object)])
}

const DEPLOYMENT: &str = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"demo"}}"#;

/// Answers with `base`.
const PASS_THROUGH: &str = "
    (i64.store (i32.const 65536) (i64.const 0)) (i64.store (i32.const 65548) (i64.const 0))
    (i32.store (i32.const 65540) (local.get 2)) (i32.store (i32.const 65544) (local.get 3)) (i32.const 65536)";

/// Replaces the seven bytes `"plain"` by others in a text.
const REWRITE: &str = "
    (func $rewrite (param $text i32) (param $length i32) (local $end i32)
      (local.set $end (i32.add (local.get $text) (local.get $length)))
      (block $done
        (loop $again
          (br_if $done (i32.gt_u (i32.add (local.get $text) (i32.const 8)) (local.get $end)))
          (if (i64.eq
                (i64.and (i64.load (local.get $text)) (i64.const 0x00ffffffffffffff))
                (i64.const 0x00226e69616c7022))
            (then
              (i32.store (i32.add (local.get $text) (i32.const 1)) (i32.const 0x6568746f))
              (i32.store8 (i32.add (local.get $text) (i32.const 5)) (i32.const 0x72))))
          (local.set $text (i32.add (local.get $text) (i32.const 1)))
          (br $again))))";

/// Does so in every object of the stage before: a list of four words each, the last two of which are the object.
const REWRITE_ALL: &str = "
    (block $done
      (loop $again
        (br_if $done (i32.ge_u (local.get $i) (local.get 3)))
        (call $rewrite
          (i32.load (i32.add (i32.add (local.get 2) (i32.shl (local.get $i) (i32.const 4))) (i32.const 8)))
          (i32.load (i32.add (i32.add (local.get 2) (i32.shl (local.get $i) (i32.const 4))) (i32.const 12))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $again)))";

/// Looks for the eight bytes `trap-me"` in the server's document.
const TRAP_FOR_SOME: &str = "
    (block $clean
      (loop $again
        (br_if $clean (i32.gt_u (i32.add (local.get $i) (i32.const 8)) (local.get 1)))
        (if (i64.eq (i64.load (i32.add (local.get 0) (local.get $i))) (i64.const 0x22656d2d70617274)) (then unreachable))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $again)))";

/// Every plugin there is.
pub const ALL: &[Fixture] = &[
    fixture("good", "answers with one Deployment named demo", || one(DEPLOYMENT)),
    fixture("passthrough", "answers with the objects of the stage before", || doing(PASS_THROUGH)),
    fixture("picky", "does the same, but traps for a server with the text trap-me in it", || {
        doing(&format!("{TRAP_FOR_SOME} {PASS_THROUGH}"))
    }),
    fixture("rewriter", "answers with those objects, and says other where they say plain", || {
        Module { fields: REWRITE, render: format!("{REWRITE_ALL} {PASS_THROUGH}"), ..Module::default() }.component()
    }),
    fixture("parameters", "needs parameters, says them, and answers with the objects of the stage before", || {
        parameters(
            r#"{"type": "object", "additionalProperties": false, "required": ["zones"],
            "properties": {"zones": {"type": "array", "minItems": 1, "items": {"type": "string"}}}}"#,
        )
    }),
    fixture("any-parameters", "takes any parameters, says them, and passes the objects on", || parameters("{}")),
    fixture("warner", "takes any parameters, warns of them, and passes the objects on", || said(1, "{}")),
    fixture("lossy", "answers with the objects of the stage before, without the resources of containers", lossy),
    fixture("loop", "never ends", || doing("(loop $again (br $again)) unreachable")),
    fixture("trap", "executes `unreachable`", || doing("unreachable")),
    fixture("recursion", "calls itself without end", || {
        doing(
            "(call $render (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 1) i32.add",
        )
    }),
    fixture("memory", "grows its memory until it gets no more, then traps", || {
        doing("(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable")
    }),
    fixture("table", "grows a table until it gets no more, then traps", table),
    fixture("big-memory", "wants 65 MiB from the start", || Module { pages: 1040, ..Module::default() }.component()),
    fixture("output-flood", "answers with one object of 2 MiB", output_flood),
    fixture("many-objects", "answers with 65 objects", many_objects),
    fixture("shared-string", "answers with 1000 objects that all point to the same MiB", shared_string),
    fixture("bad-utf8", "answers with bytes that are no UTF-8", || answering(&[("workload", b"{\"a\":\"\xff\"}")])),
    fixture("bad-pointer", "answers with an address outside its memory", || doing("(i32.const 0x7ffffff0)")),
    fixture("bad-json", "answers with JSON that ends too early", || one(r#"{"spec":{"replicas":"#)),
    fixture("duplicate-key", "answers with an object that has a key twice", || {
        one(r#"{"spec":{"ports":[{"name":"a"},{"name":"b","name":"c"}]}}"#)
    }),
    fixture("deep-json", "answers with JSON nested 5000 levels deep", || one(&format!("{{\"a\":{}", "[".repeat(5000)))),
    fixture("not-an-object", "answers with a JSON list", || one("[]")),
    fixture("duplicate-slot", "answers with two objects in one slot", || {
        answering(&[("workload", DEPLOYMENT), ("workload", DEPLOYMENT)])
    }),
    fixture("bad-slot", "answers with a slot name in upper case", || answering(&[("Workload", DEPLOYMENT)])),
    fixture("cluster-role-binding", "answers with a Deployment and a ClusterRoleBinding", || {
        let binding = r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"demo"},
            "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"cluster-admin"},
            "subjects":[{"kind":"ServiceAccount","name":"default","namespace":"default"}]}"#;
        answering(&[("workload", DEPLOYMENT), ("extra", binding)])
    }),
    fixture("invalid", "refuses every server", || refusing(|to| to.refusal(2, "Refused", "No.\n", "spec.source"))),
    fixture("invalid-without-error", "refuses every server with an info", || {
        refusing(|to| to.refusal(0, "Fine", "Ok", ""))
    }),
    fixture("bad-code", "refuses every server with a code that is a sentence", || {
        refusing(|to| to.refusal(2, "this is bad", "No.", "spec"))
    }),
    fixture("unsupported", "supports nothing", || refusing(|to| to.failure(1, "needs the fact `moon.phase`"))),
    fixture("internal", "reports a fault of its own", || refusing(|to| to.failure(2, "index 7 is \u{1b}[31mred"))),
    fixture("socket", "opens a socket", socket),
    fixture("exit", "exits", exit),
    fixture("log-flood", "logs 256 MiB, then answers", log_flood),
    fixture("random-flood", "asks for more random bytes than there is memory", random_flood),
    fixture("ambient", "answers with the clock and a random number", ambient),
    fixture("moody", "answers with the objects of the stage before, and says a digit of the clock", moody),
    fixture("slow-start", "never ends describing itself", || {
        Module { describe: "(loop $again (br $again))", ..Module::default() }.component()
    }),
    fixture("bad-name", "calls itself by a name with a space", || {
        Module { name: "Bad Name", ..Module::default() }.component()
    }),
    fixture("no-renderer", "exports no renderer", || {
        Module { wit: &[("export renderer;", "")], ..Module::default() }.component()
    }),
    fixture("version-0.3", "is built for version 0.3 of the contract", || {
        Module { wit: &[("mcp:render@0.1.0;", "mcp:render@0.3.0;")], ..Module::default() }.component()
    }),
    fixture("other-types", "has a describe that returns a plugin-info with a field less", || {
        Module { wit: &[("parameters-schema: option<json>,\n    }", "}")], ..Module::default() }.component()
    }),
    fixture("foreign-import", "imports acme:db/query", || {
        let fields = r#"(import "acme:db/query@1.0.0" "all" (func))"#;
        Module { imports: &["acme:db/query@1.0.0"], fields, ..Module::default() }.component()
    }),
    fixture("many-memories", "has nine memories", || {
        let fields = "(memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1)";
        Module { fields, ..Module::default() }.component()
    }),
    fixture("core-module", "is a core module, not a component", || {
        wat::parse_str("(module)").expect("this is a module")
    }),
    fixture("garbage", "is no WebAssembly", || b"#!/bin/sh\necho gotcha\n".to_vec()),
    fixture("truncated", "is half a component", || {
        let mut bytes = one(DEPLOYMENT);
        bytes.truncate(bytes.len() / 2);
        bytes
    }),
];

const fn fixture(name: &'static str, about: &'static str, build: fn() -> Vec<u8>) -> Fixture {
    Fixture { name, about, build }
}

fn parameters(schema: &'static str) -> Vec<u8> {
    said(0, schema)
}

/// One diagnostic of this severity (0 info, 1 warning), whose message is the request's parameters; none when there are none.
fn said(severity: u32, schema: &'static str) -> Vec<u8> {
    let mut image = Image::new();
    let [code, length] = image.text("Parameters");
    let said = image.words(&[severity, code, length, 0, 0, 0, 0, 0, 0, 0, 0]);
    let render = format!(
        "(i32.store offset=12 (i32.const {said}) (local.get 5)) (i32.store offset=16 (i32.const {said}) (local.get 6))
         {PASS_THROUGH}
         (i32.store (i32.const 65548) (i32.const {said})) (i32.store (i32.const 65552) (local.get 4))"
    );
    Module { name: "parameters", schema: Some(schema), image, render, ..Module::default() }.component()
}

/// Writes spaces over what is in the braces after each `"resources":`, where it lies.
fn lossy() -> Vec<u8> {
    let key = *b"\"resources\":{";
    let (first, second) = (&key[..8], &key[8..12]);
    let first = i64::from_le_bytes(first.try_into().expect("eight bytes"));
    let second = i32::from_le_bytes(second.try_into().expect("four bytes"));
    let render = format!(
        r"(loop $objects (if (i32.lt_u (local.get $i) (local.get 3)) (then
           (local.set $at (i32.load offset=8 (i32.add (local.get 2) (i32.shl (local.get $i) (i32.const 4)))))
           (local.set $end (i32.add (local.get $at)
             (i32.load offset=12 (i32.add (local.get 2) (i32.shl (local.get $i) (i32.const 4))))))
           (loop $bytes (if (i32.lt_u (i32.add (local.get $at) (i32.const 13)) (local.get $end)) (then
             (if (i32.and (i64.eq (i64.load align=1 (local.get $at)) (i64.const {first}))
                          (i32.eq (i32.load offset=8 align=1 (local.get $at)) (i32.const {second}))) (then
               (local.set $at (i32.add (local.get $at) (i32.const 13)))
               (local.set $depth (i32.const 1))
               (loop $erase
                 (local.set $byte (i32.load8_u (local.get $at)))
                 (if (i32.eq (local.get $byte) (i32.const 123))
                   (then (local.set $depth (i32.add (local.get $depth) (i32.const 1)))))
                 (if (i32.eq (local.get $byte) (i32.const 125))
                   (then (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))))
                 (if (local.get $depth) (then
                   (i32.store8 (local.get $at) (i32.const 32))
                   (local.set $at (i32.add (local.get $at) (i32.const 1)))
                   (br $erase))))))
             (local.set $at (i32.add (local.get $at) (i32.const 1)))
             (br $bytes))))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br $objects))))
         {PASS_THROUGH}"
    );
    Module { name: "lossy", render, ..Module::default() }.component()
}

fn table() -> Vec<u8> {
    let render = "(loop $again (br_if $again (i32.ne (table.grow (ref.null func) (i32.const 4096)) (i32.const -1)))) unreachable";
    Module { fields: "(table 0 funcref)", render: render.to_owned(), ..Module::default() }.component()
}

fn output_flood() -> Vec<u8> {
    let mut image = Image::new();
    let [slot, length] = image.text("workload");
    let [address, count] = image.list(&[[slot, length, 65536, 2 << 20]]);
    let answer = image.words(&[0, address, count, 0, 0]);
    Module { image, pages: 40, render: format!("(i32.const {answer})"), ..Module::default() }.component()
}

fn many_objects() -> Vec<u8> {
    answering(&(0..65).map(|i| (format!("object-{i}"), DEPLOYMENT)).collect::<Vec<_>>())
}

fn shared_string() -> Vec<u8> {
    let mut image = Image::new();
    let answer = image.words(&[0, 65536, 1000, 0, 0]);
    let render = format!(
        "(loop $again
           (i32.store (i32.add (i32.const 65544) (i32.shl (local.get $i) (i32.const 4))) (i32.const 131072))
           (i32.store (i32.add (i32.const 65548) (i32.shl (local.get $i) (i32.const 4))) (i32.const 1048576))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $i) (i32.const 1000))))
         (i32.const {answer})"
    );
    Module { image, pages: 20, render, ..Module::default() }.component()
}

fn socket() -> Vec<u8> {
    Module {
        imports: &["wasi:sockets/tcp-create-socket@0.2.3"],
        fields: r#"(import "wasi:sockets/tcp-create-socket@0.2.3" "create-tcp-socket" (func $socket (result i32)))"#,
        render: "(call $socket)".to_owned(),
        ..Module::default()
    }
    .component()
}

/// Writes its last words to standard error, as language runtimes do.
fn exit() -> Vec<u8> {
    let mut image = Image::new();
    let [words, length] = image.text("panicked: \u{1b}[31mno such thing\n");
    Module {
        image,
        imports: &["wasi:cli/stderr@0.2.3", "wasi:io/streams@0.2.3", "wasi:cli/exit@0.2.3"],
        fields: r#"(import "wasi:cli/stderr@0.2.3" "get-stderr" (func $stderr (result i32)))
          (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush"
            (func $write (param i32 i32 i32 i32)))
          (import "wasi:cli/exit@0.2.3" "exit" (func $exit (param i32)))"#,
        render: format!(
            "(call $write (call $stderr) (i32.const {words}) (i32.const {length}) (i32.const 65536))
             (call $exit (i32.const 1)) unreachable"
        ),
        ..Module::default()
    }
    .component()
}

fn log_flood() -> Vec<u8> {
    let mut image = Image::new();
    let answer = image.response(&[("workload", DEPLOYMENT)]);
    let render = format!(
        "(loop $again
           (call $emit (i32.const 1) (i32.const 65536) (i32.const 33554432))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $i) (i32.const 8))))
         (i32.const {answer})"
    );
    Module { image, pages: 520, render, ..Module::default() }.component()
}

const RANDOM: &str = r#"(import "wasi:random/random@0.2.3" "get-random-u64" (func $random (result i64)))
  (import "wasi:random/random@0.2.3" "get-random-bytes" (func $random_bytes (param i64 i32)))"#;

fn random_flood() -> Vec<u8> {
    Module {
        imports: &["wasi:random/random@0.2.3"],
        fields: RANDOM,
        render: "(call $random_bytes (i64.const 0x7fffffffffff) (i32.const 65536)) unreachable".to_owned(),
        ..Module::default()
    }
    .component()
}

/// Breaks the contract in the one way that only two renders can show.
fn ambient() -> Vec<u8> {
    let mut image = Image::new();
    let [object, length] = image.text(r#"{"clock":"0","random":"0"}"#);
    let [slot, slot_length] = image.text("workload");
    let [address, count] = image.list(&[[slot, slot_length, object, length]]);
    let answer = image.words(&[0, address, count, 0, 0]);
    let digit = |i64: &str| format!("(i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u {i64} (i64.const 10))))");
    let render = format!(
        "(call $now (i32.const 65536))
         (i32.store8 (i32.const {clock_at}) {clock})
         (i32.store8 (i32.const {random_at}) {random})
         (i32.const {answer})",
        clock_at = object + 10,
        random_at = object + 23,
        clock = digit("(i64.load (i32.const 65536))"),
        random = digit("(call $random)"),
    );
    Module {
        image,
        imports: &["wasi:clocks/wall-clock@0.2.3", "wasi:random/random@0.2.3"],
        fields: r#"(import "wasi:clocks/wall-clock@0.2.3" "now" (func $now (param i32)))
          (import "wasi:random/random@0.2.3" "get-random-u64" (func $random (result i64)))"#,
        render,
        ..Module::default()
    }
    .component()
}

/// What `ambient` does, in an answer that may be applied.
fn moody() -> Vec<u8> {
    let mut image = Image::new();
    let ([code, code_length], [digit, length]) = (image.text("Mood"), image.text("0"));
    let said = image.words(&[0, code, code_length, digit, length, 0, 0, 0, 0, 0, 0]);
    let render = format!(
        "(call $now (i32.const 65536))
         (i32.store8 (i32.const {digit})
           (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (i64.load (i32.const 65536)) (i64.const 7)))))
         {PASS_THROUGH}
         (i32.store (i32.const 65548) (i32.const {said})) (i32.store (i32.const 65552) (i32.const 1))"
    );
    let imports = &["wasi:clocks/wall-clock@0.2.3"];
    let fields = r#"(import "wasi:clocks/wall-clock@0.2.3" "now" (func $now (param i32)))"#;
    Module { image, imports, fields, render, ..Module::default() }.component()
}
