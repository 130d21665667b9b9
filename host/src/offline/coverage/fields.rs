//! The fields of an MCPServer's spec: the leaves of the CRD's schema. Pure.

use std::fmt;

use serde_json::Value;

/// One step into an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::offline) enum Step {
    /// To a field.
    Field(String),
    /// To an entry of a map.
    Key,
    /// To an item of a list.
    Item,
}

/// A leaf of the schema.
#[derive(Debug)]
pub(in crate::offline) struct Field {
    pub path: Vec<Step>,
    pub schema: Value,
}

impl Field {
    /// The last name on the way.
    pub fn name(&self) -> &str {
        self.path
            .iter()
            .rev()
            .find_map(|step| match step {
                Step::Field(name) => Some(name.as_str()),
                _ => None,
            })
            .unwrap_or_default()
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.iter().enumerate().try_for_each(|(index, step)| match step {
            Step::Field(name) if index == 0 => f.write_str(name),
            Step::Field(name) => write!(f, ".{name}"),
            Step::Key => f.write_str("[*]"),
            Step::Item => f.write_str("[]"),
        })
    }
}

/// The leaves of `spec`, in the order of the schema.
pub(in crate::offline) fn of(schema: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    walk(&schema["properties"]["spec"], &[Step::Field("spec".to_owned())], &mut found);
    found
}

fn walk(schema: &Value, path: &[Step], found: &mut Vec<Field>) {
    let below = |step: Step| path.iter().cloned().chain([step]).collect::<Vec<_>>();
    if let Some(properties) = schema["properties"].as_object() {
        properties.iter().for_each(|(name, schema)| walk(schema, &below(Step::Field(name.clone())), found));
    } else if schema["additionalProperties"].is_object() {
        walk(&schema["additionalProperties"], &below(Step::Key), found);
    } else if schema["items"].is_object() {
        walk(&schema["items"], &below(Step::Item), found);
    } else {
        found.push(Field { path: path.to_vec(), schema: schema.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::crd::open_api_schema;

    #[test]
    fn leaves_of_objects_lists_and_maps_are_found() {
        let paths: Vec<_> = of(&open_api_schema()).iter().map(ToString::to_string).collect();
        for path in [
            "spec.config.port",
            "spec.config.arguments[]",
            "spec.extraLabels[*]",
            "spec.config.env[].valueFrom.secretKeyRef.key",
            "spec.runtime.resources.limits[*]",
            "spec.network.ingressFrom[].podSelector.matchExpressions[].values[]",
        ] {
            assert!(paths.contains(&path.to_owned()), "{path} is missing in {paths:#?}");
        }
    }
}
