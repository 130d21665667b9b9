//! What a plugin answers for one server: the default plugin's own objects, and ways to change them.

use anyhow::{Context as _, Result, anyhow};
use mcp_operator::reconcile::gather::{Inputs, Resolved, Stage, Surroundings};
use mcp_operator::reconcile::render;
use mcp_operator::sandbox::{Limits, Sandbox};
use mcp_operator::{api, default_plugin};
use serde_json::{Value, json};

/// An annotation by which an answer that may be applied is known in the cluster.
pub const MARK: &str = "example.com/answered";

/// Renders servers with the default plugin.
pub struct Renderer(Surroundings);

impl Renderer {
    pub fn new() -> Result<Self> {
        let plugin = Sandbox::new(1)?.load(default_plugin::COMPONENT, Limits::default())?;
        let chain = vec![Stage::new("default", plugin)];
        Ok(Self(Surroundings {
            cluster_domain: "cluster.local".into(),
            kubernetes_version: None,
            verify_from: None,
            chain,
        }))
    }

    /// What the default plugin answers for a server.
    pub fn answer(&self, server: &Value) -> Result<Answer> {
        let name = server["metadata"]["name"].as_str().context("a name")?.to_owned();
        let admitted = api::schema::admit(server).map_err(|violations| anyhow!("{name}: {violations:?}"))?;
        let inputs = Inputs::new(&serde_json::from_value(admitted)?, Resolved::default(), &self.0);
        let stage = render::chain(&inputs)?.into_stages().pop().context("a stage")?;
        let text = |object: &Value| object.to_string().into_bytes();
        Ok(Answer { name, objects: stage.objects.iter().map(|o| (o.slot.clone(), text(&o.object))).collect() })
    }
}

/// The answer for one server: objects by slot, as text that may be anything by now.
pub struct Answer {
    name: String,
    objects: Vec<(String, Vec<u8>)>,
}

impl Answer {
    /// Writes JSON at a place in the object of this slot, or appends it where the place ends with `/-`.
    pub fn set(&mut self, slot: &str, pointer: &str, json: &str) {
        let mut object = self.object(slot);
        let patch = json!([{ "op": "add", "path": pointer, "value": parsed(json) }]);
        let patch: json_patch::Patch = serde_json::from_value(patch).expect("this is a JSON patch");
        json_patch::patch(&mut object, &patch).unwrap_or_else(|error| panic!("{slot} {pointer}: {error}"));
        self.replace(slot, object.to_string());
    }

    /// The same in the pods' spec.
    pub fn pod(&mut self, pointer: &str, json: &str) {
        self.set("workload", &format!("/spec/template/spec{pointer}"), json);
    }

    /// The same in the server's container.
    pub fn container(&mut self, pointer: &str, json: &str) {
        self.pod(&format!("/containers/0{pointer}"), json);
    }

    /// Adds an object in a slot of its own, with the server's name unless it says another.
    pub fn add(&mut self, api_version: &str, kind: &str, more: &str) {
        let mut object = json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": self.name } });
        json_patch::merge(&mut object, &parsed(more));
        self.objects.push(("extra".to_owned(), object.to_string().into_bytes()));
    }

    /// Adds a copy of an object, in another slot and with another name.
    pub fn copy(&mut self, from: &str, slot: &str, suffix: &str) {
        let mut object = self.object(from);
        object["metadata"]["name"] = format!("{}{suffix}", self.name).into();
        self.objects.push((slot.to_owned(), object.to_string().into_bytes()));
    }

    /// Leaves an object out.
    pub fn drop(&mut self, slot: &str) {
        self.objects.retain(|(found, _)| found != slot);
    }

    /// Gives an object another slot.
    pub fn rename(&mut self, from: &str, to: &str) {
        self.objects.iter_mut().filter(|(slot, _)| slot == from).for_each(|(slot, _)| to.clone_into(slot));
    }

    /// Says something else instead of an object.
    pub fn replace(&mut self, slot: &str, text: impl Into<Vec<u8>>) {
        self.objects.iter_mut().find(|(found, _)| found == slot).expect("the slot is there").1 = text.into();
    }

    /// Makes the texts of all objects this long together, by an annotation of the Service.
    pub fn grow_to(&mut self, bytes: usize) {
        let now: usize = self.objects.iter().map(|(_, text)| text.len()).sum();
        let annotations = json!({ "a": "x".repeat(bytes - now - r#","annotations":{"a":""}"#.len()) });
        self.set("service", "/metadata/annotations", &annotations.to_string());
    }

    /// Makes it an answer that can be told from the default plugin's.
    pub fn leave_a_mark(&mut self) {
        self.set("service", "/metadata/annotations", &json!({ MARK: "yes" }).to_string());
    }

    pub fn into_objects(self) -> Vec<(String, Vec<u8>)> {
        self.objects
    }

    fn object(&self, slot: &str) -> Value {
        let (_, text) = self.objects.iter().find(|(found, _)| found == slot).expect("the slot is there");
        serde_json::from_slice(text).expect("it is JSON still")
    }
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}
