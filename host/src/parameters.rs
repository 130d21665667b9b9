//! Parameters of plugins, judged by the plugin's own JSON Schema. Pure but for [`check_apart`].
//!
//! For the operator and the offline tool alike: what a platform team tests is what the cluster takes. A schema of a few
//! lines can keep a validator busy for years, so the operator lets a child process judge.

use std::io::{Read, stdin};
use std::path::Path;

use anyhow::Context as _;
use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::apart;
use crate::api::Violation;
use crate::api::schema::structure;
use crate::api::violation::below;
use crate::sandbox::{Bytes, Plugin};

/// Checks what `request.parameters` will be for this plugin.
///
/// No parameters are judged as an empty object, so that a required one is missed before the plugin runs.
///
/// # Errors
///
/// Every violation, with its path below the parameters; the path is empty where they are meant as a whole.
pub fn check(plugin: &Plugin, parameters: Option<&Value>) -> Result<(), Vec<Violation>> {
    verdict(violations(plugin.parameters_schema(), parameters))
}

fn verdict(violations: Vec<Violation>) -> Result<(), Vec<Violation>> {
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

/// What a child may take to judge: CPU time in seconds, and bytes.
const SECONDS: u64 = 2;
const MEMORY: u64 = 256 << 20;
/// How many violations it tells, and how much of each, in bytes: they end up in a condition.
const TOLD: usize = 20;
const LENGTH: usize = 500;

/// What a child is to judge.
#[derive(Deserialize, Serialize)]
struct Case {
    schema: Value,
    parameters: Option<Value>,
}

/// The same as [`check`] with this schema, by a child process that is ended when it takes too long. `program` is one that
/// calls [`judge`] when its first argument is `judge`: usually the running one.
///
/// # Errors
///
/// The outer one when no child could judge, which is not the plugin's fault.
pub fn check_apart(
    program: &Path,
    schema: Option<&Value>,
    parameters: Option<&Value>,
) -> anyhow::Result<Result<(), Vec<Violation>>> {
    let Some(schema) = schema else { return Ok(verdict(violations(None, parameters))) };
    let case = Case { schema: schema.clone(), parameters: parameters.cloned() };
    let output = apart::run(program, &["judge".as_ref()], &serde_json::to_vec(&case)?)?;
    if output.status.code().is_none() {
        let problem = format!(
            "cannot be judged within {SECONDS} s and {}: the plugin's parameters-schema is too complex; its author has to \
             mend it",
            Bytes(usize::try_from(MEMORY).unwrap_or(usize::MAX))
        );
        return Ok(Err(vec![Violation::new("", problem)]));
    }
    let words = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "judging the parameters failed, {}: {words}", output.status);
    serde_json::from_slice(&output.stdout).context("reading the judgement").map(verdict)
}

/// What the child does: judges the case on the standard input; returns the violations, as JSON.
pub fn judge() -> anyhow::Result<String> {
    apart::limit(MEMORY, SECONDS)?;
    let mut input = Vec::new();
    stdin().lock().read_to_end(&mut input).context("reading the case")?;
    let Case { schema, parameters } = serde_json::from_slice(&input).context("reading the case")?;
    let mut violations = violations(Some(&schema), parameters.as_ref());
    violations.truncate(TOLD);
    for Violation { path, message } in &mut violations {
        path.truncate(path.floor_char_boundary(LENGTH));
        message.truncate(message.floor_char_boundary(LENGTH));
    }
    Ok(serde_json::to_string(&violations)?)
}

fn violations(schema: Option<&Value>, parameters: Option<&Value>) -> Vec<Violation> {
    let Some(schema) = schema else {
        let taken = "are not taken: the plugin has no parameters-schema; leave them out";
        return parameters.map(|_| Violation::new("", taken)).into_iter().collect();
    };
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => {
            let at = error.instance_path();
            let problem = format!("the plugin's parameters-schema is no JSON Schema: at \"{at}\": {error}");
            return vec![Violation::new("", problem + "; its author has to mend it")];
        }
    };
    validator.iter_errors(parameters.unwrap_or(&json!({}))).flat_map(|error| told(&error)).collect()
}

fn told(error: &ValidationError<'_>) -> Vec<Violation> {
    let path = structure::path(error);
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|name| Violation::new(below(&path, name), "unknown parameter")).collect()
        }
        // These read differently in the MCPServer's schema, which is ours.
        Kind::AnyOf { .. } | Kind::Enum { .. } | Kind::Pattern { .. } => {
            vec![Violation::new(path, error.masked_with("the value").to_string())]
        }
        _ => vec![Violation::new(path, structure::message(error))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(schema: &Value, parameters: &Value) -> Vec<String> {
        violations(Some(schema), Some(parameters)).iter().map(ToString::to_string).collect()
    }

    fn tolerations() -> Value {
        let key = json!({"type": "string", "minLength": 1});
        let toleration = json!({"type": "object", "properties": {"key": key}, "required": ["key"]});
        json!({
            "type": "object", "additionalProperties": false, "required": ["tolerations"],
            "properties": {
                "tolerations": {"type": "array", "items": toleration},
                "effect": {"enum": ["NoSchedule", "NoExecute"]}, "seconds": {"enum": [30, 60]},
                "zone": {"type": "string", "pattern": "^zone-[a-z]$"},
            },
        })
    }

    #[test]
    fn parameters_that_fit_are_taken() {
        let parameters = json!({"tolerations": [{"key": "tenant"}], "effect": "NoExecute", "zone": "zone-a"});
        assert_eq!(told(&tolerations(), &parameters), Vec::<String>::new());
    }

    #[test]
    fn every_mistake_is_told_with_its_path() {
        let tolerations_given = json!([{"key": ""}, {}, {"key": 3}]);
        let parameters =
            json!({"tolerations": tolerations_given, "efect": 1, "effect": "No", "seconds": 31, "zone": "x"});
        let mut told = told(&tolerations(), &parameters);
        told.sort();
        assert_eq!(
            told,
            [
                "efect: unknown parameter",
                "effect: the value is not one of \"NoSchedule\" or \"NoExecute\"",
                "seconds: the value is not one of 30 or 60",
                "tolerations[0].key: must not be empty",
                "tolerations[1].key: is required",
                "tolerations[2].key: must be a string; is an integer",
                "zone: the value does not match \"^zone-[a-z]$\"",
            ]
        );
    }

    #[test]
    fn a_required_parameter_is_missed_when_there_are_none() {
        let found = violations(Some(&tolerations()), None);
        assert_eq!(found, [Violation::new("tolerations", "is required")]);
        assert_eq!(violations(Some(&json!({"type": "object"})), None), []);
    }

    #[test]
    fn a_plugin_without_schema_takes_none() {
        assert_eq!(violations(None, None), []);
        let found = violations(None, Some(&json!({})));
        assert!(found[0].message.contains("has no parameters-schema"), "{found:?}");
    }

    #[test]
    fn a_schema_that_is_none_is_the_authors_to_mend() {
        for broken in [json!({"type": "objekt"}), json!({"$ref": "#/nowhere"}), json!({"$ref": "https://example.com/"})]
        {
            let found = violations(Some(&broken), Some(&json!({})));
            assert!(found[0].message.contains("is no JSON Schema") && found[0].message.contains("author"), "{found:?}");
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let found = violations(Some(&json!({"$ref": "#"})), Some(&json!({"a": 1})));
        assert_eq!(found, []);
    }
}
