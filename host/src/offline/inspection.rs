//! What a component says of itself, and whether it can be used as a render plugin. Runs nothing but `describe`.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::sandbox::{self, Bytes, Digest, Failure, Limits, Plugin, Sandbox};

/// A component, as far as it could be read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    pub(super) digest: String,
    /// In bytes.
    pub(super) size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) contract: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    world: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) imports: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) exports: Vec<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) about: Option<About>,
    limits: LimitsDescription,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// What the plugin says of itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct About {
    pub(super) name: String,
    pub(super) version: String,
    description: String,
    emits: Vec<Kind>,
    facts: Vec<String>,
    parameters_schema: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    api_version: String,
    kind: String,
}

/// What one call may use.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LimitsDescription {
    pub(super) memory_bytes: usize,
    pub(super) time_milliseconds: u128,
    pub(super) output_bytes: usize,
    objects: usize,
    log_bytes: usize,
    component_bytes: usize,
}

/// Looks at a component. What is wrong with it is part of its description.
pub fn inspect(sandbox: &Sandbox, component: &[u8]) -> Description {
    let limits = Limits::default();
    let plugin = sandbox.load(component, limits.clone());
    let found = sandbox::inspect(component).ok();
    let contract = found.as_ref().and_then(|found| found.contract.clone());
    let (imports, exports) = found.map(|found| (found.imports, found.exports)).unwrap_or_default();
    Description {
        digest: Digest::of(component).to_string(),
        size: component.len(),
        world: contract.as_deref().filter(|_| plugin.is_ok()).map(world),
        contract,
        imports,
        exports,
        about: plugin.as_ref().ok().map(About::of),
        limits: LimitsDescription::of(&limits),
        problem: plugin.as_ref().err().map(Failure::to_string),
    }
}

/// `mcp:render/plugin@0.1.0` for `mcp:render@0.1.0`. Components do not keep their world's name; there is only one.
fn world(contract: &str) -> String {
    contract.replacen('@', "/plugin@", 1)
}

impl About {
    fn of(plugin: &Plugin) -> Self {
        let info = plugin.info();
        let kind = |kind: &sandbox::ObjectKind| Kind { api_version: kind.api_version.clone(), kind: kind.kind.clone() };
        Self {
            name: info.name.clone(),
            version: info.version.clone(),
            description: info.description.clone(),
            emits: info.emits.iter().map(kind).collect(),
            facts: info.facts.clone(),
            parameters_schema: plugin.parameters_schema().cloned(),
        }
    }
}

impl LimitsDescription {
    pub(super) fn of(limits: &Limits) -> Self {
        let Limits { memory, time, output, objects, log, component } = limits;
        Self {
            memory_bytes: *memory,
            time_milliseconds: time.as_millis(),
            output_bytes: *output,
            objects: *objects,
            log_bytes: *log,
            component_bytes: *component,
        }
    }
}

impl Description {
    /// Why the component cannot be used as a render plugin, if it cannot.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// How large the component is, and how large it may be.
    pub(super) fn sizes(&self) -> String {
        format!("{} of {}", Bytes(self.size), Bytes(self.limits.component_bytes))
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: &str| writeln!(f, "{:14}{value}", format!("{name}:"));
        if let Some(about) = &self.about {
            line("name", &about.name)?;
            line("version", &about.version)?;
            line("description", &about.description)?;
        }
        line("digest", &self.digest)?;
        line("size", &format!("{} ({} bytes)", Bytes(self.size), self.size))?;
        line("contract", self.contract.as_deref().unwrap_or("none"))?;
        if let Some(world) = &self.world {
            line("world", world)?;
        }
        if let Some(about) = &self.about {
            let kinds: Vec<_> = about.emits.iter().map(|kind| format!("{} {}", kind.api_version, kind.kind)).collect();
            line("emits", &or_none(&kinds))?;
            line("facts", &or_none(&about.facts))?;
            let schema = about.parameters_schema.as_ref().map(Value::to_string);
            line("parameters", schema.as_deref().unwrap_or("none"))?;
        }
        line("imports", &or_none(&self.imports))?;
        line("exports", &or_none(&self.exports))?;
        line("limits", &self.limits.to_string())?;
        self.problem.iter().try_for_each(|problem| line("problem", problem))
    }
}

impl fmt::Display for LimitsDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory_bytes, time_milliseconds, output_bytes, objects, log_bytes, component_bytes } = self;
        let [memory, output, log, component] =
            [memory_bytes, output_bytes, log_bytes, component_bytes].map(|n| Bytes(*n));
        write!(f, "memory {memory}, time {time_milliseconds} ms, output {output} in {objects} objects, log {log}, ")?;
        write!(f, "component {component}")
    }
}

fn or_none(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}
