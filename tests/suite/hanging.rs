//! Servers that accept connections and never answer: nobody else may feel them, however many there are.

use std::env;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use cluster_tests::command::http;
use cluster_tests::manifests::{image, server};
use cluster_tests::{Kind, LONG, Lab, Operator, Test, trial_within, within};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    let limit = Duration::from_mins(15);
    vec![trial_within(limit, hanging_servers_delay_no_update_and_are_verified_once_they_answer)]
}

/// How many hang; `HANGING` says another number. The operator asks 32 at a time, so these wait in line for most of
/// the test, and more would but make the cluster's own work longer.
const HANGING: usize = 100;
/// How much longer an update may take because of them.
const ALLOWED: Duration = Duration::from_secs(1);
/// The median of so many updates is compared: one of them may meet a busy machine.
const UPDATES: usize = 7;

async fn hanging_servers_delay_no_update_and_are_verified_once_they_answer(lab: &Lab) -> Result<()> {
    lab.needs_to_be_inside()?;
    lab.only_fake_pods().await?;
    let endpoint = silent_endpoint(lab).await?;
    let operator = lab.operator(&["--connect-to", &format!("::{endpoint}")]).await?;
    let alone = update_time(lab, "alone").await?;

    let hanging = env::var("HANGING").map_or(Ok(HANGING), |text| text.parse()).context("HANGING")?;
    lab.create_all((0..hanging).map(|number| server(&format!("hanging-{number}"), &json!({})))).await?;
    lab.until_all(hanging + 1, &[("Available", "True Available")]).await?;
    let before = asked(&endpoint).await?;
    let among = update_time(lab, "among").await?;
    println!("an update takes {alone:?} alone, and {among:?} among {hanging} servers that hang; {before} were asked");
    ensure!(before > 0, "no handshake hangs");
    ensure!(among <= alone + ALLOWED, "an update took {alone:?} alone, and {among:?} among {hanging} that hang");
    ensure!(counted(&operator, r#"type="Verified",status="True""#).await? == 0, "a server that hangs was verified");

    http("POST", &format!("http://{endpoint}/control?mode=ok")).await?;
    lab.until_all(hanging + 1, &[("Verified", "True Verified"), ("Ready", "True DeploymentReady")]).await?;
    ensure!(!operator.log().contains("panicked"), "the operator panicked");
    Ok(())
}

/// Address and port of a real pod, in a second namespace, that accepts connections and never answers until it is told to.
async fn silent_endpoint(lab: &Lab) -> Result<String> {
    let neighbour = lab.second_namespace().await?;
    let env = json!([{ "name": "MODE", "value": "hang" }]);
    let container = json!({ "name": "mcp", "image": "localhost/mcp-misbehaving:1", "env": env });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "silent" }, "spec": { "containers": [container] },
    });
    neighbour.apply(&pod).await?;
    within(LONG, "the silent server listens", async || {
        let pod = neighbour.get(Kind::Pod, "silent").await?;
        let endpoint = format!("{}:8080", pod["status"]["podIP"].as_str().context("the pod has no address")?);
        http("GET", &format!("http://{endpoint}/control")).await.map(|_| endpoint)
    })
    .await
}

/// How many handshakes began.
async fn asked(endpoint: &str) -> Result<u64> {
    let counters: Value = serde_json::from_str(&http("GET", &format!("http://{endpoint}/control")).await?)?;
    Ok(counters["requests"]["server/discover"].as_u64().unwrap_or_default())
}

/// How long an accepted change of the server `updated` takes to reach its Deployment: the median of several.
async fn update_time(lab: &Lab, when: &str) -> Result<Duration> {
    let mut times = Vec::new();
    for number in 0..UPDATES {
        let reference = format!("localhost/mcp-stateless:{when}-{number}");
        lab.apply(&server("updated", &json!({ "source": image(&reference) }))).await?;
        let accepted = Instant::now();
        within(LONG, "the update arrives", async || {
            let deployment = lab.find(Kind::Deployment, "updated").await?.unwrap_or_default();
            let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
            ensure!(*image == reference.as_str(), "the image is {image}");
            Ok(())
        })
        .await?;
        times.push(accepted.elapsed());
        lab.until("updated", LONG, &[("Available", "True Available")]).await?;
    }
    times.sort();
    Ok(times[UPDATES / 2])
}

/// How many series of the servers' conditions have these labels.
async fn counted(operator: &Operator, labels: &str) -> Result<usize> {
    let metrics = operator.metrics().await?;
    let lines = metrics.lines().filter(|line| line.starts_with("mcpserver_condition_info{"));
    Ok(lines.filter(|line| line.contains(labels)).count())
}
