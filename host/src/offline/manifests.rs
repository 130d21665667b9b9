//! Sorts documents: the servers to render, the ConfigMaps and Secrets that they may refer to, and what is passed over.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::documents::{self, Document};
use super::finding::{Findings, Origin, Severity, Statement};
use super::located::Located;
use super::{Sources, examples};
use crate::api;
use crate::reconcile::gather::config_hash;
use crate::reconcile::gather::references::{Source, SourceKind};
use crate::reconcile::gather::{config_map_contents, secret_contents};

/// One manifest of an MCPServer that nobody has checked yet.
pub(super) struct ServerManifest {
    /// Where it stands.
    pub origin: Origin,
    /// The document with its lines.
    pub content: Located,
    /// The document, with a namespace.
    pub manifest: Value,
}

impl ServerManifest {
    /// A manifest that stands in no file.
    pub fn of(manifest: Value) -> Self {
        let origin = Origin { file: "generated".to_owned(), document: 1, line: 1 };
        Self { origin, content: Located::in_one_line(), manifest }
    }

    /// How messages name it.
    pub fn subject(&self) -> String {
        subject(&self.manifest)
    }
}

/// Contents of ConfigMaps and Secrets by namespace and name. Of an object that was given twice, the last one counts.
pub(super) type Contents = BTreeMap<(String, Source), config_hash::Contents>;

/// The input, sorted.
#[derive(Default)]
pub(super) struct Manifests {
    /// The servers in the order of the input.
    pub servers: Vec<ServerManifest>,
    /// What they may refer to.
    pub contents: Contents,
    /// Where each server stands that has a name, by that and the namespace.
    given: HashMap<(String, String), Origin>,
    /// Which other kinds stand where, in words.
    others: Vec<String>,
}

/// How many documents that are no servers a message names.
const NAMED: usize = 3;

/// Sorts the documents of one text into `manifests`.
pub(super) fn parse(file: &str, text: &str, namespace: &str, manifests: &mut Manifests, findings: &mut Findings) {
    for document in documents::parse(file, text, findings) {
        manifests.sort(document, namespace, findings);
    }
}

/// Reads and sorts everything that `sources` names.
pub(super) fn read(sources: &Sources, findings: &mut Findings) -> Manifests {
    let mut manifests = Manifests::default();
    for document in documents::read(&sources.manifests, sources.recursive, findings) {
        manifests.sort(document, &sources.namespace, findings);
    }
    for (paths, kind) in [(&sources.config_maps, SourceKind::ConfigMap), (&sources.secrets, SourceKind::Secret)] {
        for document in documents::read(paths, false, findings) {
            manifests.sort_only(kind, document, &sources.namespace, findings);
        }
    }
    manifests
}

/// Those of `sources`, or the embedded examples where there are none. That there is no server among them is in `findings`
/// then, unless something was in the way.
pub(super) fn or_examples(sources: Option<&Sources>, findings: &mut Findings) -> Manifests {
    let manifests = sources.map_or_else(examples::manifests, |sources| read(sources, findings));
    if manifests.servers.is_empty() && !findings.has_errors() {
        findings.no_server(&manifests.instead(sources));
    }
    manifests
}

impl Manifests {
    /// What the input has when it has no server.
    fn instead(&self, sources: Option<&Sources>) -> String {
        if self.others.is_empty() {
            let paths = sources.iter().flat_map(|sources| &sources.manifests);
            let names: Vec<_> = paths.map(|path| documents::name(path)).collect();
            return format!("there is no manifest in {}", names.join(", "));
        }
        let more = self.others.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("and {more} more"));
        self.others.iter().take(NAMED).cloned().chain(more).collect::<Vec<_>>().join("; ")
    }

    fn sort(&mut self, document: Document, namespace: &str, findings: &mut Findings) {
        let Document { origin, content } = document;
        let mut manifest = content.to_value();
        if is_list(&manifest) {
            for content in content.into_field("items").map(Located::into_items).unwrap_or_default() {
                let origin = Origin { line: content.line(), ..origin.clone() };
                self.sort(Document { origin, content }, namespace, findings);
            }
            return;
        }
        let (Some(group_version), Some(kind)) = (manifest["apiVersion"].as_str(), manifest["kind"].as_str()) else {
            let problem = "this is no Kubernetes object: it needs an apiVersion and a kind";
            return findings.unreadable(Some(origin), problem);
        };
        let is_server =
            kind == api::KIND && group_version.split_once('/').is_some_and(|(group, _)| group == api::GROUP);
        if !is_server {
            self.others.push(format!("{origin} has {kind} of {group_version}"));
        }
        give_namespace(&mut manifest, namespace);
        match source_kind(&manifest) {
            _ if is_server => self.server(ServerManifest { origin, content, manifest }, findings),
            Some(kind) => self.source(kind, &origin, manifest, findings),
            None => {
                let message = "passed over: only MCPServers, ConfigMaps and Secrets are read";
                findings.add(Severity::Note, &origin, subject(&manifest), Statement::new(message));
            }
        }
    }

    fn sort_only(&mut self, kind: SourceKind, document: Document, namespace: &str, findings: &mut Findings) {
        let Document { origin, content } = document;
        let mut manifest = content.to_value();
        give_namespace(&mut manifest, namespace);
        if source_kind(&manifest) == Some(kind) {
            return self.source(kind, &origin, manifest, findings);
        }
        let flag = if kind == SourceKind::ConfigMap { "--config-map" } else { "--secret" };
        findings.unreadable(Some(origin), format!("{flag} takes manifests of {kind}s only; give others with -f"));
    }

    fn server(&mut self, server: ServerManifest, findings: &mut Findings) {
        let metadata = &server.manifest["metadata"];
        if let Some(name) = metadata["name"].as_str() {
            match self.given.entry((name.to_owned(), metadata["namespace"].to_string())) {
                Entry::Vacant(place) => drop(place.insert(server.origin.clone())),
                Entry::Occupied(first) => {
                    let statement = Statement::new(format!("was given before, in {}; remove one", first.get()));
                    return findings.add(Severity::Error, &server.origin, server.subject(), statement);
                }
            }
        }
        self.servers.push(server);
    }

    fn source(&mut self, kind: SourceKind, origin: &Origin, manifest: Value, findings: &mut Findings) {
        let subject = subject(&manifest);
        let metadata = &manifest["metadata"];
        let (Some(namespace), Some(name)) = (metadata["namespace"].as_str(), metadata["name"].as_str()) else {
            return findings.unreadable(Some(origin.clone()), format!("{subject}: metadata.name: is required"));
        };
        let key = (namespace.to_owned(), Source { kind, name: name.to_owned() });
        let contents = match kind {
            SourceKind::ConfigMap => typed::<ConfigMap>(manifest).map(config_map_contents),
            SourceKind::Secret => typed::<Secret>(manifest).map(secret_contents),
        };
        match contents {
            Ok(contents) => drop(self.contents.insert(key, contents)),
            Err(problem) => findings.unreadable(Some(origin.clone()), format!("{subject}: {problem}")),
        }
    }
}

/// `kubectl get` prints several objects as one `List`.
fn is_list(manifest: &Value) -> bool {
    manifest["items"].is_array() && manifest["kind"].as_str().is_some_and(|kind| kind.ends_with("List"))
}

fn source_kind(manifest: &Value) -> Option<SourceKind> {
    match (manifest["apiVersion"].as_str()?, manifest["kind"].as_str()?) {
        ("v1", "ConfigMap") => Some(SourceKind::ConfigMap),
        ("v1", "Secret") => Some(SourceKind::Secret),
        _ => None,
    }
}

fn give_namespace(manifest: &mut Value, namespace: &str) {
    if let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) {
        let given = metadata.entry("namespace").or_insert(Value::Null);
        if given.is_null() || *given == "" {
            *given = namespace.into();
        }
    }
}

/// `Kind namespace/name`, as far as the manifest says so.
fn subject(manifest: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let metadata = &manifest["metadata"];
    format!("{} {}/{}", word(&manifest["kind"]), word(&metadata["namespace"]), word(&metadata["name"]))
}

fn typed<K: DeserializeOwned>(manifest: Value) -> Result<K, String> {
    serde_path_to_error::deserialize(manifest).map_err(|error| format!("{}: {}", error.path(), error.inner()))
}
