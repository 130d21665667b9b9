//! Everything that can go wrong with a plugin: what happened, whose fault it is, and what to do. Pure.
//!
//! [`Failure::class`] is a stable label; `Display` is the message for a person, with the plugin's own last words.

use std::time::Duration;

use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use super::bindings::mcp::render::types::Diagnostic;
use super::limits::{Bytes, Denied, Limits, TABLE_ELEMENTS};
use super::log::LastWords;
use super::plugin::State;
use super::wasi::Stop;

/// Why a plugin gave no objects, or could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The plugin's answer `invalid`: the server's author has to change something.
    #[error("{}", refusals(.0))]
    Invalid(Vec<Diagnostic>),
    /// The plugin's answer `unsupported`: it cannot do this here.
    #[error("the plugin cannot do this: {0}")]
    Unsupported(String),
    /// The plugin's answer `internal`: it found a fault in itself.
    #[error("the plugin reports a fault of its own: {message}{words}")]
    Internal {
        /// What it says.
        message: String,
        /// What it logged last.
        words: LastWords,
    },
    /// The plugin crashed.
    #[error("the plugin crashed: {what}{}; its author has to mend it{words}", at(.function.as_deref()))]
    Trap {
        /// The kind of trap.
        what: String,
        /// The function that trapped, where the component still has names.
        function: Option<String>,
        /// What it logged last.
        words: LastWords,
    },
    /// The plugin ended itself instead of answering.
    #[error("the plugin exited with status {status} instead of answering; its author has to mend it{words}")]
    Exit {
        /// The status it gave.
        status: u8,
        /// What it logged last.
        words: LastWords,
    },
    /// The plugin used up its time.
    #[error(
        "the plugin did not answer within {} ms and was stopped; look for a loop without end, or raise `limits.timeMilliseconds` of its RenderPlugin{words}",
        .limit.as_millis()
    )]
    Timeout {
        /// The wall time it had.
        limit: Duration,
        /// What it logged last.
        words: LastWords,
    },
    /// The plugin asked for more memory than it may have, and could not go on without.
    #[error("the plugin ran out of memory: {what}{words}")]
    OutOfMemory {
        /// What it asked for and what it may have.
        what: String,
        /// What it logged last.
        words: LastWords,
    },
    /// The plugin's answer is larger than it may be.
    #[error("the plugin's answer is too large: {what}; let it return less, or raise its output limit{words}")]
    OutputTooLarge {
        /// What there is too much of, and the limit.
        what: String,
        /// What it logged last.
        words: LastWords,
    },
    /// The plugin's answer breaks the contract.
    #[error("the plugin's answer is not valid at {}{path}: {problem}; its author has to mend it{words}", of(.slot.as_deref()))]
    OutputInvalid {
        /// The object that it is about.
        slot: Option<String>,
        /// Where in that object, or where in the answer.
        path: String,
        /// What is wrong.
        problem: String,
        /// What it logged last.
        words: LastWords,
    },
    /// The plugin called something that plugins do not get.
    #[error(
        "the plugin called {import}, which no plugin gets: everything it may know is in the request; remove the call{words}"
    )]
    ImportDenied {
        /// The function, such as `wasi:sockets/tcp-create-socket#create-tcp-socket`.
        import: String,
        /// What it logged last.
        words: LastWords,
    },
    /// The component is not a render plugin that this host can run.
    #[error("{problem}; {advice}")]
    ContractMismatch {
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        advice: String,
    },
    /// The component is larger than it may be, or consists of too many parts.
    #[error("the component is too large: {what}; make it smaller, or raise the limit")]
    ComponentTooLarge {
        /// What there is too much of, and the limit.
        what: String,
    },
    /// The host could not run the plugin, through no fault of the plugin.
    #[error("the host cannot run the plugin: {0}")]
    Host(String),
}

impl Failure {
    /// A stable `PascalCase` label for metrics and logs.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "Invalid",
            Self::Unsupported(_) => "Unsupported",
            Self::Internal { .. } => "Internal",
            Self::Trap { .. } => "Trap",
            Self::Exit { .. } => "Exit",
            Self::Timeout { .. } => "Timeout",
            Self::OutOfMemory { .. } => "OutOfMemory",
            Self::OutputTooLarge { .. } => "OutputTooLarge",
            Self::OutputInvalid { .. } => "OutputInvalid",
            Self::ImportDenied { .. } => "ImportDenied",
            Self::ContractMismatch { .. } => "ContractMismatch",
            Self::ComponentTooLarge { .. } => "ComponentTooLarge",
            Self::Host(_) => "Host",
        }
    }

    /// A component that is well-formed on its surface and that the engine does not take.
    pub(super) fn uncompilable(problem: &str) -> Self {
        Self::ContractMismatch {
            problem: format!("the component cannot be compiled: {problem}"),
            advice: "build it with current tools, without experimental WebAssembly features".to_owned(),
        }
    }

    /// What became of a call that did not return.
    pub(super) fn of_call(error: &wasmtime::Error, state: &State, limits: &Limits, time: Duration) -> Self {
        let words = state.log.last_words();
        match (error.downcast_ref::<Stop>(), error.downcast_ref::<Trap>()) {
            (Some(Stop::Denied(import)), _) => Self::ImportDenied { import: import.clone(), words },
            (Some(Stop::Exit(status)), _) => Self::Exit { status: *status, words },
            (Some(Stop::Misuse(what)), _) => Self::Trap { what: what.clone(), function: function(error), words },
            (_, Some(Trap::Interrupt)) => Self::Timeout { limit: time, words },
            (_, trap) => match (state.limiter.denied(), trap) {
                (Some(denied), _) => Self::OutOfMemory { what: shortage(denied, limits), words },
                (None, Some(trap)) => {
                    let what = trap.to_string().trim_start_matches("wasm trap: ").to_owned();
                    Self::Trap { what, function: function(error), words }
                }
                (None, None) => Self::of_exchange(error, limits, words),
            },
        }
    }

    /// What became of a component that could not be instantiated.
    pub(super) fn of_start(error: &wasmtime::Error, state: &State, limits: &Limits, time: Duration) -> Self {
        let text = format!("{error:#}");
        if error.is::<Trap>() || error.is::<Stop>() || state.limiter.denied().is_some() {
            Self::of_call(error, state, limits, time)
        } else if text.contains("resource limit exceeded") && !error.is::<PoolConcurrencyLimitError>() {
            Self::ComponentTooLarge { what: text }
        } else {
            Self::Host(text)
        }
    }

    /// What became of values that could not be taken over from the plugin's memory: wasmtime has no types for these.
    fn of_exchange(error: &wasmtime::Error, limits: &Limits, words: LastWords) -> Self {
        let text = format!("{:#}", error.root_cause());
        if text.contains("fuel allocated for hostcalls") {
            let what = format!("it passes more than {} at once", Bytes(limits.memory));
            return Self::OutputTooLarge { what, words };
        }
        let path = "the boundary of the component".to_owned();
        Self::OutputInvalid { slot: None, path, problem: format!("its bytes cannot be read: {text}"), words }
    }
}

fn shortage(denied: Denied, limits: &Limits) -> String {
    match denied {
        Denied::Memory(sum) => {
            let limit = Bytes(limits.memory);
            format!("it wants {} in all; its limit is {limit}; let it use less, or raise its memory limit", Bytes(sum))
        }
        Denied::Table(sum) => {
            format!("it wants {sum} table elements in all; no plugin gets more than {TABLE_ELEMENTS}; let it use less")
        }
    }
}

fn function(error: &wasmtime::Error) -> Option<String> {
    let backtrace = error.downcast_ref::<WasmBacktrace>()?;
    backtrace.frames().iter().find_map(|frame| frame.func_name()).map(str::to_owned)
}

fn at(function: Option<&str>) -> String {
    function.map(|name| format!(" in `{name}`")).unwrap_or_default()
}

fn of(slot: Option<&str>) -> String {
    slot.map(|slot| format!("{slot}: ")).unwrap_or_default()
}

fn refusals(diagnostics: &[Diagnostic]) -> String {
    let one = |diagnostic: &Diagnostic| match &diagnostic.path {
        Some(path) => format!("{}: {} ({path})", diagnostic.code, diagnostic.message),
        None => format!("{}: {}", diagnostic.code, diagnostic.message),
    };
    diagnostics.iter().map(one).collect::<Vec<_>>().join("; ")
}
