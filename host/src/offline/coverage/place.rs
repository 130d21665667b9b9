//! Places a value in a server, with whatever has to be around it. Pure.
//!
//! A field is easiest to reach in a server that has what is around it already. Where rules forbid to add it there (one
//! of two alternatives, say), something around it has to be made anew; as little as possible is.

use serde_json::{Map, Value, json};

use super::fields::Step;
use super::values::smallest;

/// One way to place values at a path.
pub(super) struct Variant<'a> {
    base: &'a Value,
    schema: &'a Value,
    path: &'a [Step],
    /// How many steps down everything is made anew; as many as the path has: nothing is.
    kept: usize,
}

/// The ways to place values at `path` in `base`: first with all that is there, then with ever less of it.
pub(super) fn variants<'a>(
    base: &'a Value,
    schema: &'a Value,
    path: &'a [Step],
) -> impl Iterator<Item = Variant<'a>> + use<'a> {
    (1..=path.len()).rev().map(move |kept| Variant { base, schema, path, kept })
}

impl Variant<'_> {
    /// The server with this value.
    pub(super) fn with(&self, value: &Value) -> Value {
        let mut server = self.base.clone();
        put(&mut server, self.schema, self.path, self.kept, value);
        server
    }
}

fn put(at: &mut Value, schema: &Value, path: &[Step], kept: usize, value: &Value) {
    let Some((step, rest)) = path.split_first() else {
        *at = value.clone();
        return;
    };
    let (name, schema) = match step {
        Step::Field(name) => (name.as_str(), &schema["properties"][name]),
        Step::Key => ("", &schema["additionalProperties"]),
        Step::Item => ("", &schema["items"]),
    };
    let below = enter(at, step, kept == 0);
    if below.is_null() {
        *below = smallest(name, schema);
    }
    if let [Step::Field(next), ..] = rest {
        choose(below, schema, next);
    }
    put(below, schema, rest, kept.saturating_sub(1), value);
}

/// Goes one step down; to null where there is nothing yet, or where what is there shall be made anew.
fn enter<'a>(at: &'a mut Value, step: &Step, anew: bool) -> &'a mut Value {
    let below = match step {
        Step::Field(name) => fields(at).entry(name.as_str()).or_insert(Value::Null),
        Step::Key => fields(at).entry("example.com/coverage").or_insert(Value::Null),
        Step::Item => {
            let items = items(at);
            if anew || items.is_empty() {
                items.insert(0, Value::Null);
            }
            &mut items[0]
        }
    };
    if anew {
        *below = Value::Null;
    }
    below
}

fn fields(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it is an object now")
}

fn items(value: &mut Value) -> &mut Vec<Value> {
    if !value.is_array() {
        *value = json!([]);
    }
    value.as_array_mut().expect("it is a list now")
}

/// In a union, `type` names the member that is there: `type: ConfigMap` and `configMap`, `type: Localhost` and
/// `localhostProfile`.
fn choose(union: &mut Value, schema: &Value, member: &str) {
    let mut types = schema["properties"]["type"]["enum"].as_array().into_iter().flatten();
    let member = member.to_lowercase();
    if let Some(chosen) = types.find(|one| one.as_str().is_some_and(|one| member.starts_with(&one.to_lowercase()))) {
        union["type"] = chosen.clone();
    }
}
