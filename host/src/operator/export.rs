//! `mcp-operator export`: a server's last render as a [`bundle`], to be rendered again elsewhere.
//!
//! Reads the cluster, with the rights that the operator has and no others, renders once more, and writes one file.
//! Contents of ConfigMaps and Secrets are never read: the status has their hash.

mod chain;
mod components;
mod seen;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use kube::{Resource, ResourceExt};
use serde_json::Value;

use self::components::Part;
use self::seen::Seen;
use super::flags::PluginFlags;
use crate::api::MCPServer;
use crate::bundle::redaction::{self, Redaction};
use crate::bundle::{self, Bundle, Condition, FORMAT, Link, ObjectDigest, Outcome, Recorded};
use crate::cache::sources::ServerName;
use crate::private_files;
use crate::reconcile::gather::{Inputs, Resolved, Surroundings};
use crate::sandbox::{Bytes, Sandbox};
use crate::stdout::print;

/// What `mcp-operator export` can be told.
#[derive(Args, Clone, Debug)]
pub struct Flags {
    /// The MCPServer.
    #[arg(value_name = "NAMESPACE/NAME", value_parser = server_name)]
    pub server: ServerName,

    /// The file to write. Without it: the standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Leave values in that may be secret: of environment variables and arguments, and what health probes send.
    #[arg(long)]
    pub include_values: bool,

    /// The operator's cache directory. Without it, components are fetched from where their RenderPlugins say they are.
    #[arg(long, value_name = "DIRECTORY", env = "MCP_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,

    /// The operator's own plugin, where it does not run with the embedded one.
    #[arg(long, value_name = "FILE", env = "MCP_DEFAULT_PLUGIN_FILE")]
    pub default_plugin: Option<PathBuf>,

    /// The cluster's DNS domain, as the operator was told it.
    #[arg(long, value_name = "DOMAIN", env = "MCP_CLUSTER_DOMAIN", default_value = "cluster.local")]
    pub cluster_domain: String,

    /// As the operator was told it.
    #[command(flatten)]
    pub plugins: PluginFlags,
}

/// The examples and exit codes in the help.
pub const HELP: &str = "\
The file holds everything that decided the render and what came of it: the server, the hash of what it refers to, the
plugins with their parameters and components. `mcp-render replay` renders it again, on any machine, and compares.

Examples:
  mcp-operator export team-a/weather -o weather.json    with your kubeconfig
  mcp-operator export team-a/weather | mcp-render replay -
  mcp-operator export team-a/weather --cache-dir /var/cache/mcp-operator    in the operator's pod

Values of environment variables and arguments, and what health probes send and execute, are taken out unless
--include-values is given. Contents of ConfigMaps and Secrets are never in it. Labels, annotations and the parameters of
plugins are, as they stand.

Exit codes: 0 the file is written; 1 it is not, and the message says why; 2 wrong usage.";

fn server_name(text: &str) -> Result<ServerName, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => Err("write NAMESPACE/NAME".to_owned()),
    }
}

/// Exports a server. Returns what its user should know of the file, one line each.
pub async fn run(flags: Flags) -> anyhow::Result<Vec<String>> {
    let client = super::connect().await?;
    let seen = Seen::read(&client, &flags.server).await?;
    let mut parts = Vec::new();
    for wanted in chain::of(&seen)? {
        parts.push(components::find(&client, &flags, &seen, wanted).await?);
    }
    let (domain, values) = (flags.cluster_domain.clone(), flags.include_values);
    let bundling = tokio::task::spawn_blocking(move || bundle(&seen, parts, domain, values));
    let bundle = bundling.await.context("rendering")??;
    let text = bundle.to_json();
    anyhow::ensure!(
        text.len() <= bundle::MOST_BYTES,
        "the bundle would have {}; no more than {} can be read again",
        Bytes(text.len()),
        Bytes(bundle::MOST_BYTES)
    );
    match &flags.output {
        Some(file) => private_files::write(file, text.as_bytes()).with_context(|| file.display().to_string())?,
        None => print(&text)?,
    }
    Ok(notes(&bundle))
}

/// The whole bundle. Renders the server as it is in the cluster, to compare with what the operator did, and then as it
/// is in the bundle.
fn bundle(seen: &Seen, parts: Vec<Part>, cluster_domain: String, include_values: bool) -> anyhow::Result<Bundle> {
    let mut facts = BTreeMap::from([("cluster.domain", cluster_domain), ("k8s.version", seen.version.clone())]);
    facts.extend(seen.render().and_then(|render| render.config_hash.clone()).map(|hash| ("config.hash", hash)));
    let mut bundle = Bundle {
        format: FORMAT.to_owned(),
        written_by: concat!("mcp-operator ", env!("CARGO_PKG_VERSION")).to_owned(),
        server: request(&seen.server)?,
        uid: seen.server.uid(),
        facts: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        chain: parts.iter().map(|part| part.stage.clone()).collect(),
        redacted: Vec::new(),
        outcome: Outcome::Rendered { objects: Vec::new(), diagnostics: Vec::new() },
        recorded: recorded(seen),
        components: parts.into_iter().map(|part| (part.stage.digest, part.component)).collect(),
    };
    let chain = bundle.load(&Sandbox::new(1)?)?;
    bundle.outcome = bundle::render(&bundle.inputs(chain.clone())?).outcome;
    bundle.recorded.differences = differences(&bundle.recorded, &bundle.outcome);
    if !include_values {
        let redaction = redaction::redact(&mut bundle.server);
        let inputs = bundle.inputs(chain).context("without its values the server is another; give --include-values")?;
        bundle.outcome = bundle::render(&inputs).outcome;
        scrub(&mut bundle.recorded, &redaction);
        bundle.redacted = redaction.paths;
    }
    Ok(bundle)
}

/// The server as plugins see it.
fn request(server: &MCPServer) -> anyhow::Result<Value> {
    let nothing =
        Surroundings { cluster_domain: String::new(), kubernetes_version: None, verify_from: None, chain: Vec::new() };
    let inputs = Inputs::new(server, Resolved::default(), &nothing);
    serde_json::from_str(inputs.server()).context("the server is no JSON")
}

/// What the status says.
fn recorded(seen: &Seen) -> Recorded {
    let render = seen.render().cloned().unwrap_or_default();
    let object = |object: crate::api::status::ObjectStatus| ObjectDigest {
        api_version: object.api_version,
        kind: object.kind,
        name: object.name,
        slot: object.slot,
        digest: object.digest.unwrap_or_default(),
    };
    Recorded {
        plugins: render.plugins.into_iter().map(|plugin| Link { name: plugin.name, digest: plugin.digest }).collect(),
        objects: render.objects.into_iter().map(object).collect(),
        rendered: seen.condition("Rendered").map(|condition| Condition {
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
        }),
        differences: Vec::new(),
    }
}

/// How a rendering differs from what the operator says of its own.
fn differences(recorded: &Recorded, outcome: &Outcome) -> Vec<String> {
    let Some(condition) = &recorded.rendered else { return Vec::new() };
    match (condition.status.as_str(), outcome) {
        ("True", Outcome::Rendered { objects, .. }) => bundle::object_differences(&recorded.objects, objects),
        ("False", Outcome::Failed { reason, message, .. })
            if *reason == condition.reason && is_message(&condition.message, message) =>
        {
            Vec::new()
        }
        _ => {
            let then = format!("Rendered={}, {}: {}", condition.status, condition.reason, condition.message);
            vec![format!("recorded: {then}"), format!("now:      {}", outcome.in_words())]
        }
    }
}

/// A condition's message may be cut.
fn is_message(condition: &str, message: &str) -> bool {
    condition == message || condition.strip_suffix('…').is_some_and(|begin| message.starts_with(begin))
}

fn scrub(recorded: &mut Recorded, redaction: &Redaction) {
    let condition = recorded.rendered.iter_mut().map(|condition| &mut condition.message);
    condition.chain(&mut recorded.differences).for_each(|text| *text = redaction.scrub(text));
}

fn notes(bundle: &Bundle) -> Vec<String> {
    let Bundle { server, redacted, recorded, .. } = bundle;
    let name = server["metadata"]["name"].as_str().unwrap_or_default();
    let mut notes = Vec::new();
    if !redacted.is_empty() {
        notes.push(format!("note: values were taken out; --include-values leaves them in: {}", redacted.join(", ")));
    }
    if recorded.differences.is_empty() {
        notes.push(format!("note: rendering {} {name} once more gives what its status says", MCPServer::kind(&())));
    } else {
        notes.push("warning: rendering it once more does not give what its status says:".to_owned());
        notes.extend(recorded.differences.iter().map(|difference| format!("  {difference}")));
    }
    notes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::components::own;
    use super::*;
    use crate::api::render_plugin::Grants;
    use crate::sandbox::{Digest, Limits};

    const POLICY: &str = "policy";

    fn part(name: &str, component: Vec<u8>) -> Part {
        let limits = (&Limits::default()).into();
        let digest = Digest::of(&component).to_string();
        let stage =
            bundle::Stage { name: name.to_owned(), digest, parameters: None, grants: Grants::default(), limits };
        Part { stage, component: bundle::Component(component) }
    }

    fn chain(policy: &str) -> Vec<Part> {
        let default = crate::default_plugin::COMPONENT.to_vec();
        vec![part("default", default), part(POLICY, hostile_plugins::component(policy))]
    }

    fn seen(status: &Value) -> Seen {
        let server = json!({
            "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer",
            "metadata": {"name": "a", "namespace": "team", "uid": "u-1", "generation": 2, "labels": {"app": "x"}},
            "spec": {
                "source": {"type": "ContainerImage", "containerImage": {"ref": "example.com/a:1"}},
                "config": {"port": 80, "env": [{"name": "TOKEN", "value": "hunter2-hunter2"}]},
            },
            "status": status,
        });
        Seen {
            server: serde_json::from_value(server).unwrap(),
            plugins: Vec::new(),
            namespace_labels: BTreeMap::new(),
            version: "1.36".to_owned(),
        }
    }

    fn condition(status: &str, reason: &str, message: &str) -> Value {
        let time = "2026-01-02T03:04:05Z";
        json!([{"type": "Rendered", "status": status, "reason": reason, "message": message, "lastTransitionTime": time}])
    }

    fn bundled(status: &Value, policy: &str, values: bool) -> Bundle {
        bundle(&seen(status), chain(policy), "cluster.local".to_owned(), values).unwrap()
    }

    /// What a status would say of these objects.
    fn applied(outcome: &Outcome) -> Value {
        let Outcome::Rendered { objects, .. } = outcome else { panic!("{outcome:?}") };
        json!({"conditions": condition("True", "Rendered", ""), "render": {"objects": objects, "configHash": "abc"}})
    }

    #[test]
    fn a_bundle_with_values_says_that_it_is_what_was_applied() {
        let first = bundled(&json!({"render": {"configHash": "abc"}}), "passthrough", true);
        let bundle = bundled(&applied(&first.outcome), "passthrough", true);
        assert_eq!((bundle.recorded.differences.len(), bundle.redacted.len()), (0, 0));
        assert_eq!((bundle.uid.as_deref(), bundle.facts["config.hash"].as_str()), (Some("u-1"), "abc"));
        assert!(bundle.to_json().contains("hunter2-hunter2"));
        assert!(notes(&bundle)[0].ends_with("once more gives what its status says"));
    }

    #[test]
    fn without_values_the_outcome_is_that_of_the_file_and_the_comparison_that_of_the_cluster() {
        let full = bundled(&json!({"render": {"configHash": "abc"}}), "passthrough", true);
        let bundle = bundled(&applied(&full.outcome), "passthrough", false);
        assert_eq!(bundle.redacted, ["spec.config.env[0].value"]);
        assert_eq!(bundle.recorded.differences, Vec::<String>::new());
        assert_eq!(full.outcome.differences(&bundle.outcome).len(), 1, "the Deployment has another value");
        assert!(!bundle.to_json().contains("hunter2"));
        let inputs = bundle.inputs(bundle.load(&Sandbox::new(1).unwrap()).unwrap()).unwrap();
        assert_eq!(bundle::render(&inputs).outcome, bundle.outcome);
    }

    #[test]
    fn a_failed_render_is_bundled_with_its_failure() {
        let message = "plugin policy: Refused: No. (spec.source)";
        let status = json!({"conditions": condition("False", "RefusedByPolicy", message)});
        let bundle = bundled(&status, "invalid", false);
        assert_eq!(bundle.recorded.differences, Vec::<String>::new());
        assert!(matches!(&bundle.outcome, Outcome::Failed { class, .. } if class == "Invalid"), "{:?}", bundle.outcome);
    }

    #[test]
    fn another_outcome_than_the_recorded_one_is_told_without_values() {
        let message = "plugin policy: the value hunter2-hunter2 is bad";
        let status = json!({"conditions": condition("False", "RenderFailed", message)});
        let bundle = bundled(&status, "passthrough", false);
        let told = notes(&bundle).join("\n");
        assert!(
            told.contains("recorded: Rendered=False, RenderFailed: plugin policy: the value REDACTED is bad"),
            "{told}"
        );
        assert!(!bundle.to_json().contains("hunter2"));
    }

    #[test]
    fn a_message_that_was_cut_is_the_same() {
        assert!(is_message("the plugin cra…", "the plugin crashed") && is_message("a", "a"));
        assert!(!is_message("the plugin cra", "the plugin crashed") && !is_message("b…", "a"));
    }

    #[test]
    fn servers_are_named_with_their_namespace() {
        assert_eq!(server_name("team/a"), Ok(("team".to_owned(), "a".to_owned())));
        for text in ["a", "/a", "team/", "team/a/b", ""] {
            assert!(server_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_operators_own_plugin_has_its_own_name() {
        let own = own(None, None).unwrap();
        assert_eq!((own.stage.name.as_str(), own.stage.parameters), ("default", None));
    }
}
