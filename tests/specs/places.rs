//! Where in a server which part of the schema is used.

use serde_json::Value;

/// A value in a server.
pub struct Place<'a> {
    /// As Kubernetes writes it: `spec.config.env[0].name`.
    pub path: String,
    /// The same for all items of a list and all entries of a map: `spec.config.env[].name`, `spec.extraLabels[*]`.
    pub field: String,
    /// The path of what it is in.
    pub around: String,
    /// As JSON Pointer (RFC 6901).
    pub pointer: String,
    /// What the schema says of it.
    pub schema: &'a Value,
}

/// All of them, the outer before the inner.
pub fn places<'a>(schema: &'a Value, spec: &Value) -> Vec<Place<'a>> {
    let mut found = Vec::new();
    let [path, field, around] = ["spec", "spec", "spec"].map(str::to_owned);
    let root = Place { path, field, around, pointer: "/spec".to_owned(), schema };
    collect(root, spec, &mut found);
    found
}

fn collect<'a>(place: Place<'a>, value: &Value, found: &mut Vec<Place<'a>>) {
    let below = |path: String, field: &str, step: &str, schema: &'a Value| {
        let step = step.replace('~', "~0").replace('/', "~1");
        let (field, pointer) = (format!("{}{field}", place.field), format!("{}/{step}", place.pointer));
        Place { path: format!("{}{path}", place.path), around: place.path.clone(), field, pointer, schema }
    };
    let mut inner = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let entry = match place.schema["properties"].get(name) {
            Some(schema) => below(format!(".{name}"), &format!(".{name}"), name, schema),
            None => below(format!(".{name}"), "[*]", name, &place.schema["additionalProperties"]),
        };
        inner.push((entry, value));
    }
    for (index, value) in value.as_array().into_iter().flatten().enumerate() {
        inner.push((below(format!("[{index}]"), "[]", &index.to_string(), &place.schema["items"]), value));
    }
    found.push(place);
    for (entry, value) in inner {
        collect(entry, value, found);
    }
}
