//! Types, bounds, patterns and required fields, by a JSON Schema validator, told with Kubernetes' field paths. Pure.

use jsonschema::{ValidationError, Validator, error::TypeKind, error::ValidationErrorKind as Kind, paths::Location};
use serde_json::{Value, json};

use super::{Violation, below, crd};

/// The compiled schema.
pub(super) struct Structure(Validator);

impl Structure {
    /// Compiles the schema of a whole object.
    ///
    /// # Panics
    ///
    /// When it is not a schema; it is generated, and the unit tests compile it.
    pub(super) fn compile(schema: &Value) -> Self {
        let mut schema = schema.clone();
        crd::each_schema(&mut schema, &mut |_, schema| integer_bounds(schema));
        Self(jsonschema::validator_for(&schema).expect("the generated schema is a schema"))
    }

    /// Everything in `object` that the schema refuses.
    pub(super) fn violations(&self, object: &Value) -> Vec<Violation> {
        let errors = self.0.iter_errors(object);
        errors.map(|error| Violation::new(path(&error), message(&error))).collect()
    }
}

/// In Kubernetes an integer's `format` bounds it; JSON Schema only knows bounds.
fn integer_bounds(schema: &mut serde_json::Map<String, Value>) {
    let (min, max) = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Some("int64") => (i64::MIN, i64::MAX),
        _ => return,
    };
    schema.entry("minimum").or_insert_with(|| json!(min));
    schema.entry("maximum").or_insert_with(|| json!(max));
}

/// The field that an error is about.
pub(crate) fn path(error: &ValidationError<'_>) -> String {
    let parent = field_path(error.instance_path());
    match error.kind() {
        Kind::Required { property } => below(&parent, property.as_str().unwrap_or_default()),
        _ => parent,
    }
}

fn field_path(location: &Location) -> String {
    location.segments().fold(String::new(), |path, segment| match segment {
        jsonschema::paths::LocationSegment::Index(index) => format!("{path}[{index}]"),
        jsonschema::paths::LocationSegment::Property(name) => below(&path, &name),
    })
}

/// The validator's own messages quote the whole value, which may be long or private.
pub(crate) fn message(error: &ValidationError<'_>) -> String {
    let is = kind_of(error.instance());
    match error.kind() {
        Kind::Required { .. } => "is required".to_owned(),
        Kind::Type { kind: TypeKind::Single(expected) } => {
            format!("must be {}; is {is}", with_article(&expected.to_string()))
        }
        // The schema has `anyOf` for quantities and ports alone.
        Kind::AnyOf { .. } => format!("must be an integer or a string; is {is}"),
        Kind::Enum { options } => format!("must be one of {}; is {}", listed(options), error.instance()),
        Kind::Minimum { limit } => format!("must be at least {limit}; is {}", error.instance()),
        Kind::Maximum { limit } => format!("must be at most {limit}; is {}", error.instance()),
        Kind::MinLength { limit: 1 } | Kind::MinItems { limit: 1 } => "must not be empty".to_owned(),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MaxItems { limit } => format!("must have at most {limit} entries"),
        Kind::MinProperties { limit: 1 } => "must have at least one field; leave it out otherwise".to_owned(),
        Kind::MaxProperties { limit: 1 } => "must have exactly one field".to_owned(),
        Kind::Pattern { pattern } if !pattern.contains("KMGTPE") => {
            format!("must match {pattern}; is {}", error.instance())
        }
        Kind::Pattern { .. } => format!("must be a quantity, such as 500m, 2, 64Mi or 1.5Gi; is {}", error.instance()),
        _ => error.masked_with("the value").to_string(),
    }
}

/// What a value is, with an article: `a string`, `an object`, `null`.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn with_article(type_name: &str) -> String {
    match type_name {
        "array" => "a list".to_owned(),
        "integer" | "object" => format!("an {type_name}"),
        _ => format!("a {type_name}"),
    }
}

fn listed(options: &Value) -> String {
    let options = options.as_array().into_iter().flatten().filter_map(Value::as_str);
    options.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(schema: &Value, value: &Value) -> Vec<String> {
        Structure::compile(schema).violations(value).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn paths_name_list_entries_and_odd_map_keys() {
        let strings = json!({"additionalProperties": {"type": "string"}});
        let schema = json!({"properties": {"labels": strings, "ports": {"items": {"required": ["name"]}}}});
        assert_eq!(
            told(&schema, &json!({"labels": {"example.com/a": 1}, "ports": [{"name": 1}, {}]})),
            ["labels[example.com/a]: must be a string; is an integer", "ports[1].name: is required"]
        );
    }

    #[test]
    fn integers_end_where_their_format_ends() {
        let schema = json!({"properties": {"seconds": {"type": "integer", "format": "int32"}}});
        assert_eq!(told(&schema, &json!({"seconds": 2_147_483_647})), Vec::<String>::new());
        let too_large = told(&schema, &json!({"seconds": 2_147_483_648_i64}));
        assert_eq!(too_large, ["seconds: must be at most 2147483647; is 2147483648"]);
    }
}
