//! Values that a field may have. Pure.

use serde_json::{Map, Value, json};

/// Two different values of a leaf; the same twice where the schema allows only one.
pub(super) fn two(name: &str, schema: &Value) -> [Value; 2] {
    if let Some([first, rest @ ..]) = schema["enum"].as_array().map(Vec::as_slice) {
        return [first.clone(), rest.first().unwrap_or(first).clone()];
    }
    match (name, schema["type"].as_str()) {
        (_, Some("boolean")) => [json!(false), json!(true)],
        // A port range ends after it begins.
        ("endPort", _) => [json!(9001), json!(9002)],
        ("port", _) => [json!(8081), json!(8082)],
        (_, Some("integer")) if schema["maximum"] == 1 => [json!(0), json!(1)],
        (_, Some("integer")) => [json!(1), json!(2)],
        // The path of a file in a volume.
        ("path", _) if schema["pattern"].is_string() => ["one", "two"].map(Value::from),
        // What else is "integer or string" is a quantity.
        (_, None) => [json!("1"), json!("2")],
        _ => texts(name).map(Value::from),
    }
}

/// Texts that the rules of the field with this name take.
fn texts(name: &str) -> [&'static str; 2] {
    match name {
        "ref" => ["ghcr.io/example/one:1", "ghcr.io/example/two:1"],
        "path" => ["/one", "/two"],
        "fieldPath" => ["metadata.name", "metadata.uid"],
        "resource" => ["limits.cpu", "limits.memory"],
        "medium" => ["Memory", "HugePages"],
        "cidr" => ["10.0.0.0/8", "11.0.0.0/8"],
        "except" => ["10.1.0.0/16", "10.2.0.0/16"],
        _ => ["one", "two"],
    }
}

/// The smallest value that is accepted: of an object, its required fields, and names, which Kubernetes requires in
/// places where its schema does not.
pub(super) fn smallest(name: &str, schema: &Value) -> Value {
    if let Some(properties) = schema["properties"].as_object() {
        let required = |name: &String| schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
        let needed = |(name, _): &(&String, &Value)| required(name) || ["name", "secretName"].contains(&name.as_str());
        let field = |(name, schema): (&String, &Value)| (name.clone(), smallest(name, schema));
        return Value::Object(properties.iter().filter(needed).map(field).collect());
    }
    match schema["type"].as_str() {
        Some("object") => Value::Object(Map::new()),
        Some("array") => Value::Array(Vec::new()),
        _ => {
            let [first, _] = two(name, schema);
            first
        }
    }
}
