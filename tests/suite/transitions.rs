//! What a server goes through, to the last state: real pods, real handshakes, and a watch that misses nothing. Each step
//! names the states that it leads through, and no others may come between.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cluster_tests::command::kubectl;
use cluster_tests::manifests::{config_map, image, server};
use cluster_tests::{History, Kind, LONG, Lab, Operator, Test, condition, trial, trial_within, within};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        trial_within(Duration::from_mins(6), ready_does_not_flicker_while_pods_serve),
        trial(mended_server_tells_no_more_of_its_old_pod),
        trial(kubectl_wait_waits_for_the_newest_spec),
    ]
}

const STARTING: &str =
    "Pending, True Valid, True Rendered, Unknown Initializing, Unknown NotVerified, Unknown Initializing, ";
const UNANSWERED: &str =
    "Pending, True Valid, True Rendered, True Available, Unknown NotVerified, Unknown Initializing, ";
const ASLEEP: &str =
    "ScaledToZero, True Valid, True Rendered, True ScaledToZero, Unknown NotVerified, True ScaledToZero, ";
/// The pods go on, and are not asked anew.
const INVALID: &str = "Invalid, False Invalid, True Rendered, False ConfigurationInvalid, True Verified, \
    False ConfigurationInvalid, ";

async fn ready_does_not_flicker_while_pods_serve(lab: &Lab) -> Result<()> {
    lab.needs_to_be_inside()?;
    let url = format!("http://demo.{}.svc.cluster.local:8080/mcp", lab.namespace());
    let ready = |phase| {
        format!("{phase}, True Valid, True Rendered, True Available, True Verified, True DeploymentReady, {url}")
    };
    let (running, degraded) = (ready("Running"), ready("Degraded"));
    lab.apply(&config_map("settings", "A", "1")).await?;
    let operator = lab.operator(&[]).await?;
    let mut told = Told { lab, operator, history: lab.history("demo") };

    lab.apply(&demo(FIRST, 1)).await?;
    lab.ready("demo").await?;
    told.exactly("create", &[STARTING, UNANSWERED, &running]).await?;

    told.rolls_out(&demo(SECOND, 1)).await?;
    told.exactly("another image", &[]).await?;

    told.rolls_out(&demo(SECOND, 3)).await?;
    told.exactly("three pods instead of one", &[]).await?;

    told.rolls_out(&config_map("settings", "A", "2")).await?;
    told.exactly("another ConfigMap", &[]).await?;

    lab.delete(Kind::ConfigMap, "settings").await?;
    lab.until("demo", LONG, &[("phase", "Invalid")]).await?;
    told.exactly("no ConfigMap", &[INVALID]).await?;

    told.rolls_out(&config_map("settings", "A", "3")).await?;
    told.exactly("a ConfigMap again", &[&running]).await?;

    lab.apply(&demo(MISSING, 3)).await?;
    lab.until("demo", LONG, &[("phase", "Degraded")]).await?;
    told.exactly("an image that does not exist", &[&degraded]).await?;

    told.rolls_out(&demo(FIRST, 3)).await?;
    told.exactly("an image that exists", &[&running]).await?;

    lab.apply(&demo(FIRST, 0)).await?;
    no_pods(lab).await?;
    told.exactly("no pods", &[ASLEEP]).await?;

    lab.apply(&demo(FIRST, 1)).await?;
    lab.ready("demo").await?;
    told.exactly("one pod again", &[STARTING, UNANSWERED, &running]).await
}

/// The pod that cannot pull its image lives until its replacement serves.
async fn mended_server_tells_no_more_of_its_old_pod(lab: &Lab) -> Result<()> {
    let _operator = lab.operator(&["--verify", "false"]).await?;
    let mut history = lab.history("demo");
    lab.apply(&server("demo", &json!({ "source": image(MISSING) }))).await?;
    lab.until("demo", LONG, &[("phase", "Failed")]).await?;
    history.states().await?;
    lab.apply(&server("demo", &json!({ "source": image(FIRST) }))).await?;
    lab.ready("demo").await?;
    let states = history.states().await?;
    let phases: Vec<_> = states.iter().map(|state| state.split(',').next().unwrap_or_default()).collect();
    ensure!(phases == ["Pending", "Running"], "the states were {states:#?}");
    Ok(())
}

/// A status about a new spec tells nothing of the old one: whoever waits would go on too early.
async fn kubectl_wait_waits_for_the_newest_spec(lab: &Lab) -> Result<()> {
    let _operator = lab.operator(&["--verify", "false"]).await?;
    lab.apply(&server("demo", &json!({ "runtime": { "replicas": 0 } }))).await?;
    wait(lab, "Ready").await?;
    let mut history = lab.history("demo");
    kubectl(&["scale", "mcpserver/demo", "--replicas=1", "--namespace", lab.namespace()]).await?;
    wait(lab, "Ready").await?;
    let versions = history.versions().await?;
    let newest = versions.last().context("no version was told")?;
    ensure!(newest["status"]["readyReplicas"] == 1, "Ready without a pod: {}", newest["status"]);
    let early = |server: &&Value| {
        let is_current = server["status"]["observedGeneration"] == newest["metadata"]["generation"];
        is_current && condition(server, "Ready")["reason"] == "ScaledToZero"
    };
    ensure!(!versions.iter().any(|server| early(&server)), "the old state was told as the new spec's");
    lab.apply(&server("demo", &json!({ "runtime": { "replicas": 1 }, "source": image(MISSING) }))).await?;
    lab.until("demo", LONG, &[("phase", "Degraded")]).await?;
    wait(lab, "Ready").await?;
    lab.apply(&server("demo", &json!({ "config": { "envFrom": [{ "secretRef": { "name": "nowhere" } }] } }))).await?;
    wait(lab, "Ready=false").await?;
    wait(lab, "Accepted=false").await
}

async fn wait(lab: &Lab, condition: &str) -> Result<()> {
    let condition = format!("--for=condition={condition}");
    kubectl(&["wait", &condition, "mcpserver/demo", "--timeout=90s", "--namespace", lab.namespace()]).await.map(drop)
}

const FIRST: &str = "localhost/mcp-stateless:1";
const SECOND: &str = "localhost/mcp-misbehaving:1";
const MISSING: &str = "localhost/no-such-image:1";

fn demo(reference: &str, replicas: u8) -> Value {
    let config = json!({ "envFrom": [{ "configMapRef": { "name": "settings" } }] });
    server("demo", &json!({ "source": image(reference), "config": config, "runtime": { "replicas": replicas } }))
}

struct Told<'a> {
    lab: &'a Lab,
    operator: Operator,
    history: History<'a>,
}

impl Told<'_> {
    /// The states since the last time are these.
    async fn exactly(&mut self, step: &str, expected: &[&str]) -> Result<()> {
        let states = self.history.states().await?;
        ensure!(states == expected, "{step}: the states were {states:#?}, and not {expected:#?}");
        Ok(())
    }

    /// Applies a change; returns when all pods are new ones, the others are gone, some new one has answered, and the status
    /// tells so.
    async fn rolls_out(&self, manifest: &Value) -> Result<()> {
        let before = self.lab.get(Kind::Deployment, "demo").await?["metadata"]["generation"].take();
        let answers = self.answers().await?;
        self.lab.apply(manifest).await?;
        within(LONG, "the Deployment is rolled out", async || {
            let deployment = self.lab.get(Kind::Deployment, "demo").await?;
            ensure!(deployment["metadata"]["generation"] != before, "its spec is what it was");
            is_rolled_out(&deployment)
        })
        .await?;
        within(LONG, "the server has answered once more", async || {
            ensure!(self.answers().await? > answers, "it has not");
            Ok(())
        })
        .await?;
        self.lab.until("demo", LONG, &[("phase", "Running")]).await.map(drop)
    }

    /// How many handshakes succeeded.
    async fn answers(&self) -> Result<f64> {
        let metrics = self.operator.metrics().await?;
        let is_it = |line: &&str| line.starts_with("mcpserver_handshake_total") && line.contains("result=\"success\"");
        let count = metrics.lines().find(is_it).and_then(|line| line.rsplit(' ').next());
        Ok(count.context("no handshake has succeeded")?.parse()?)
    }
}

fn is_rolled_out(deployment: &Value) -> Result<()> {
    let status = &deployment["status"];
    let wanted = &deployment["spec"]["replicas"];
    let all = ["replicas", "updatedReplicas", "availableReplicas"].map(|field| &status[field]);
    let current = status["observedGeneration"] == deployment["metadata"]["generation"];
    ensure!(current && all.iter().all(|number| *number == wanted), "it is at {status}");
    Ok(())
}

async fn no_pods(lab: &Lab) -> Result<()> {
    within(LONG, "its pods are gone", async || {
        let pods = lab.list(Kind::Pod, "mcp-server=demo").await?.len();
        ensure!(pods == 0, "there are {pods}");
        Ok(())
    })
    .await
}
