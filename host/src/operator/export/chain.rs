//! Which plugins rendered a server last, by what the statuses say. Pure.

use anyhow::{bail, ensure};
use kube::ResourceExt;

use super::seen::Seen;
use crate::api::RenderPlugin;
use crate::plugins::selection::Selection;
use crate::sandbox::Digest;

/// One plugin of the chain.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The operator's own plugin; its digest where that is known.
    Own(Option<Digest>),
    /// A `RenderPlugin`, by name.
    Plugin(String, Digest),
}

/// What is false when a plugin was asked and there are no objects.
const TRIED: [&str; 4] = ["RefusedByPolicy", "RenderFailed", "RenderRejected", "Unsupported"];

/// The chain: of a server that was rendered, the one that its status names; of one that was not, the one that was tried.
pub(super) fn of(seen: &Seen) -> anyhow::Result<Vec<Wanted>> {
    if let Some(accepted) = seen.condition("Accepted").filter(|condition| condition.status == "False") {
        bail!("the server's spec is not accepted, so it was not rendered: {}", accepted.message);
    }
    let Some(rendered) = seen.condition("Rendered") else {
        bail!("the server was never rendered: its status has no condition Rendered; is the operator running?")
    };
    if rendered.status == "True" {
        return applied(seen);
    }
    let tried = TRIED.contains(&rendered.reason.as_str());
    ensure!(tried, "the server was not rendered: {}: {}", rendered.reason, rendered.message);
    let own = std::iter::once(Ok(Wanted::Own(None)));
    own.chain(selecting(seen).into_iter().filter_map(|plugin| active(plugin).transpose())).collect()
}

fn applied(seen: &Seen) -> anyhow::Result<Vec<Wanted>> {
    let plugins = seen.render().map(|render| render.plugins.as_slice()).unwrap_or_default();
    ensure!(!plugins.is_empty(), "the server's status does not say which plugins rendered it; is the operator older?");
    let digests = plugins.iter().map(|plugin| Ok((plugin, plugin.digest.parse::<Digest>()?)));
    let wanted = digests.enumerate().map(|(index, link)| {
        link.map(|(plugin, digest)| match index {
            0 => Wanted::Own(Some(digest)),
            _ => Wanted::Plugin(plugin.name.clone(), digest),
        })
    });
    wanted.collect()
}

/// The plugins that select the server, in order.
fn selecting(seen: &Seen) -> Vec<&RenderPlugin> {
    let namespace = seen.server.namespace().unwrap_or_default();
    let selects = |plugin: &&RenderPlugin| {
        let selection = Selection::of(plugin.spec.matches.as_ref());
        selection.selects(&namespace, &seen.namespace_labels, seen.server.labels())
    };
    let mut plugins: Vec<_> = seen.plugins.iter().filter(selects).collect();
    plugins.sort_by_key(|plugin| (plugin.spec.order, plugin.name_any()));
    plugins
}

/// The version of a plugin that renders now; none of one that never became ready.
fn active(plugin: &RenderPlugin) -> anyhow::Result<Option<Wanted>> {
    let digest = plugin.status.as_ref().and_then(|status| status.digest.as_deref());
    Ok(digest.map(str::parse).transpose()?.map(|digest| Wanted::Plugin(plugin.name_any(), digest)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    fn seen(conditions: &[(&str, &str, &str)], plugins: &[(&str, &str)]) -> Seen {
        let condition = |(name, status, reason): &(&str, &str, &str)| {
            json!({"type": name, "status": status, "reason": reason, "message": "why",
                "lastTransitionTime": "2026-01-02T03:04:05Z"})
        };
        let link = |(name, of): &(&str, &str)| json!({"name": name, "digest": digest(of).to_string()});
        let server = json!({
            "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer", "metadata": {"name": "a", "namespace": "team"},
            "spec": {"source": {"type": "ContainerImage"}, "config": {"port": 80}},
            "status": {
                "conditions": conditions.iter().map(condition).collect::<Vec<_>>(),
                "render": {"plugins": plugins.iter().map(link).collect::<Vec<_>>()},
            },
        });
        let server = serde_json::from_value(server).unwrap();
        Seen { server, plugins: Vec::new(), namespace_labels: BTreeMap::new(), version: String::new() }
    }

    fn plugin(name: &str, order: i32, namespace: &str, active: Option<&str>) -> RenderPlugin {
        let status: Value = active.map_or(json!({}), |of| json!({"digest": digest(of).to_string()}));
        serde_json::from_value(json!({
            "apiVersion": "render.mcp.x-k8s.io/v1alpha1", "kind": "RenderPlugin", "metadata": {"name": name},
            "spec": {"source": {}, "digest": "sha256:x", "order": order, "match": {"namespaces": [namespace]}},
            "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_rendered_server_has_the_chain_of_its_status() {
        let seen = seen(&[("Rendered", "True", "Rendered")], &[("default", "d"), ("spread", "s")]);
        let expected = [Wanted::Own(Some(digest("d"))), Wanted::Plugin("spread".to_owned(), digest("s"))];
        assert_eq!(of(&seen).unwrap(), expected);
    }

    #[test]
    fn a_server_that_failed_has_the_plugins_that_select_it_in_order() {
        let mut seen = seen(&[("Rendered", "False", "RenderFailed")], &[("default", "old")]);
        seen.plugins = vec![
            plugin("late", 900, "team", Some("l")),
            plugin("early", 100, "team", Some("e")),
            plugin("elsewhere", 100, "other", Some("x")),
            plugin("never-ready", 100, "team", None),
        ];
        let named = |name: &str, of| Wanted::Plugin(name.to_owned(), digest(of));
        assert_eq!(of(&seen).unwrap(), [Wanted::Own(None), named("early", "e"), named("late", "l")]);
    }

    #[test]
    fn what_was_not_rendered_is_refused_with_the_reason() {
        for (conditions, words) in [
            (vec![], "is the operator running?"),
            (vec![("Accepted", "False", "Invalid"), ("Rendered", "True", "Rendered")], "spec is not accepted"),
            (vec![("Rendered", "False", "PluginUnavailable")], "PluginUnavailable: why"),
            (vec![("Rendered", "True", "Rendered")], "does not say which plugins"),
        ] {
            let message = of(&seen(&conditions, &[])).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
