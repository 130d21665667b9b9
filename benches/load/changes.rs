//! How long a change takes from the author's request to the applied child: one at a time, and one that concerns many.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::runtime::{WatchStreamExt, watcher};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use crate::bench::Bench;
use crate::process::Process;
use crate::requests::Requests;
use crate::servers::Servers;

/// How many changes are made, one after the other.
const EDITS: usize = 200;
/// Between two of them, after what the first one led to.
const PAUSE: Duration = Duration::from_millis(150);
/// After the last one. The operator is not asked whether it is done: that is work of its own, more with more servers.
const AFTERMATH: Duration = Duration::from_secs(3);
/// How long one may take at all.
const PATIENCE: Duration = Duration::from_mins(2);

/// Changes of single servers.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Edits {
    /// Milliseconds from the request to the child's event, half of them at most.
    pub p50: f64,
    /// 99 of 100 at most.
    pub p99: f64,
    /// CPU milliseconds of the operator for each, everything that follows from it included.
    pub cpu: f64,
    /// How many reconciles follow from one.
    pub reconciles: f64,
}

/// A change of one ConfigMap.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FanOut {
    /// How many servers use it.
    pub users: usize,
    /// Seconds until the last one's Deployment was applied.
    pub seconds: f64,
    /// The longest time, in milliseconds, that a change of a server that does not use it took meanwhile. None where all use it.
    pub bystander: Option<f64>,
    /// The longest time, in milliseconds, that the author's own request for such a change took: what the API server takes for one.
    #[serde(default)]
    pub request: Option<f64>,
    /// What the operator asked for.
    pub requests: Requests,
}

/// What is looked at of a Deployment.
struct View {
    name: String,
    image: String,
    /// The hash of the configuration.
    hash: String,
    /// Whether all its pods are new ones, and serve.
    is_rolled_out: bool,
}

/// The Deployments as they change.
struct Seen {
    events: UnboundedReceiver<View>,
    watch: JoinHandle<()>,
}

impl Seen {
    async fn next(&mut self) -> Result<View> {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        event.context("no Deployment changes any more")?.context("the watch ended")
    }

    /// Waits for a Deployment to be like that.
    async fn until(&mut self, name: &str, is_it: impl Fn(&View) -> bool) -> Result<()> {
        loop {
            let view = self.next().await?;
            if view.name == name && is_it(&view) {
                return Ok(());
            }
        }
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// Watches all Deployments; returns when all are listed.
async fn watch(servers: &Servers) -> Result<(Seen, HashMap<String, String>)> {
    let watched = watcher(servers.api::<Deployment>(), watcher::Config::default()).default_backoff();
    let (tell, events) = unbounded_channel();
    let watch = tokio::spawn(async move {
        let mut watched = std::pin::pin!(watched);
        while let Some(event) = watched.next().await {
            if let Ok(watcher::Event::InitApply(deployment) | watcher::Event::Apply(deployment)) = event {
                let _ = tell.send(view(&deployment)); // nobody looks any more
            }
        }
    });
    let (mut seen, mut hashes) = (Seen { events, watch }, HashMap::new());
    while hashes.len() < servers.count {
        let view = seen.next().await?;
        hashes.insert(view.name, view.hash);
    }
    Ok((seen, hashes))
}

fn view(deployment: &Deployment) -> View {
    let template = deployment.spec.as_ref().map(|spec| &spec.template);
    let pod = template.and_then(|template| template.spec.as_ref());
    let image = pod.and_then(|pod| pod.containers.first()?.image.clone()).unwrap_or_default();
    let annotations = template.and_then(|template| template.metadata.as_ref()?.annotations.as_ref());
    let hash = annotations.map(|annotations| annotations.values().cloned().collect::<Vec<_>>().concat());
    View {
        name: deployment.name_any(),
        image,
        hash: hash.unwrap_or_default(),
        is_rolled_out: is_rolled_out(deployment).unwrap_or_default(),
    }
}

fn is_rolled_out(deployment: &Deployment) -> Option<bool> {
    let (wanted, status) = (deployment.spec.as_ref()?.replicas, deployment.status.as_ref()?);
    let all = [status.replicas, status.updated_replicas, status.available_replicas].iter().all(|pods| *pods == wanted);
    Some(all && status.observed_generation == deployment.metadata.generation)
}

/// Changes some servers of each operator in turn, spread over all that it has: the next one when the pods of the one before
/// were replaced, so that the plane is otherwise idle. `what` is new on this plane.
pub async fn edits(what: &str, operators: &[(&Process, &Servers)]) -> Result<Vec<Edits>> {
    let mut edited = Vec::new();
    for (operator, servers) in operators {
        let (seen, _) = watch(servers).await?;
        let reconciles = operator.reconciles().await;
        let before = operator.usage()?.cpu; // after it was asked for its metrics
        edited.push(Edited { operator, servers, seen, reconciles, before, times: Vec::new() });
    }
    for edit in 0..EDITS {
        for edited in &mut edited {
            edited.edit(what, edit).await?;
        }
    }
    tokio::time::sleep(AFTERMATH).await;
    let mut edits = Vec::new();
    for edited in edited {
        edits.push(edited.end().await?);
    }
    Ok(edits)
}

/// Servers that are changed one by one.
struct Edited<'a> {
    operator: &'a Process,
    servers: &'a Servers,
    seen: Seen,
    /// Reconciles up to the first change.
    reconciles: usize,
    /// CPU seconds of the operator up to the first change.
    before: f64,
    /// Milliseconds of each change.
    times: Vec<f64>,
}

impl Edited<'_> {
    async fn edit(&mut self, what: &str, edit: usize) -> Result<()> {
        let Self { servers, seen, .. } = self;
        let index = edit * servers.count / EDITS;
        self.times.push(one(servers, index, &image(what, servers, edit), seen).await?.all);
        seen.until(&Servers::name(index), |deployment| deployment.is_rolled_out).await?;
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    async fn end(mut self) -> Result<Edits> {
        let cpu = self.operator.usage()?.cpu - self.before;
        let reconciles = self.operator.reconciles().await - self.reconciles;
        self.times.sort_by(f64::total_cmp);
        Ok(Edits {
            p50: self.times[EDITS / 2],
            p99: self.times[EDITS * 99 / 100],
            cpu: cpu * 1000.0 / EDITS as f64,
            reconciles: reconciles as f64 / EDITS as f64,
        })
    }
}

/// An image that no server had before, with fewer servers either.
fn image(what: &str, servers: &Servers, edit: usize) -> String {
    format!("example.com/mcp:{what}-{}-{edit}", servers.count)
}

/// Milliseconds of one change.
#[derive(Clone, Copy)]
struct Time {
    /// Of the author's request.
    request: f64,
    /// From its beginning to the child's event.
    all: f64,
}

/// Makes one change.
async fn one(servers: &Servers, index: usize, image: &str, seen: &mut Seen) -> Result<Time> {
    let start = Instant::now();
    let passed = || start.elapsed().as_secs_f64() * 1000.0;
    servers.change_image(index, image).await?;
    let request = passed();
    seen.until(&Servers::name(index), |deployment| deployment.image == image).await?;
    Ok(Time { request, all: passed() })
}

/// Changes the first ConfigMap, and all the while servers that do not use it.
pub async fn fan_out(bench: &Bench, servers: &Servers) -> Result<FanOut> {
    let (mut seen, before) = watch(servers).await?;
    let audit = bench.plane.audit("operator")?;
    let users = servers.sharers();
    let stop = tokio_util::sync::CancellationToken::new();
    let (others, _) = watch(servers).await?;
    let bystanders = tokio::spawn(bystanders(servers.clone(), others, stop.clone()));
    let start = Instant::now();
    servers.configure(0, &format!("{start:?}")).await?;
    let mut rolled = std::collections::HashSet::new();
    while rolled.len() < users {
        ensure!(start.elapsed() < PATIENCE, "only {} of {users} Deployments were changed", rolled.len());
        let View { name, hash, .. } = seen.next().await?;
        if before.get(&name).is_some_and(|before| *before != hash) {
            rolled.insert(name);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    stop.cancel();
    let longest = bystanders.await??;
    let (bystander, request) = (longest.map(|time| time.all), longest.map(|time| time.request));
    ensure!(rolled.len() == users, "{} Deployments were changed, {users} use the ConfigMap", rolled.len());
    Ok(FanOut { users, seconds, bystander, request, requests: Requests::of(&audit.requests()?) })
}

/// The longest times of changes of unrelated servers until `stop`.
async fn bystanders(
    servers: Servers,
    mut seen: Seen,
    stop: tokio_util::sync::CancellationToken,
) -> Result<Option<Time>> {
    let (mut longest, first) = (None::<Time>, servers.sharers());
    for edit in 0.. {
        if stop.is_cancelled() || first >= servers.count {
            break;
        }
        let index = first + edit % (servers.count - first);
        let time = one(&servers, index, &image("bystander", &servers, edit), &mut seen).await?;
        longest = Some(longest.map_or(time, |longest| Time {
            request: longest.request.max(time.request),
            all: longest.all.max(time.all),
        }));
        tokio::time::sleep(PAUSE).await;
    }
    Ok(longest)
}
