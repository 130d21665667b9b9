//! Parameters of plugins, judged by the plugin's own JSON Schema. Pure.
//!
//! For the operator and the offline tool alike: what a platform team tests is what the cluster takes.

use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use serde_json::{Value, json};

use crate::api::Violation;
use crate::api::schema::structure;
use crate::api::violation::below;
use crate::sandbox::Plugin;

/// Checks what `request.parameters` will be for this plugin.
///
/// No parameters are judged as an empty object, so that a required one is missed before the plugin runs.
///
/// # Errors
///
/// Every violation, with its path below the parameters; the path is empty where they are meant as a whole.
pub fn check(plugin: &Plugin, parameters: Option<&Value>) -> Result<(), Vec<Violation>> {
    let violations = violations(plugin.parameters_schema(), parameters);
    if violations.is_empty() { Ok(()) } else { Err(violations) }
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
