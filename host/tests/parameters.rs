//! Parameters are judged by a process of its own, which is ended when the plugin's schema keeps it busy.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use mcp_operator::parameters::check_apart;
use serde_json::{Map, Value, json};

fn judged(schema: &Value, parameters: &Value) -> Vec<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_mcp-operator"));
    let violations = check_apart(program, Some(schema), Some(parameters)).unwrap().err().unwrap_or_default();
    violations.iter().map(ToString::to_string).collect()
}

#[test]
fn a_child_judges_as_the_library_does() {
    let schema = json!({"type": "object", "additionalProperties": false, "properties": {"zone": {"type": "string"}}});
    assert_eq!(judged(&schema, &json!({"zone": "a"})), [""; 0]);
    let mut mistakes = judged(&schema, &json!({"zone": 3, "zones": []}));
    mistakes.sort();
    assert_eq!(mistakes, ["zone: must be a string; is an integer", "zones: unknown parameter"]);
}

#[test]
fn what_it_tells_fits_into_a_condition() {
    let schema = json!({"additionalProperties": false, "properties": {"a": {}}});
    let parameters: Map<_, _> = (0..1000).map(|n| (format!("{n}-{}", "x".repeat(5000)), json!(1))).collect();
    let mistakes = judged(&schema, &parameters.into());
    assert!(mistakes.len() == 20 && mistakes.iter().all(|mistake| mistake.len() < 1100), "{mistakes:?}");
}

/// Each definition refers twice to the next one: a validator would look at the last one 2^60 times.
#[test]
fn a_schema_that_would_take_years_is_refused() {
    let twice =
        |next: usize| json!({"allOf": [{"$ref": format!("#/$defs/{next}")}, {"$ref": format!("#/$defs/{next}")}]});
    let mut definitions: Map<_, _> = (0..60).map(|number| (number.to_string(), twice(number + 1))).collect();
    definitions.insert("60".to_owned(), json!({"type": "object"}));
    let refusal = judged(&json!({"$defs": definitions, "$ref": "#/$defs/0"}), &json!({}));
    assert!(refusal.len() == 1 && refusal[0].contains("parameters-schema is too complex"), "{refusal:?}");
}
