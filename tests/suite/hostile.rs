//! The hostile table on a real cluster: every answer that a plugin could give to get more than it may, given for a server
//! that runs and for one that does not, by a RenderPlugin and by the default plugin. Each is refused with its reason, and
//! nothing is written for it.
//!
//! The rows are in `hostile/rows.rs`. One component answers for all of them, each for the server of its own name, and hands on
//! what it got for every other server: so one operator and one plugin serve the whole table.

mod answer;
mod rows;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use cluster_tests::manifests::server;
use cluster_tests::{Kind, LONG, Lab, PROMPT, Skip, Test, condition, looks, trial_within, within};
use serde_json::{Value, json};

use self::rows::{Row, Verdict};
use super::plugin::{Plugin, operator};

pub fn tests() -> Vec<Test> {
    let limit = Duration::from_mins(10);
    vec![
        trial_within(limit, hostile_render_plugin_changes_nothing),
        trial_within(limit, hostile_default_plugin_makes_nothing),
    ]
}

/// How long all rows together may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(4);

/// A server that the plugin does nothing to.
const BYSTANDER: &str = "bystander";

/// All rows and the component that answers them.
struct Table {
    rows: Vec<Row>,
    component: Vec<u8>,
}

impl Table {
    fn new() -> Result<Self> {
        let (rows, renderer) = (rows::all(), answer::Renderer::new()?);
        let mut answers = Vec::new();
        for row in &rows {
            let mut answer = renderer.answer(&row.server())?;
            (row.change)(&mut answer);
            if row.is_allowed() {
                answer.leave_a_mark();
            }
            answers.push((row.name.to_owned(), answer.into_objects()));
        }
        Ok(Self { rows, component: hostile_plugins::answering_by_name(&answers) })
    }

    fn refused(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.is_allowed())
    }

    async fn apply_servers(&self, lab: &Lab) -> Result<()> {
        for row in &self.rows {
            lab.apply(&row.server()).await.with_context(|| format!("row {}", row.name))?;
        }
        Ok(())
    }

    /// Waits until every row's server says what it should. Tells of every row that does not.
    async fn until(&self, lab: &Lab, what: &str, check: impl Fn(&Row, &Value) -> Result<()>) -> Result<()> {
        within(PATIENCE, what, async || {
            let servers = lab.list(Kind::Server, "").await?;
            let outcome = |row: &Row| {
                let server = servers.iter().find(|server| server["metadata"]["name"] == row.name);
                check(row, server.context("the server does not exist")?)
            };
            let wrong = |row: &Row| outcome(row).err().map(|error| format!("\n  {}: {error:#}", row.name));
            let wrong: Vec<String> = self.rows.iter().filter_map(wrong).collect();
            ensure!(wrong.is_empty(), "{} of {} rows are not so:{}", wrong.len(), self.rows.len(), wrong.concat());
            Ok(())
        })
        .await
    }

    /// What was written for refused rows and for nobody so far, by the operators of this test.
    fn writes(&self, lab: &Lab) -> Result<Vec<String>> {
        let requests = match lab.requests() {
            Err(error) if error.is::<Skip>() => return Ok(Vec::new()), // the objects themselves are looked at anyway
            requests => requests?,
        };
        let allowed: Vec<_> =
            self.rows.iter().filter(|row| row.is_allowed()).map(|row| format!("/{}?", row.name)).collect();
        let reports = |uri: &str| uri.contains("/status?") || uri.contains("/events");
        let told = requests.into_iter().filter(|request| {
            request.writes() && !reports(&request.uri) && !allowed.iter().any(|part| request.uri.contains(part))
        });
        Ok(told.map(|request| format!("{} {}", request.verb, request.uri)).collect())
    }
}

/// Rows whose refusal the server tells as `Rendered=<expected>`; the others are rendered, and their mark is applied.
fn says(row: &Row, server: &Value, plugin: &str, expected: &str) -> Result<()> {
    looks_like(server, "Rendered", if row.is_allowed() { "True Rendered" } else { expected })?;
    let message = condition(server, "Rendered")["message"].as_str().unwrap_or_default();
    if let Verdict::Refused { message: words, .. } = row.verdict {
        let words = format!("plugin {plugin}{}", words.replace("NAME", row.name));
        ensure!(message.contains(&words), "the message lacks {words:?}: {message}");
    }
    Ok(())
}

fn looks_like(server: &Value, name: &str, expected: &str) -> Result<()> {
    let seen = looks(server);
    ensure!(seen.get(name).is_some_and(|seen| seen == expected), "{name} is not {expected:?}: {}", server["status"]);
    Ok(())
}

async fn hostile_render_plugin_changes_nothing(lab: &Lab) -> Result<()> {
    let table = Table::new()?;
    let name = lab.namespace();
    let _operator = operator(lab).await?;
    lab.apply(&server(BYSTANDER, &json!({}))).await?;
    table.apply_servers(lab).await?;
    let good = Plugin::hostile(lab, "passthrough")?;
    good.ready().await?;
    lab.ready(BYSTANDER).await?;
    let as_asked = |_: &Row, server: &Value| looks_like(server, "Ready", "True ScaledToZero");
    table.until(lab, "every server is as its spec asks", as_asked).await?;
    let (before, written) = (settled(lab, &table).await?, table.writes(lab)?);

    // The last good version goes on, and says why the new one does not.
    let hostile = Plugin::new(lab, &table.component)?;
    hostile.apply().await?;
    let kept = |row: &Row, server: &Value| says(row, server, name, "True RenderedByLastGood");
    table.until(lab, "every row is rendered by the last good version", kept).await?;

    // Nothing goes on.
    hostile.with(&json!({ "onFailure": "Block" })).apply().await?;
    let blocked = |row: &Row, server: &Value| says(row, server, name, &format!("False {}", row.reason()));
    table.until(lab, "every row is blocked", blocked).await?;
    marks_are_applied(lab, &table).await?;

    let after = settled(lab, &table).await?;
    ensure!(before == after, "children of refused servers were changed:\n{before:#?}\n{after:#?}");
    ensure!(written == table.writes(lab)?, "something was written: {:#?}", table.writes(lab)?);

    lab.apply(&server(BYSTANDER, &json!({ "extraLabels": { "still": "working" } }))).await?;
    for kind in Kind::CHILDREN {
        lab.until_object(kind, BYSTANDER, PROMPT, |object| {
            ensure!(object["metadata"]["labels"]["still"] == "working", "{}", object["metadata"]);
            Ok(())
        })
        .await?;
    }
    println!("{} hostile answers of a RenderPlugin, {} of them refused", table.rows.len(), table.refused().count());
    Ok(())
}

async fn hostile_default_plugin_makes_nothing(lab: &Lab) -> Result<()> {
    let table = Table::new()?;
    let file = lab.folder().join("table.wasm");
    std::fs::write(&file, &table.component)?;
    let _operator = lab.operator(&["--verify", "false", "--default-plugin", &file.display().to_string()]).await?;
    table.apply_servers(lab).await?;
    let failed = |row: &Row, server: &Value| {
        says(row, server, "table", &format!("False {}", row.reason()))?;
        looks_like(server, "phase", if row.is_allowed() { "ScaledToZero" } else { "Failed" })
    };
    table.until(lab, "every row is refused", failed).await?;
    marks_are_applied(lab, &table).await?;
    let made = children(lab, &table).await?;
    ensure!(made.is_empty(), "children of refused servers were made: {made:#?}");
    let written = table.writes(lab)?;
    ensure!(written.is_empty(), "something was written: {written:#?}");
    println!("{} hostile answers of the default plugin, {} of them refused", table.rows.len(), table.refused().count());
    Ok(())
}

/// What the server's own spec asks for is no sin: the plugin's answer is in the cluster.
async fn marks_are_applied(lab: &Lab, table: &Table) -> Result<()> {
    for row in table.rows.iter().filter(|row| row.is_allowed()) {
        lab.until_object(Kind::Service, row.name, PROMPT, |service| {
            ensure!(service["metadata"]["annotations"][answer::MARK] == "yes", "{}: {service}", row.name);
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// By kind and name: uid, generation and resourceVersion.
type Versions = BTreeMap<String, Value>;

/// The children of all servers but those of rows that are allowed.
async fn children(lab: &Lab, table: &Table) -> Result<Versions> {
    let mut versions = Versions::new();
    for kind in Kind::CHILDREN {
        for object in lab.list(kind, "").await? {
            let Value::String(name) = &object["metadata"]["name"] else { bail!("an object without name") };
            let allowed = table.rows.iter().any(|row| row.is_allowed() && row.name == name);
            let metadata = &object["metadata"];
            if !allowed {
                let version = json!([metadata["uid"], metadata["generation"], metadata["resourceVersion"]]);
                versions.insert(format!("{kind:?} {name}"), version);
            }
        }
    }
    Ok(versions)
}

/// The same, once the cluster's own controllers have nothing more to say about them.
async fn settled(lab: &Lab, table: &Table) -> Result<Versions> {
    within(LONG, "every Deployment is rolled out", async || {
        for deployment in lab.list(Kind::Deployment, "").await? {
            let progress = condition(&deployment, "Progressing");
            let current = deployment["status"]["observedGeneration"] == deployment["metadata"]["generation"];
            ensure!(current && progress["reason"] == "NewReplicaSetAvailable", "{}", deployment["status"]);
        }
        Ok(())
    })
    .await?;
    children(lab, table).await
}
