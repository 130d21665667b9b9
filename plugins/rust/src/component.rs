//! What crosses the boundary: describes a plugin and calls it.

use std::marker::PhantomData;

use crate::wit::exports::mcp::render::info::{self, ObjectKind, PluginInfo};
use crate::wit::exports::mcp::render::renderer;
use crate::wit::mcp::render::types;
use crate::{Failure, Info, Kind, Plugin, Rendering, Request, log};

/// A plugin as a component: what [`export!`](crate::export) exports.
pub struct Component<P>(PhantomData<P>);

impl<P: Plugin> info::Guest for Component<P> {
    fn describe() -> PluginInfo {
        let Info { name, version, description, emits, facts, parameters_schema } = P::INFO;
        let kind =
            |&Kind { api_version, kind }: &Kind| ObjectKind { api_version: api_version.into(), kind: kind.into() };
        PluginInfo {
            name: name.into(),
            version: version.into(),
            description: description.into(),
            emits: emits.iter().map(kind).collect(),
            facts: facts.iter().map(|&fact| fact.into()).collect(),
            parameters_schema: parameters_schema.map(Into::into),
        }
    }
}

impl<P: Plugin> renderer::Guest for Component<P> {
    fn render(request: types::Request) -> Result<types::Response, Failure> {
        log::report_panics();
        let Rendering { objects, diagnostics } = P::render(Request::read(request)?)?;
        Ok(types::Response { objects: objects.write(), diagnostics })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;
    use crate::wit::exports::mcp::render::{info::Guest as _, renderer::Guest as _};
    use crate::wit::mcp::render::types::{Fact, SlotObject};
    use crate::{Diagnostic, Fields, SERVICE, WORKLOAD};

    struct Scale;

    #[derive(Deserialize)]
    struct Parameters {
        replicas: u32,
    }

    impl Plugin for Scale {
        type Spec = Value;
        type Parameters = Parameters;

        const INFO: Info = Info {
            name: "scale",
            version: "1.2.3",
            description: "Sets the replicas.",
            emits: &[Kind::DEPLOYMENT],
            facts: &["k8s.version"],
            parameters_schema: Some("{}"),
        };

        fn render(request: Request<Self>) -> Result<Rendering, Failure> {
            let Request { server, mut base, parameters, facts } = request;
            base.workload()?.object("spec")?.insert("replicas".to_owned(), parameters.replicas.into());
            let seen = format!("{} on {}", server.name, facts["k8s.version"]);
            Ok(Rendering { objects: base, diagnostics: vec![Diagnostic::info("Seen", seen)] })
        }
    }

    fn request(parameters: Option<&str>) -> types::Request {
        let object = |slot: &str, object: &str| SlotObject { slot: slot.into(), object: object.into() };
        types::Request {
            server: r#"{"metadata":{"name":"demo"},"spec":{}}"#.into(),
            base: vec![object(SERVICE, "{ }"), object(WORKLOAD, "{}")],
            parameters: parameters.map(Into::into),
            facts: vec![Fact { name: "k8s.version".into(), value: "1.36".into() }],
        }
    }

    #[test]
    fn a_plugin_says_of_itself_what_its_info_says() {
        let info = Component::<Scale>::describe();
        assert_eq!((info.name.as_str(), info.version.as_str()), ("scale", "1.2.3"));
        assert_eq!((info.emits[0].api_version.as_str(), info.emits[0].kind.as_str()), ("apps/v1", "Deployment"));
        assert_eq!((info.facts, info.parameters_schema.as_deref()), (vec!["k8s.version".to_owned()], Some("{}")));
    }

    #[test]
    fn a_plugin_gets_all_that_is_in_the_request() {
        let answer = Component::<Scale>::render(request(Some(r#"{"replicas":3}"#))).unwrap();
        let objects: Vec<_> = answer.objects.iter().map(|entry| entry.object.as_str()).collect();
        assert_eq!(objects, ["{ }", r#"{"spec":{"replicas":3}}"#]);
        assert_eq!(answer.diagnostics, [Diagnostic::info("Seen", "demo on 1.36")]);
    }

    #[test]
    fn missing_parameters_are_an_empty_object() {
        let failure = Component::<Scale>::render(request(None)).unwrap_err();
        assert!(matches!(failure, Failure::Unsupported(message) if message.contains("missing field `replicas`")));
    }
}
