//! What a plugin gets to work with, taken out of the JSON that it came in.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::wit::mcp::render::types;
use crate::{Failure, Objects, Plugin};

/// What a plugin gets to work with.
pub struct Request<P: Plugin> {
    /// The MCPServer to render.
    pub server: Server<P::Spec>,
    /// What the previous stage of the chain returned; empty for the first stage. A plugin that changes some objects
    /// returns the others as they are; one that renders everything itself ignores this.
    pub base: Objects,
    /// What the platform team set.
    pub parameters: P::Parameters,
    /// Those of the declared facts that are known.
    pub facts: BTreeMap<String, String>,
}

/// One MCPServer, with defaults filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Server<Spec = Value> {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// `spec`, as far as the plugin reads it.
    pub spec: Spec,
}

#[derive(Deserialize)]
struct Manifest<Spec> {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl<P: Plugin> Request<P> {
    pub(crate) fn read(request: types::Request) -> Result<Self, Failure> {
        let types::Request { server, base, parameters, facts } = request;
        Ok(Self {
            server: Server::read(&server)?,
            base: Objects::read(base),
            parameters: parameters_of(parameters.as_deref().unwrap_or("{}"))?,
            facts: facts.into_iter().map(|fact| (fact.name, fact.value)).collect(),
        })
    }
}

impl<Spec: DeserializeOwned> Server<Spec> {
    fn read(text: &str) -> Result<Self, Failure> {
        let Manifest { metadata, spec } = serde_json::from_str(text)
            .map_err(|error| Failure::Internal(format!("the server is not what this plugin expects: {error}")))?;
        let Metadata { name, namespace, labels, annotations } = metadata;
        Ok(Self { name, namespace, labels, annotations, spec })
    }
}

/// The schema lets through what the type does not: for whoever wrote the parameters, so with the path.
fn parameters_of<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { String::new() } else { format!(".{path}") };
        Failure::Unsupported(format!("parameters{at}: {}", error.into_inner()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields, rename_all = "camelCase")]
    struct Parameters {
        max_skew: Vec<u32>,
    }

    fn refused(parameters: &str) -> String {
        match parameters_of::<Parameters>(parameters).unwrap_err() {
            Failure::Unsupported(message) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parameters_of_the_wrong_type_are_named_with_their_path() {
        let message = refused(r#"{"maxSkew":[1,"two"]}"#);
        assert!(message.starts_with("parameters.maxSkew[1]: invalid type: string \"two\", expected u32"), "{message}");
    }

    #[test]
    fn unknown_parameters_are_named() {
        let message = refused(r#"{"skew":1}"#);
        assert!(message.starts_with("parameters.skew: unknown field `skew`"), "{message}");
    }

    #[test]
    fn a_server_is_read_whole() {
        let text = r#"{"apiVersion":"mcp.x-k8s.io/v1beta1","kind":"MCPServer","metadata":{"labels":{"tenant":"a"},
            "name":"demo","namespace":"team"},"spec":{"config":{"port":8080}}}"#;
        let server = Server::<Value>::read(text).unwrap();
        assert_eq!((server.name.as_str(), server.namespace.as_str()), ("demo", "team"));
        assert_eq!((server.labels["tenant"].as_str(), server.annotations.len()), ("a", 0));
        assert_eq!(server.spec["config"]["port"], 8080);
    }

    #[test]
    fn a_server_that_does_not_fit_the_plugins_own_type_is_the_plugins_fault() {
        let text = r#"{"metadata":{"name":"demo"},"spec":{"config":{"port":8080}}}"#;
        let failure = Server::<BTreeMap<String, String>>::read(text).unwrap_err();
        assert!(matches!(failure, Failure::Internal(message) if message.contains("expected a string")));
    }
}
