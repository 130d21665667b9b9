//! Names, labels and annotations that all objects of a server share.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::server::Server;

const APP: (&str, &str) = ("app", "mcp-server");
/// The one label that every selector uses.
const SERVER: &str = "mcp-server";
/// Annotations under this prefix are the operator's own.
const RESERVED_PREFIX: &str = "mcp.x-k8s.io/";

/// The metadata of a child: the server's name, its labels and its annotations.
pub fn child(server: &Server) -> ObjectMeta {
    ObjectMeta {
        name: Some(server.name.clone()),
        labels: Some(labels(server)),
        annotations: Some(annotations(server)).filter(|a| !a.is_empty()),
        ..ObjectMeta::default()
    }
}

/// The server's extra labels and the two that are always there.
pub fn labels(server: &Server) -> BTreeMap<String, String> {
    let mut labels = server.spec.extra_labels.clone();
    labels.insert(APP.0.into(), APP.1.into());
    labels.extend(identity(server));
    labels
}

/// The server's extra annotations, without those that are the operator's.
pub fn annotations(server: &Server) -> BTreeMap<String, String> {
    let mut annotations = server.spec.extra_annotations.clone();
    annotations.retain(|key, _| !key.starts_with(RESERVED_PREFIX));
    annotations
}

/// The label by which the server's pods are found.
pub fn identity(server: &Server) -> BTreeMap<String, String> {
    BTreeMap::from([(SERVER.into(), server.name.clone())])
}

/// Selects the server's pods.
pub fn selector(server: &Server) -> LabelSelector {
    LabelSelector { match_labels: Some(identity(server)), ..LabelSelector::default() }
}
