//! References to ConfigMaps and Secrets in `spec.config`: each must say to which one. Pure.
//!
//! Kubernetes' own types allow an empty name there, for historical reasons; no object can have it.

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar};

use super::Violation;
use crate::api::spec::{Config, Storage};

/// References without a name, variables with two values, and two variables with one name.
pub(super) fn violations(config: &Config) -> Vec<Violation> {
    let env = config.env.iter().enumerate().filter_map(|(index, var)| env(&format!("spec.config.env[{index}]"), var));
    let sources = config.env_from.iter().enumerate();
    let env_from = sources.filter_map(|(index, source)| env_from(&format!("spec.config.envFrom[{index}]"), source));
    let volumes = config.storage.iter().enumerate();
    let storage = volumes.filter_map(|(index, one)| storage(&format!("spec.config.storage[{index}].source"), one));
    env.chain(repeated(&config.env)).chain(env_from).chain(storage).collect()
}

/// Server-side apply tells variables apart by name, and refuses a pod that has two of one.
fn repeated(env: &[EnvVar]) -> impl Iterator<Item = Violation> {
    let earlier = |index: usize| env[..index].iter().position(|one| one.name == env[index].name);
    (0..env.len()).filter_map(move |index| {
        let message = format!("must be another name than that of env[{}]", earlier(index)?);
        Some(Violation::new(format!("spec.config.env[{index}].name"), message))
    })
}

fn env(path: &str, var: &EnvVar) -> Option<Violation> {
    let source = var.value_from.as_ref()?;
    if var.value.as_ref().is_some_and(|value| !value.is_empty()) {
        return Some(Violation::new(format!("{path}.valueFrom"), "cannot be given together with value"));
    }
    let config_map = source.config_map_key_ref.as_ref().map(|key| ("configMapKeyRef", key.name.as_str()));
    let secret = source.secret_key_ref.as_ref().map(|key| ("secretKeyRef", key.name.as_str()));
    let (field, _) = config_map.into_iter().chain(secret).find(|(_, name)| name.is_empty())?;
    Some(unnamed(format!("{path}.valueFrom.{field}.name")))
}

fn env_from(path: &str, source: &EnvFromSource) -> Option<Violation> {
    let config_map = source.config_map_ref.as_ref().map(|config_map| ("configMapRef", config_map.name.as_str()));
    let secret = source.secret_ref.as_ref().map(|secret| ("secretRef", secret.name.as_str()));
    let mut given = config_map.into_iter().chain(secret);
    match (given.next(), given.next()) {
        (Some((field, "")), _) | (_, Some((field, ""))) => Some(unnamed(format!("{path}.{field}.name"))),
        (Some(_), None) => None,
        _ => Some(Violation::new(path, "must have exactly one of configMapRef and secretRef")),
    }
}

fn storage(path: &str, storage: &Storage) -> Option<Violation> {
    let source = &storage.source;
    let config_map = source.config_map.as_ref().map(|config_map| ("configMap.name", config_map.name.as_str()));
    let secret = source.secret.as_ref().map(|s| ("secret.secretName", s.secret_name.as_deref().unwrap_or_default()));
    let (field, _) = config_map.into_iter().chain(secret).find(|(_, name)| name.is_empty())?;
    Some(unnamed(format!("{path}.{field}")))
}

fn unnamed(path: String) -> Violation {
    Violation::new(path, "must name an object")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;

    fn paths(mut config: Value) -> Vec<String> {
        config["port"] = json!(8080);
        let config: Config = serde_json::from_value(config).unwrap();
        violations(&config).into_iter().map(|violation| violation.path).collect()
    }

    #[test]
    fn references_without_a_name_are_told_with_their_path() {
        let env =
            json!([{"name": "A", "value": ""}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "", "key": "k"}}}]);
        let storage = json!([{"path": "/a", "source": {"type": "Secret", "secret": {}}}]);
        assert_eq!(
            paths(json!({"env": env, "envFrom": [{"configMapRef": {"name": ""}}], "storage": storage})),
            [
                "spec.config.env[1].valueFrom.secretKeyRef.name",
                "spec.config.envFrom[0].configMapRef.name",
                "spec.config.storage[0].source.secret.secretName",
            ]
        );
    }

    #[test]
    fn variable_has_a_value_or_a_source() {
        let source = json!({"fieldRef": {"fieldPath": "metadata.name"}});
        let variable = |value: &str| json!({"env": [{"name": "A", "value": value, "valueFrom": source}]});
        assert_eq!(paths(variable("1")), ["spec.config.env[0].valueFrom"]);
        assert_eq!(paths(variable("")), Vec::<String>::new(), "Kubernetes takes it for none");
    }

    #[test]
    fn variables_have_different_names() {
        let env = json!([{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}]);
        assert_eq!(paths(json!({"env": env})), ["spec.config.env[2].name"]);
    }

    #[test]
    fn environment_source_is_one_of_two() {
        let both = json!({"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}});
        assert_eq!(paths(json!({"envFrom": [both]})), ["spec.config.envFrom[0]"]);
        assert_eq!(paths(json!({"envFrom": [{"prefix": "X_"}]})), ["spec.config.envFrom[0]"]);
        assert_eq!(paths(json!({"envFrom": [{"prefix": "X_", "secretRef": {"name": "b"}}]})), Vec::<String>::new());
    }
}
