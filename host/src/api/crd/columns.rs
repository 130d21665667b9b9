//! The columns that `kubectl get mcpservers` prints, for each version. Pure.
//!
//! A JSONPath with `[*]` would print its first match only, so the plugins have a field of their own that holds them all.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition;

/// The columns of the stored version.
pub(super) fn stored() -> Vec<CustomResourceColumnDefinition> {
    vec![
        column("Phase", "string", ".status.phase"),
        condition("Accepted"),
        condition("Available"),
        condition("Verified"),
        image(),
        port(),
        address(),
        CustomResourceColumnDefinition { priority: Some(1), ..column("Plugins", "string", ".status.render.chain") },
        age(),
    ]
}

/// The columns of the deprecated version.
pub(super) fn deprecated() -> Vec<CustomResourceColumnDefinition> {
    vec![condition("Ready"), condition("Accepted"), image(), port(), address(), age()]
}

fn image() -> CustomResourceColumnDefinition {
    column("Image", "string", ".spec.source.containerImage.ref")
}

fn port() -> CustomResourceColumnDefinition {
    column("Port", "integer", ".spec.config.port")
}

fn address() -> CustomResourceColumnDefinition {
    column("Address", "string", ".status.address.url")
}

fn age() -> CustomResourceColumnDefinition {
    column("Age", "date", ".metadata.creationTimestamp")
}

fn condition(name: &str) -> CustomResourceColumnDefinition {
    column(name, "string", &format!(r#".status.conditions[?(@.type=="{name}")].status"#))
}

fn column(name: &str, type_: &str, json_path: &str) -> CustomResourceColumnDefinition {
    CustomResourceColumnDefinition {
        name: name.to_owned(),
        type_: type_.to_owned(),
        json_path: json_path.to_owned(),
        ..CustomResourceColumnDefinition::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(columns: &[CustomResourceColumnDefinition]) -> Vec<&str> {
        columns.iter().filter(|column| column.priority.is_none()).map(|column| column.name.as_str()).collect()
    }

    #[test]
    fn columns_show_what_their_names_say() {
        let condition = |name: &str| format!(r#".status.conditions[?(@.type=="{name}")].status"#);
        for CustomResourceColumnDefinition { name, type_, json_path, .. } in stored().into_iter().chain(deprecated()) {
            let (kind, path) = match name.as_str() {
                "Accepted" | "Available" | "Verified" | "Ready" => ("string", condition(&name)),
                "Phase" => ("string", ".status.phase".to_owned()),
                "Image" => ("string", ".spec.source.containerImage.ref".to_owned()),
                "Port" => ("integer", ".spec.config.port".to_owned()),
                "Address" => ("string", ".status.address.url".to_owned()),
                "Plugins" => ("string", ".status.render.chain".to_owned()),
                "Age" => ("date", ".metadata.creationTimestamp".to_owned()),
                other => panic!("a column {other}"),
            };
            assert_eq!((type_.as_str(), json_path), (kind, path), "{name}");
        }
    }

    #[test]
    fn narrow_columns_are_those_of_the_contract() {
        assert_eq!(names(&stored()), ["Phase", "Accepted", "Available", "Verified", "Image", "Port", "Address", "Age"]);
        assert_eq!(names(&deprecated()), ["Ready", "Accepted", "Image", "Port", "Address", "Age"]);
    }

    #[test]
    fn no_column_prints_only_the_first_of_several() {
        assert!(stored().iter().all(|column| !column.json_path.contains("[*]")));
    }
}
