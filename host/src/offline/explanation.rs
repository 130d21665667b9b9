//! Which plugin rendered which object, and which ones changed it afterwards. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::server::RenderedServer;
use super::table::table;
use crate::canonical;
use crate::reconcile::gather::Stage;
use crate::reconcile::render::{Rendered, StageOutput, Untrusted};
use crate::sandbox::{Severity, Source};

/// What happened to the objects of one server on their way through the chain.
#[derive(Clone, Debug, Default)]
pub struct History {
    origins: BTreeMap<String, Provenance>,
    removed: Vec<Removed>,
    log: Vec<LogLine>,
}

/// Who made one object what it is.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Provenance {
    rendered_by: String,
    changed_by: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Removed {
    slot: String,
    kind: String,
    name: String,
    by: String,
}

#[derive(Clone, Debug, Serialize)]
struct LogLine {
    plugin: String,
    source: &'static str,
    text: String,
}

impl History {
    /// Compares what the stages returned.
    pub(super) fn of(rendered: &Rendered) -> Self {
        let mut history = Self::default();
        let mut before: BTreeMap<&str, &Untrusted> = BTreeMap::new();
        for output in rendered.stages() {
            let after: BTreeMap<_, _> = output.objects.iter().map(|object| (object.slot.as_str(), object)).collect();
            for (slot, object) in &after {
                history.follow(&output.stage, slot, before.get(slot).copied(), object);
            }
            for object in before.into_iter().filter(|(slot, _)| !after.contains_key(slot)).map(|(_, object)| object) {
                history.origins.remove(&object.slot);
                history.removed.push(Removed::from(object, &output.stage));
            }
            history.log.extend(LogLine::all(output));
            before = after;
        }
        history
    }

    fn follow(&mut self, stage: &str, slot: &str, before: Option<&Untrusted>, after: &Untrusted) {
        if let (Some(origin), Some(before)) = (self.origins.get_mut(slot), before) {
            if canonical::value(&before.object) != canonical::value(&after.object) {
                origin.changed_by.push(stage.to_owned());
            }
            return;
        }
        self.removed.retain(|removed| removed.slot != slot);
        let origin = Provenance { rendered_by: stage.to_owned(), changed_by: Vec::new() };
        self.origins.insert(slot.to_owned(), origin);
    }
}

impl Removed {
    fn from(object: &Untrusted, stage: &str) -> Self {
        let word = |value: &serde_json::Value| value.as_str().unwrap_or("?").to_owned();
        let (kind, name) = (word(&object.object["kind"]), word(&object.object["metadata"]["name"]));
        Self { slot: object.slot.clone(), kind, name, by: stage.to_owned() }
    }
}

impl LogLine {
    fn all(output: &StageOutput) -> impl Iterator<Item = Self> {
        output.log.lines().map(|line| Self {
            plugin: output.stage.clone(),
            source: match line.source {
                Source::Debug => "debug",
                Source::Info => "info",
                Source::Warn => "warn",
                Source::Error => "error",
                Source::Stdout => "stdout",
                Source::Stderr => "stderr",
            },
            text: line.text.clone(),
        })
    }
}

/// The explanation of a whole run.
#[derive(Serialize)]
pub struct Explanation<'a> {
    plugins: Vec<Plugin>,
    servers: Vec<Server<'a>>,
}

#[derive(Serialize)]
struct Plugin {
    name: String,
    version: String,
    digest: String,
}

#[derive(Serialize)]
struct Server<'a> {
    namespace: &'a str,
    name: &'a str,
    file: &'a str,
    document: usize,
    line: u64,
    objects: Vec<Object<'a>>,
    removed: &'a [Removed],
    diagnostics: Vec<Diagnostic<'a>>,
    log: &'a [LogLine],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    slot: &'a str,
    api_version: &'a str,
    kind: &'a str,
    name: &'a str,
    digest: &'a str,
    #[serde(flatten)]
    provenance: &'a Provenance,
}

#[derive(Serialize)]
struct Diagnostic<'a> {
    plugin: &'a str,
    severity: &'static str,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<&'a str>,
}

impl<'a> Explanation<'a> {
    /// Of these servers, rendered by this chain.
    pub fn of(chain: &[Stage], servers: &'a [RenderedServer]) -> Self {
        let plugin = |stage: &Stage| Plugin {
            name: stage.name.clone(),
            version: stage.plugin.info().version.clone(),
            digest: stage.plugin.digest().to_string(),
        };
        Self { plugins: chain.iter().map(plugin).collect(), servers: servers.iter().map(Server::of).collect() }
    }

    /// Tables for people, one per server.
    pub fn tables(&self) -> String {
        let plugins =
            self.plugins.iter().map(|plugin| [&plugin.name, &plugin.version, &plugin.digest].map(Clone::clone));
        let chain = table(["PLUGIN", "VERSION", "DIGEST"], plugins);
        let servers = self.servers.iter().map(Server::table);
        std::iter::once(chain).chain(servers).collect::<Vec<_>>().join("\n")
    }
}

impl<'a> Server<'a> {
    fn of(server: &'a RenderedServer) -> Self {
        let object = |object: &'a crate::reconcile::vet::VettedObject| Object {
            slot: object.slot(),
            api_version: object.kind().api_version(),
            kind: object.kind().as_str(),
            name: object.name(),
            digest: object.digest(),
            provenance: &server.history.origins[object.slot()],
        };
        Self {
            namespace: &server.identity.namespace,
            name: &server.identity.name,
            file: &server.origin.file,
            document: server.origin.document,
            line: server.origin.line,
            objects: server.vetted.objects().iter().map(object).collect(),
            removed: &server.history.removed,
            diagnostics: server.vetted.diagnostics().iter().map(Diagnostic::of).collect(),
            log: &server.history.log,
        }
    }

    fn table(&self) -> String {
        let Self { namespace, name, file, document, line, .. } = self;
        let object = |object: &Object<'_>| {
            let changed = object.provenance.changed_by.join(", ");
            let title = format!("{} {}", object.kind, object.name);
            [object.slot.to_owned(), title, object.provenance.rendered_by.clone(), changed]
        };
        let removed = |object: &Removed| {
            let title = format!("{} {}", object.kind, object.name);
            [object.slot.clone(), title, String::new(), format!("removed by {}", object.by)]
        };
        let rows = self.objects.iter().map(object).chain(self.removed.iter().map(removed));
        let objects = table(["SLOT", "OBJECT", "RENDERED BY", "CHANGED BY"], rows);
        let log = self.log.iter().map(|line| format!("log: {} {}: {}\n", line.plugin, line.source, line.text));
        let title = format!("MCPServer {namespace}/{name} ({file}, document {document}, line {line})\n");
        title + &objects + &log.collect::<String>()
    }
}

impl<'a> Diagnostic<'a> {
    fn of((plugin, diagnostic): &'a (String, crate::sandbox::Diagnostic)) -> Self {
        let crate::sandbox::Diagnostic { severity, code, message, path, slot } = diagnostic;
        let severity = match severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        Self { plugin, severity, code, message, path: path.as_deref(), slot: slot.as_deref() }
    }
}
