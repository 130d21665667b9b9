//! A small virtual WASI 0.2 for components whose language runtime imports it: a fixed wall clock, seeded randomness,
//! captured output, an empty environment, no files. Everything else is there to link against and fails by name when it
//! is called, because runtimes import much that they never call.
//!
//! It gives a plugin nothing that could make two renders of one request differ. Functions are found by interface and
//! name, whatever 0.2.x version a component was built with.

use wasmtime::StoreContextMut;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, Resource, ResourceType, Val};

use super::log::Source;
use super::plugin::State;

/// What every WASI resource is to the host: a number that says which.
struct Handle;
const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;
const POLLABLE: u32 = 3;

/// Bytes that a stream takes in one write.
const WRITE_PERMIT: usize = 64 << 10;
/// Random bytes in one call; each costs the host a few tens of bytes for a moment.
const RANDOM_BYTES: u64 = 64 << 10;

/// Why the host ended a call.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    /// The plugin called a function that plugins must not have.
    #[error("call of {0}")]
    Denied(String),
    /// The plugin ended itself.
    #[error("exit with status {0}")]
    Exit(u8),
    /// The plugin broke the rules of a function that it may call.
    #[error("{0}")]
    Misuse(String),
}

/// The two things that WASI lets a program see besides its input. A render must not depend on either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The wall clock, in seconds since 1970.
    pub clock: u64,
    /// Where the random numbers start.
    pub random: u64,
}

impl Default for Seed {
    /// 2025-01-01T00:00:00Z: late enough for programs that refuse to run in 1970.
    fn default() -> Self {
        Self { clock: 1_735_689_600, random: 0 }
    }
}

/// The clocks and the random numbers of one call.
#[derive(Debug)]
pub(super) struct Wasi {
    seed: Seed,
    monotonic: u64,
}

/// One call of a WASI function, with the resources among its parameters already taken out.
struct Call<'a> {
    params: &'a [Val],
    handles: Vec<u32>,
}

enum Reply {
    Nothing,
    Value(Val),
    Handle(u32),
}

type Answer = fn(&mut State, &Call<'_>) -> wasmtime::Result<Reply>;

/// Defines every WASI function and resource that the component imports.
pub(super) fn link(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine();
    for (name, item) in component.component_type().imports(engine) {
        let (Some(interface), ComponentItem::ComponentInstance(instance)) = (interface(name), item.ty) else {
            continue;
        };
        let mut into = linker.instance(name)?;
        for (function, item) in instance.exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => define(&mut into, interface, function)?,
                ComponentItem::Resource(_) => {
                    into.resource(function, ResourceType::host::<Handle>(), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The interface of a WASI import without `wasi:` and version: `cli/stdout` of `wasi:cli/stdout@0.2.3`.
fn interface(import: &str) -> Option<&str> {
    import.strip_prefix("wasi:")?.split('@').next()
}

fn define(into: &mut LinkerInstance<'_, State>, interface: &str, function: &str) -> wasmtime::Result<()> {
    let name = format!("{interface}#{function}");
    let answer = answer(&name);
    into.func_new(function, move |mut store, _, params, results| {
        let Some(answer) = answer else { return Err(Stop::Denied(format!("wasi:{name}")).into()) };
        let handles = take_handles(&mut store, params)?;
        let reply = match answer(store.data_mut(), &Call { params, handles })? {
            Reply::Nothing => return Ok(()),
            Reply::Value(value) => value,
            Reply::Handle(rep) => Val::Resource(Resource::<Handle>::new_own(rep).try_into_resource_any(&mut store)?),
        };
        if let Some(result) = results.first_mut() {
            *result = reply;
        }
        Ok(())
    })
}

/// Wasmtime wants every handle that a function receives to be given back.
fn take_handles(store: &mut StoreContextMut<'_, State>, params: &[Val]) -> wasmtime::Result<Vec<u32>> {
    let mut handles = Vec::new();
    for param in params {
        let values = if let Val::List(values) = param { values } else { std::slice::from_ref(param) };
        for value in values {
            if let Val::Resource(any) = value {
                handles.push(Resource::<Handle>::try_from_resource_any(*any, &mut *store)?.rep());
            }
        }
    }
    Ok(handles)
}

fn answer(function: &str) -> Option<Answer> {
    match function.split('/').next()? {
        "cli" | "filesystem" => environment(function),
        "io" => streams(function),
        "clocks" | "random" => clocks_and_random(function),
        _ => None,
    }
}

fn environment(function: &str) -> Option<Answer> {
    Some(match function {
        "cli/environment#get-environment" | "cli/environment#get-arguments" | "filesystem/preopens#get-directories" => {
            |_, _| Ok(Reply::Value(Val::List(Vec::new())))
        }
        "cli/environment#initial-cwd"
        | "cli/terminal-stdin#get-terminal-stdin"
        | "cli/terminal-stdout#get-terminal-stdout"
        | "cli/terminal-stderr#get-terminal-stderr" => |_, _| Ok(Reply::Value(Val::Option(None))),
        "cli/stdin#get-stdin" => |_, _| Ok(Reply::Handle(STDIN)),
        "cli/stdout#get-stdout" => |_, _| Ok(Reply::Handle(STDOUT)),
        "cli/stderr#get-stderr" => |_, _| Ok(Reply::Handle(STDERR)),
        "cli/exit#exit" => |_, call| {
            let status = u8::from(matches!(call.params, [Val::Result(Err(_))]));
            Err(Stop::Exit(status).into())
        },
        "cli/exit#exit-with-code" => |_, call| {
            let status = if let [Val::U8(status)] = call.params { *status } else { 1 };
            Err(Stop::Exit(status).into())
        },
        _ => return None,
    })
}

fn streams(function: &str) -> Option<Answer> {
    let method = function.strip_prefix("io/streams#[method]").or_else(|| function.strip_prefix("io/poll#"))?;
    Some(match method {
        "input-stream.read" | "input-stream.blocking-read" | "input-stream.skip" | "input-stream.blocking-skip" => {
            |_, _| Ok(Reply::Value(Val::Result(Err(Some(Box::new(Val::Variant("closed".to_owned(), None)))))))
        }
        "output-stream.check-write" => |_, _| Ok(ok(Some(Val::U64(WRITE_PERMIT as u64)))),
        "output-stream.write" | "output-stream.blocking-write-and-flush" => write,
        "output-stream.flush" | "output-stream.blocking-flush" => |_, _| Ok(ok(None)),
        "input-stream.subscribe" | "output-stream.subscribe" => |_, _| Ok(Reply::Handle(POLLABLE)),
        "[method]pollable.ready" => |_, _| Ok(Reply::Value(Val::Bool(true))),
        "[method]pollable.block" => |_, _| Ok(Reply::Nothing),
        "poll" => |_, call| {
            let ready = (0..).take(call.handles.len()).map(Val::U32).collect();
            Ok(Reply::Value(Val::List(ready)))
        },
        _ => return None,
    })
}

fn clocks_and_random(function: &str) -> Option<Answer> {
    Some(match function {
        "clocks/wall-clock#now" => |state, _| Ok(datetime(state.wasi.seed.clock, 0)),
        "clocks/wall-clock#resolution" => |_, _| Ok(datetime(1, 0)),
        "clocks/monotonic-clock#now" => |state, _| Ok(Reply::Value(Val::U64(state.wasi.tick()))),
        "clocks/monotonic-clock#resolution" => |_, _| Ok(Reply::Value(Val::U64(1))),
        "clocks/monotonic-clock#subscribe-duration" => |state, call| {
            let until = state.wasi.monotonic.saturating_add(number(call));
            Ok(state.wasi.wait(until))
        },
        "clocks/monotonic-clock#subscribe-instant" => |state, call| Ok(state.wasi.wait(number(call))),
        "random/random#get-random-u64" | "random/insecure#get-insecure-random-u64" => {
            |state, _| Ok(Reply::Value(Val::U64(state.wasi.random())))
        }
        "random/insecure-seed#insecure-seed" => |state, _| {
            let halves = vec![Val::U64(state.wasi.random()), Val::U64(state.wasi.random())];
            Ok(Reply::Value(Val::Tuple(halves)))
        },
        "random/random#get-random-bytes" | "random/insecure#get-insecure-random-bytes" => random_bytes,
        _ => return None,
    })
}

fn ok(value: Option<Val>) -> Reply {
    Reply::Value(Val::Result(Ok(value.map(Box::new))))
}

fn number(call: &Call<'_>) -> u64 {
    if let [Val::U64(number)] = call.params { *number } else { 0 }
}

fn datetime(seconds: u64, nanoseconds: u32) -> Reply {
    let fields = [("seconds", Val::U64(seconds)), ("nanoseconds", Val::U32(nanoseconds))];
    Reply::Value(Val::Record(fields.map(|(name, value)| (name.to_owned(), value)).to_vec()))
}

fn write(state: &mut State, call: &Call<'_>) -> wasmtime::Result<Reply> {
    let (Some(Val::List(values)), Some(stream)) = (call.params.get(1), call.handles.first()) else {
        return Err(Stop::Misuse("a write without bytes".to_owned()).into());
    };
    if values.len() > WRITE_PERMIT {
        let misuse = format!("wrote {} bytes at once; `check-write` had permitted {WRITE_PERMIT}", values.len());
        return Err(Stop::Misuse(misuse).into());
    }
    let bytes: Vec<u8> = values.iter().map(|value| if let Val::U8(byte) = value { *byte } else { b'?' }).collect();
    state.log.write(if *stream == STDERR { Source::Stderr } else { Source::Stdout }, &bytes);
    Ok(ok(None))
}

fn random_bytes(state: &mut State, call: &Call<'_>) -> wasmtime::Result<Reply> {
    match call.params {
        [Val::U64(count @ 0..=RANDOM_BYTES)] => {
            // The top bits are the best ones; one number for each byte is simple, and nobody needs many.
            let bytes = (0..*count).map(|_| Val::U8(state.wasi.random().to_be_bytes()[0])).collect();
            Ok(Reply::Value(Val::List(bytes)))
        }
        _ => Err(Stop::Misuse(format!("asked for more than {RANDOM_BYTES} random bytes at once")).into()),
    }
}

impl Wasi {
    pub(super) fn new(seed: Seed) -> Self {
        Self { seed, monotonic: 0 }
    }

    /// A microsecond passes with each look at the clock, so that loops which wait for time to pass end.
    fn tick(&mut self) -> u64 {
        self.monotonic = self.monotonic.saturating_add(1000);
        self.monotonic
    }

    /// Whoever waits for an instant finds that it has come.
    fn wait(&mut self, until: u64) -> Reply {
        self.monotonic = self.monotonic.max(until);
        Reply::Handle(POLLABLE)
    }

    /// `SplitMix64`: small, and the same in every release.
    fn random(&mut self) -> u64 {
        self.seed.random = self.seed.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.seed.random ^ (self.seed.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_language_runtimes_call_in_every_render_is_answered() {
        // As recorded from components made by componentize-js 0.19 and componentize-py 0.25.
        for function in [
            "cli/environment#get-arguments",
            "cli/environment#get-environment",
            "cli/stderr#get-stderr",
            "cli/stdin#get-stdin",
            "cli/stdout#get-stdout",
            "cli/terminal-stderr#get-terminal-stderr",
            "cli/terminal-stdout#get-terminal-stdout",
            "clocks/monotonic-clock#now",
            "clocks/wall-clock#now",
            "filesystem/preopens#get-directories",
            "io/streams#[method]output-stream.blocking-flush",
            "io/streams#[method]output-stream.blocking-write-and-flush",
            "io/streams#[method]output-stream.check-write",
            "io/streams#[method]output-stream.write",
            "random/random#get-random-bytes",
            "random/random#get-random-u64",
        ] {
            assert!(answer(function).is_some(), "{function}");
        }
    }

    #[test]
    fn what_reaches_outside_is_not() {
        for function in [
            "filesystem/types#[method]descriptor.open-at",
            "http/outgoing-handler#handle",
            "io/streams#[method]output-stream.splice",
            "sockets/ip-name-lookup#resolve-addresses",
            "sockets/tcp-create-socket#create-tcp-socket",
        ] {
            assert!(answer(function).is_none(), "{function}");
        }
    }

    #[test]
    fn versions_do_not_matter() {
        assert_eq!(interface("wasi:cli/stdout@0.2.12"), Some("cli/stdout"));
        assert_eq!(interface("mcp:render/log@0.1.0"), None);
    }

    #[test]
    fn waiting_takes_no_time_and_always_ends() {
        let mut wasi = Wasi::new(Seed::default());
        let before = wasi.tick();
        wasi.wait(before + 1_000_000_000);
        assert!(wasi.tick() > before + 1_000_000_000);
        wasi.wait(u64::MAX);
        assert_eq!(wasi.tick(), u64::MAX);
    }
}
