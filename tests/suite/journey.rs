//! A plugin's whole way in the cluster, for each language in which `mcp-render new` writes one: published in a registry,
//! applied, over 200 servers, and taken away again; by one operator that is never restarted. `make templates` has
//! made, built and tested them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cluster_tests::manifests::server;
use cluster_tests::{Kind, Lab, Test, trial_within, within};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::plugin::{Plugin, delete, operator};
use crate::render_plugins::{push, registry};

pub fn tests() -> Vec<Test> {
    vec![trial_within(Duration::from_mins(20), new_plugin_of_each_language_renders_200_servers_and_gives_them_back)]
}

const SERVERS: usize = 200;
const LANGUAGES: [&str; 5] = ["rust", "js", "ts", "python", "go"];
/// How long 200 servers may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);
/// To list 200 servers all the time would be most of what the API server has to do.
const PAUSE: Duration = Duration::from_millis(500);

async fn new_plugin_of_each_language_renders_200_servers_and_gives_them_back(lab: &Lab) -> Result<()> {
    let registry = registry(lab).await?;
    let operator = operator(lab).await?;
    let create = |number: usize| async move {
        // No pods: it is about objects.
        lab.apply(&server(&format!("server-{number}"), &json!({ "runtime": { "replicas": 0 } }))).await
    };
    let _: Vec<Value> = stream::iter(0..SERVERS).map(create).buffer_unordered(8).try_collect().await?;
    rendered_by(lab, None).await?;
    let before = uids(lab).await?;
    println!("{:8} {:>8} {:>8} {:>8} {:>8}", "language", "push", "ready", "rendered", "back");
    for language in LANGUAGES {
        let mut clock = Clock::start();
        let plugin = Plugin::new(lab, &lab.plugin(&format!("new-{language}"))?)?;
        let reference = push(lab, &registry, &plugin.component, &format!("new-{language}")).await?;
        clock.lap();
        let [pull, authority] = ["pull", "authority"].map(|name| json!({ "namespace": lab.namespace(), "name": name }));
        let oci = json!({ "ref": reference, "pullSecrets": [pull], "caSecret": authority });
        let plugin = plugin.with(&json!({ "source": { "file": null, "oci": oci } }));
        plugin.ready().await?;
        clock.lap();
        rendered_by(lab, Some(&plugin)).await?;
        clock.lap();
        delete(lab).await?;
        rendered_by(lab, None).await?;
        clock.lap();
        println!("{language:8} {}", clock.laps.join(" "));
    }
    ensure!(uids(lab).await? == before, "some object was replaced");
    ensure!(operator.terminate().await?.success(), "the operator did not live to the end");
    Ok(())
}

/// Waits until every server's objects are those of the default plugin and, if given, this one.
async fn rendered_by(lab: &Lab, plugin: Option<&Plugin<'_>>) -> Result<()> {
    let expected = plugin.map(|plugin| format!("{}@{}", lab.namespace(), plugin.short_digest()));
    within(PATIENCE, &format!("{SERVERS} servers are rendered by {expected:?}"), async || {
        tokio::time::sleep(PAUSE).await;
        let servers = lab.list(Kind::Server, "").await?;
        let is_there = |server: &&Value| {
            let chain = server["status"]["render"]["chain"].as_str().unwrap_or_default();
            chain.starts_with("default@") && chain.split_once(',').map(|(_, rest)| rest) == expected.as_deref()
        };
        let count = servers.iter().filter(is_there).count();
        ensure!(count == SERVERS, "{count} are");
        Ok(())
    })
    .await
}

async fn uids(lab: &Lab) -> Result<Vec<String>> {
    let mut uids = Vec::new();
    for kind in Kind::CHILDREN {
        uids.extend(lab.list(kind, "").await?.iter().map(|object| object["metadata"]["uid"].to_string()));
    }
    uids.sort();
    Ok(uids)
}

struct Clock {
    last: Instant,
    laps: Vec<String>,
}

impl Clock {
    fn start() -> Self {
        Self { last: Instant::now(), laps: Vec::new() }
    }

    fn lap(&mut self) {
        self.laps.push(format!("{:6.1} s", self.last.elapsed().as_secs_f64()));
        self.last = Instant::now();
    }
}
