//! One loaded plugin: compiled and linked once, called any number of times, each time in a fresh instance.
//!
//! Touches nothing but the WebAssembly engine. Calls are synchronous and take up to the plugin's time limit.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use wasmtime::component::{Component, InstancePre, Linker, WasmStr};
use wasmtime::{Store, StoreContextMut};

use super::Shared;
use super::about::About;
use super::bindings::exports::mcp::render::info::PluginInfo;
use super::bindings::mcp::render::log::Level;
use super::bindings::mcp::render::types::Request;
use super::bindings::{self, PluginIndices};
use super::clock;
use super::contract::Checked;
use super::digest::Digest;
use super::failure::Failure;
use super::limits::{Bytes, DESCRIBE_TIME, Limiter, Limits, MEMORIES, TABLES};
use super::log::{Log, Source};
use super::output::{self, Output};
use super::usage::Usage;
use super::wasi::{self, Seed, Wasi};

/// A plugin that is ready to render. Cloning is cheap.
#[derive(Clone)]
pub struct Plugin(Arc<Loaded>);

struct Loaded {
    shared: Arc<Shared>,
    linked: Linked,
    digest: Digest,
    about: About,
    limits: Limits,
}

/// What is the same for all instances: what there is to do before the first instruction, and where the exports are.
struct Linked {
    pre: InstancePre<State>,
    exports: PluginIndices,
}

impl Linked {
    fn new(pre: InstancePre<State>) -> wasmtime::Result<Self> {
        Ok(Self { exports: PluginIndices::new(&pre)?, pre })
    }
}

/// What the host keeps for one instance.
pub(super) struct State {
    pub limiter: Limiter,
    pub log: Log,
    pub wasi: Wasi,
}

impl Plugin {
    pub(super) fn load(
        shared: &Arc<Shared>,
        Checked { bytes, digest }: Checked<'_>,
        limits: Limits,
    ) -> Result<Self, Failure> {
        within(&limits, bytes)?;
        let compiled = compile(shared, bytes, &digest)?;
        let linked = link(&compiled).and_then(Linked::new).map_err(|error| other_types(&error))?;
        let about = describe(shared, &linked, &limits, &digest)?;
        let shared = Arc::clone(shared);
        Ok(Self(Arc::new(Loaded { shared, linked, digest, about, limits })))
    }

    /// The digest of the component's bytes.
    pub fn digest(&self) -> &Digest {
        &self.0.digest
    }

    /// What the plugin says of itself.
    pub fn info(&self) -> &PluginInfo {
        &self.0.about.info
    }

    /// The plugin's JSON Schema for its parameters, parsed; none when it takes no parameters.
    pub fn parameters_schema(&self) -> Option<&Value> {
        self.0.about.parameters_schema.as_ref()
    }

    /// What each of its calls may use.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Renders one server in a fresh instance. Waits for a free place, then takes up to the time limit; the calling
    /// thread needs the usual 2 MiB of stack.
    pub fn render(&self, request: &Request) -> Result<Output, Failure> {
        self.render_seeded(request, Seed::default())
    }

    /// Renders under another clock and other random numbers. A plugin that keeps the contract gives the same answer.
    pub fn render_seeded(&self, request: &Request, seed: Seed) -> Result<Output, Failure> {
        let Loaded { shared, linked, limits, .. } = &*self.0;
        let (answer, log, usage) = call(shared, linked, limits, limits.time, seed, |store, instance| {
            instance.mcp_render_renderer().call_render(store, request)
        })?;
        match answer {
            Ok(response) => output::read(response, log, usage, limits),
            Err(refusal) => Err(output::read_refusal(refusal, &log, limits)),
        }
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plugin({}@{})", self.info().name, self.digest().short())
    }
}

/// Whether the component is not larger than it may be.
pub(super) fn within(limits: &Limits, component: &[u8]) -> Result<(), Failure> {
    if component.len() <= limits.component {
        return Ok(());
    }
    let what = format!("it has {}; the limit is {}", Bytes(component.len()), Bytes(limits.component));
    Err(Failure::ComponentTooLarge { what })
}

fn compile(shared: &Shared, component: &[u8], digest: &Digest) -> Result<Component, Failure> {
    let compiled = match &shared.code {
        Some(cache) => cache.load(&shared.engine, component, digest)?,
        None => Component::from_binary(&shared.engine, component)
            .map_err(|error| Failure::uncompilable(&format!("{error:#}")))?,
    };
    let parts = compiled.resources_required();
    match parts.map(|parts| (parts.num_memories, parts.num_tables)) {
        Some((memories, tables)) if memories > MEMORIES || tables > TABLES => Err(Failure::ComponentTooLarge {
            what: format!("it has {memories} memories and {tables} tables; the limits are {MEMORIES} and {TABLES}"),
        }),
        _ => Ok(compiled),
    }
}

/// What the plugin says of itself, now or when it was loaded last: a first instance, and to make room for a second, takes longer
/// than everything else about loading a large one.
fn describe(shared: &Shared, linked: &Linked, limits: &Limits, digest: &Digest) -> Result<About, Failure> {
    let kept = shared.code.as_ref().and_then(|code| code.description(&shared.engine, digest));
    if let Some(about) = kept.and_then(|info| About::new(info).ok()) {
        return Ok(about);
    }
    let (info, ..) = call(shared, linked, limits, DESCRIBE_TIME, Seed::default(), |store, instance| {
        instance.mcp_render_info().call_describe(store)
    })?;
    let about = About::new(info)?;
    if let Some(code) = &shared.code {
        code.keep_description(&shared.engine, digest, &about.info);
    }
    Ok(about)
}

fn link(component: &Component) -> wasmtime::Result<InstancePre<State>> {
    let mut linker = Linker::new(component.engine());
    // The string is read where it lies, and only what may be kept is copied: a flood of words costs the host nothing.
    linker.instance("mcp:render/log@0.1.0")?.func_wrap(
        "emit",
        |mut store: StoreContextMut<'_, State>, (level, message): (Level, WasmStr)| {
            let message = store.data().log.keepable(&message.to_str(&store)?).to_owned();
            store.data_mut().log.push(source(level), &message);
            Ok(())
        },
    )?;
    wasi::link(&mut linker, component)?;
    linker.instantiate_pre(component)
}

fn source(level: Level) -> Source {
    match level {
        Level::Debug => Source::Debug,
        Level::Info => Source::Info,
        Level::Warn => Source::Warn,
        Level::Error => Source::Error,
    }
}

/// How many times its time limit a plugin may take where its fuel is counted, which slows it down.
const PATIENCE: u32 = 10;

/// One call in a fresh store, with every limit in force from the first instruction on.
fn call<R>(
    shared: &Shared,
    linked: &Linked,
    limits: &Limits,
    time: Duration,
    seed: Seed,
    function: impl FnOnce(&mut Store<State>, &bindings::Plugin) -> wasmtime::Result<R>,
) -> Result<(R, Log, Usage), Failure> {
    let _place = shared.places.take();
    let _time = shared.clock.running();
    let state = State { limiter: Limiter::new(limits), log: Log::new(limits.log), wasi: Wasi::new(seed) };
    let begun = Instant::now();
    let mut store = Store::new(&shared.engine, state);
    store.limiter(|state| &mut state.limiter);
    if shared.counting {
        store.set_fuel(u64::MAX).expect("this engine counts fuel");
        store.set_epoch_deadline(clock::epochs(time.saturating_mul(PATIENCE)));
    } else {
        store.set_epoch_deadline(clock::epochs(time));
    }
    // The host never copies more out of a plugin in one go than the plugin itself could hold once.
    store.set_hostcall_fuel(limits.memory);
    let instance = match linked.pre.instantiate(&mut store) {
        Ok(instance) => instance,
        Err(error) => {
            store.data_mut().log.finish();
            return Err(Failure::of_start(&error, store.data(), limits, time));
        }
    };
    let instance = linked.exports.load(&mut store, &instance).map_err(|error| other_types(&error))?;
    let result = function(&mut store, &instance);
    store.data_mut().log.finish();
    match result {
        Ok(value) => {
            let usage = Usage {
                time: begun.elapsed(),
                memory: store.data().limiter.memory(),
                output: 0,
                fuel: store.get_fuel().ok().filter(|_| shared.counting).map(|left| u64::MAX - left),
            };
            Ok((value, store.into_data().log, usage))
        }
        Err(error) => Err(Failure::of_call(&error, store.data(), limits, time)),
    }
}

fn other_types(error: &wasmtime::Error) -> Failure {
    Failure::ContractMismatch {
        problem: format!("the component's functions have other types than mcp:render@0.1 says: {error:#}"),
        advice: "build it against the released `wit/render.wit`".to_owned(),
    }
}
