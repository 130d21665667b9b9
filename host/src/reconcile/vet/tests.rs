//! Attacks on the vetting: what the default plugin renders, with one thing changed that must not pass; and what must.

#![allow(clippy::unwrap_used, reason = "tests")]

mod attacks;
mod granted;
mod ungranted;

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::*;
use crate::api::MCPServer;
use crate::default_plugin;
use crate::reconcile::gather::{Resolved, Stage, Surroundings};
use crate::reconcile::render;
use crate::sandbox::{Limits, Plugin, Sandbox};

static PLUGIN: LazyLock<Plugin> =
    LazyLock::new(|| Sandbox::new(2).unwrap().load(default_plugin::COMPONENT, Limits::default()).unwrap());

/// The inputs of a server named `weather` in `team-a`, with these fields in its spec.
fn inputs(spec: &Value) -> Inputs {
    let mut manifest = json!({
        "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer",
        "metadata": {"name": "weather", "namespace": "team-a", "uid": "uid-of-weather"},
        "spec": {
            "source": {"type": "ContainerImage", "containerImage": {"ref": "example.com/weather:1"}},
            "config": {"port": 8080},
        },
    });
    merge(&mut manifest["spec"], spec);
    inputs_of(&manifest)
}

fn inputs_of(manifest: &Value) -> Inputs {
    let admitted = api::schema::admit(manifest).unwrap_or_else(|violations| panic!("{violations:?}"));
    let server: MCPServer = serde_json::from_value(admitted).unwrap();
    let stage = Stage::new("default", PLUGIN.clone());
    let surroundings =
        Surroundings { cluster_domain: "x".into(), kubernetes_version: None, verify_from: None, chain: vec![stage] };
    Inputs::new(&server, Resolved::default(), &surroundings)
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value));
        }
        (into, from) => *into = from.clone(),
    }
}

/// What the default plugin renders, after a change to its objects. The plugin declares every kind that it emits.
fn vet_changed(inputs: &Inputs, change: impl FnOnce(&mut Vec<Untrusted>)) -> Result<Vetted, Rejection> {
    vet_stage(inputs, |stage| change(&mut stage.objects))
}

/// The same, after a change to anything of the stage.
fn vet_stage(inputs: &Inputs, change: impl FnOnce(&mut StageOutput)) -> Result<Vetted, Rejection> {
    let mut rendered = render::chain(inputs).unwrap();
    let stage = &mut rendered.stages_mut()[0];
    change(stage);
    stage.emits.extend(stage.objects.iter().filter_map(|object| kind_of(&object.object)));
    vet(inputs, rendered)
}

fn kind_of(object: &Value) -> Option<ObjectKind> {
    let word = |key: &str| object[key].as_str().map(str::to_owned);
    Some(ObjectKind { api_version: word("apiVersion")?, kind: word("kind")? })
}

/// Writes JSON at a pointer, making what is not there yet; `-` appends to a list. `null` takes a field away, because
/// vetting reads it so.
fn set(object: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let mut here = object;
    for step in parent.split('/').skip(1).map(|step| step.replace("~1", "/")) {
        here = match here {
            Value::Array(items) => &mut items[step.parse::<usize>().unwrap()],
            here => &mut here[step],
        };
    }
    match (key, here) {
        ("-", Value::Array(items)) => items.push(value),
        ("-", here) => *here = json!([value]),
        (key, Value::Array(items)) => items[key.parse::<usize>().unwrap()] = value,
        (key, here) => here[key.replace("~1", "/")] = value,
    }
}

fn of_slot<'a>(objects: &'a mut [Untrusted], slot: &str) -> &'a mut Value {
    &mut objects.iter_mut().find(|object| object.slot == slot).unwrap().object
}
