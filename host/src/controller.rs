//! Decides *when* a server is reconciled: when it changes, when one of its children or pods does, when a ConfigMap or
//! Secret that it refers to does, when a handshake was answered, and when a failed attempt is due again.
//!
//! What then happens is in [`crate::reconcile`].

mod guarded;
mod lane;
mod observer;
mod pace;
mod triggers;
mod watches;

pub use self::triggers::{Signals, Triggers, signals};
pub(crate) use self::watches::report;
pub use self::watches::{GrantedKindRequests, GrantedKinds};

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use futures::{FutureExt, Stream, StreamExt, future};
use kube::runtime::controller::{self, Action, Config};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{Controller, Predicate, PredicateConfig, WatchStreamExt, predicates, watcher};
use kube::{Api, Resource, ResourceExt};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;

use self::guarded::Guarded;
use self::lane::Lane;
use self::observer::Observer;
use self::pace::Pace;
use self::triggers::route;
use self::watches::Synced;
use crate::cache::sources::ServerName;
use crate::plugins::{self, Workshop};
use crate::reconcile::{Context, call, reconcile};

/// Events of one server that come within this time are one reconcile. Longer would let a busy server wait for ever,
/// because each event starts it anew.
const DEBOUNCE: Duration = Duration::from_millis(5);

/// Which namespaces are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All.
    Cluster,
    /// Only these.
    Namespaces(Vec<String>),
}

impl Scope {
    /// Its parts: namespaces, or none for all of them.
    pub fn places(&self) -> Vec<Option<&str>> {
        match self {
            Self::Cluster => vec![None],
            Self::Namespaces(names) => names.iter().map(|name| Some(name.as_str())).collect(),
        }
    }

    /// The API of a kind in each part of the scope, with the part's namespace.
    fn apis<K: Resource>(&self, each: impl Fn(Option<&str>) -> Api<K>) -> Vec<(Option<String>, Api<K>)> {
        self.places().into_iter().map(|place| (place.map(str::to_owned), each(place))).collect()
    }
}

/// How much is done at a time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Reconciles.
    pub reconciles: u16,
}

impl Limits {
    /// Servers in the lane that wait in the queue: enough to keep all reconciles busy.
    fn waiting(self) -> u16 {
        self.reconciles.saturating_mul(2)
    }

    /// Reconciles of servers in the lane; the others are for servers that their authors changed.
    fn in_lane(self) -> u16 {
        (self.reconciles / 2).max(1)
    }
}

/// Runs until `stop` is cancelled, then finishes what is in flight. `ready` is called once everything is known.
pub async fn run(
    ctx: Arc<Context>,
    (workshop, granted): (Workshop, GrantedKindRequests),
    scope: Scope,
    limits: Limits,
    (signals, triggers): (Signals, Triggers),
    stop: CancellationToken,
    ready: impl FnOnce(),
) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    let (listed, plugins) = oneshot::channel();
    tasks.spawn(plugins::controller::run(Arc::clone(&ctx), scope.clone(), workshop, signals.shared.clone(), listed));
    let signals = Arc::new(signals);
    tasks.spawn(watches::granted::serve(Arc::clone(&ctx), scope.clone(), Arc::clone(&signals), granted));
    let mut synced = watches::start(&ctx, &scope, &signals, &mut tasks);
    synced.push(Synced::when(plugins));
    tokio::select! {
        ended = tasks.join_next() => return Err(ended_early(ended)),
        () = stop.cancelled() => return Ok(()),
        () = Synced::all(synced) => {}
    }
    ready();
    tracing::info!("Watching");
    tokio::select! {
        ended = tasks.join_next() => Err(ended_early(ended)),
        () = reconcile_servers(&ctx, &scope, limits, triggers, &stop) => {
            if stop.is_cancelled() { Ok(()) } else { bail!("the watch of MCPServers ended") }
        }
    }
}

fn ended_early(ended: Option<Result<(), tokio::task::JoinError>>) -> anyhow::Error {
    match ended {
        Some(Err(panic)) => anyhow::Error::new(panic).context("a watch panicked"),
        _ => anyhow!("a watch ended"),
    }
}

/// One controller for each part of the scope; each gets the triggers of its own namespace.
async fn reconcile_servers(
    ctx: &Arc<Context>,
    scope: &Scope,
    limits: Limits,
    triggers: Triggers,
    stop: &CancellationToken,
) {
    let shared = Shared {
        slots: Arc::new(Semaphore::new(limits.reconciles.into())),
        lane: Arc::new(Lane::new(limits.waiting().into(), limits.in_lane().into())),
        pace: Arc::default(),
    };
    let apis = scope.apis(|namespace| watches::namespaced::<Guarded>(&ctx.client, namespace));
    let (mut senders, mut controllers) = (Vec::new(), Vec::new());
    for (namespace, api) in apis {
        let (sender, receiver) = mpsc::unbounded_channel();
        senders.push((namespace.clone(), sender));
        let part = (namespace, api);
        controllers.push(controller(ctx, part, limits, UnboundedReceiverStream::new(receiver), &shared, stop));
    }
    tokio::select! {
        () = route(ctx, triggers, &senders, &shared) => {}
        _ = future::join_all(controllers) => {}
    }
}

/// What the controllers of all parts share.
#[derive(Clone)]
struct Shared {
    slots: Arc<Semaphore>,
    lane: Arc<Lane>,
    pace: Arc<Pace>,
}

async fn controller(
    ctx: &Arc<Context>,
    part: (Option<String>, Api<Guarded>),
    limits: Limits,
    triggers: impl Stream<Item = ServerName> + Send + 'static,
    shared: &Shared,
    stop: &CancellationToken,
) {
    let (store, writer) = reflector::store();
    let servers = changed_servers(ctx, part, writer);
    let (metrics, mine, lane) = (ctx.metrics.clone(), shared.clone(), Arc::clone(&shared.lane));
    let (watched, known_ones) = (store.clone(), store.clone());
    // Who waits for a turn counts as well.
    let concurrency = limits.reconciles.saturating_add(limits.waiting());
    Controller::for_stream(servers, store)
        .with_config(Config::default().debounce(DEBOUNCE).concurrency(concurrency))
        .reconcile_on(triggers.filter_map(move |server| {
            let reference = known(&known_ones, &server);
            if reference.is_none() {
                lane.leave(&server);
                metrics.begun(&server);
            }
            future::ready(reference)
        }))
        .graceful_shutdown_on(stop.clone().cancelled_owned())
        .run(
            move |server, ctx| one(server, ctx, watched.clone(), mine.clone()),
            |_, never: &Infallible, _| match *never {},
            Arc::clone(ctx),
        )
        .for_each(|outcome| {
            if let Err(controller::Error::ObjectNotFound(gone)) = outcome {
                shared.lane.leave(&(gone.namespace.unwrap_or_default(), gone.name)); // deleted while it waited
            }
            future::ready(())
        })
        .await;
}

/// The servers of a part of the scope, each time that its author changed one.
fn changed_servers(
    ctx: &Arc<Context>,
    (namespace, api): (Option<String>, Api<Guarded>),
    writer: Writer<Guarded>,
) -> impl Stream<Item = watcher::Result<Guarded>> + Send + 'static {
    let mut observer = Observer::new(Arc::clone(ctx), namespace);
    let (watched, queue) = (ctx.metrics.clone(), ctx.metrics.clone());
    let authors = predicates::generation.combine(predicates::annotations).combine(predicates::labels);
    watcher(api, watches::by_page())
        .default_backoff()
        .reflect(writer)
        .inspect(move |event| match event {
            Ok(event) => observer.observe(event),
            Err(error) => report("MCPServer", error, &watched),
        })
        .touched_objects()
        .predicate_filter(authors, PredicateConfig::default())
        .inspect(move |server| {
            if let Ok(server) = server {
                queue.queued((server.namespace().unwrap_or_default(), server.name_any()));
            }
        })
}

/// The reference of a server that exists; signals may come for one that is gone.
fn known(store: &Store<Guarded>, (namespace, name): &ServerName) -> Option<ObjectRef<Guarded>> {
    let reference = ObjectRef::new(name).within(namespace);
    store.get(&reference).map(|_| reference)
}

async fn one(
    server: Arc<Guarded>,
    ctx: Arc<Context>,
    watched: Store<Guarded>,
    shared: Shared,
) -> Result<Action, Infallible> {
    let (namespace, name) = (server.namespace().unwrap_or_default(), server.name_any());
    let key = (namespace.clone(), name.clone());
    let _turn = shared.lane.turn(&key).await;
    let _slot = Arc::clone(&shared.slots).acquire_owned().await.expect("the semaphore is never closed");
    ctx.metrics.begun(&key);
    shared.lane.begun(&key);
    shared.pace.begun(&key);
    let start = Instant::now();
    let (action, result) = match &server.0 {
        Ok(server) => {
            let latest = || {
                watched
                    .get(&ObjectRef::new(&name).within(&namespace))
                    .and_then(|server| server.0.as_ref().ok().cloned())
            };
            reconcile(ctx.cache.statuses.newest(server, latest), Arc::clone(&ctx)).boxed().await
        }
        Err(invalid) => {
            tracing::warn!(
                namespace,
                name,
                error = invalid.error,
                "Server cannot be read; its children stay as they are"
            );
            (Action::await_change(), "Unreadable")
        }
    };
    ctx.metrics.reconciled(result, start.elapsed());
    Ok(action)
}

/// `major.minor` of the API server.
pub async fn server_version(client: &kube::Client) -> anyhow::Result<String> {
    let info = call("get version", client.apiserver_version())
        .await?
        .map_err(|refusal| anyhow!(refusal.message))
        .context("asking the API server for its version")?;
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    Ok(format!("{}.{}", digits(&info.major), digits(&info.minor)))
}
