//! A render plugin that gives every server's pods a priority class: the one that the server's label `priority` asks for, if
//! it is offered.

use std::collections::BTreeMap;

use mcp_render_plugin::{Diagnostic, Failure, Fields, Info, Kind, Plugin, Rendering, Request, Value};
use serde::Deserialize;

/// The label of an MCPServer that asks for a class.
const LABEL: &str = "priority";

/// The plugin.
pub struct Priority;

/// What a platform team can set, as `parameters.schema.json` describes it.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// The classes that are offered; the first one is for servers that ask for none.
    pub classes: Vec<String>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { classes: vec!["mcp-standard".to_owned(), "mcp-high".to_owned()] }
    }
}

impl Plugin for Priority {
    type Spec = Value;
    type Parameters = Parameters;

    const INFO: Info = Info {
        name: "my-policy",
        version: env!("CARGO_PKG_VERSION"),
        description: "Gives every server's pods a priority class.",
        emits: &[Kind::DEPLOYMENT],
        facts: &[],
        parameters_schema: Some(include_str!("../parameters.schema.json")),
    };

    fn render(request: Request<Self>) -> Result<Rendering, Failure> {
        let Request { server, mut base, parameters, .. } = request;
        let class = class_of(&server.labels, &parameters.classes)?;
        let pod = base.workload()?.object("spec.template.spec")?;
        pod.insert("priorityClassName".to_owned(), class.into());
        Ok(base.into())
    }
}

mcp_render_plugin::export!(Priority);

/// The class that a server gets.
fn class_of<'a>(labels: &BTreeMap<String, String>, classes: &'a [String]) -> Result<&'a str, Diagnostic> {
    let offered = match labels.get(LABEL) {
        Some(asked) => classes.iter().find(|class| *class == asked),
        None => classes.first(),
    };
    offered.map(String::as_str).ok_or_else(|| {
        let (asked, all) = (labels.get(LABEL).map_or("", String::as_str), classes.join(", "));
        let message = format!("The priority class {asked} is not offered; write one of: {all}.");
        Diagnostic::error("PriorityNotOffered", message).at(format!("metadata.labels[{LABEL}]"))
    })
}

#[cfg(test)]
mod tests {
    use mcp_render_plugin::{Objects, Server, WORKLOAD, json};

    use super::*;

    /// The pod of a server with these labels.
    fn pod(labels: &[(&str, &str)]) -> Result<Value, Failure> {
        let labels = labels.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        let server = Server { labels: labels.collect(), ..Server::default() };
        let mut base = Objects::default();
        base.set(WORKLOAD, &json!({"spec": {"template": {"spec": {}}}}))?;
        let parameters = Parameters::default();
        let request = Request { server, base, parameters, facts: BTreeMap::new() };
        let mut rendering = Priority::render(request)?;
        Ok(rendering.objects.workload()?.at("spec.template.spec").clone())
    }

    #[test]
    fn the_label_chooses_among_the_classes() {
        assert_eq!(pod(&[]).unwrap(), json!({"priorityClassName": "mcp-standard"}));
        let high = pod(&[("priority", "mcp-high")]).unwrap();
        assert_eq!(high, json!({"priorityClassName": "mcp-high"}));
    }

    #[test]
    fn a_class_that_is_not_offered_is_refused() {
        let Err(Failure::Invalid(reasons)) = pod(&[("priority", "urgent")]) else { panic!() };
        assert_eq!(reasons[0].code, "PriorityNotOffered");
        assert_eq!(reasons[0].path.as_deref(), Some("metadata.labels[priority]"));
    }
}
