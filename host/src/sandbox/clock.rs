//! The clock behind time limits: a thread that advances the engine's epoch while plugins run, and that sleeps when none has
//! run for a while, so that an operator with nothing to do wakes nobody.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// The time between two epochs, and so the grain of every time limit.
const TICK: Duration = Duration::from_millis(10);
/// After so many ticks without a call the clock stops: where calls come one after the other, none of them has to wake it.
const LINGER: u32 = 10;

/// The clock of an engine. Ends when dropped.
pub(super) struct Clock {
    calls: Arc<Calls>,
    thread: Option<thread::JoinHandle<()>>,
}

/// A call that is under way: until it is dropped, time passes.
pub(super) struct Running<'a>(&'a Calls);

#[derive(Default)]
struct Calls {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    running: usize,
    quiet: u32,
    ended: bool,
}

impl Clock {
    pub(super) fn start(engine: &Engine) -> anyhow::Result<Self> {
        let (calls, engine) = (Arc::new(Calls::default()), engine.clone());
        let ticking = Arc::clone(&calls);
        let thread = thread::Builder::new().name("epoch".to_owned()).spawn(move || ticking.tick(&engine))?;
        Ok(Self { calls, thread: Some(thread) })
    }

    /// Lets time pass for a call.
    pub(super) fn running(&self) -> Running<'_> {
        let mut state = self.calls.state();
        state.running += 1;
        if state.quiet >= LINGER {
            state.quiet = 0;
            self.calls.changed.notify_one();
        }
        Running(&self.calls)
    }
}

impl Calls {
    fn tick(&self, engine: &Engine) {
        let mut state = self.state();
        while !state.ended {
            if state.quiet >= LINGER {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = self.changed.wait_timeout_while(state, TICK, |state| !state.ended);
            let timeout;
            (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                engine.increment_epoch();
                state.quiet = if state.running == 0 { state.quiet + 1 } else { 0 };
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.calls.state().ended = true;
        self.calls.changed.notify_one();
        if let Some(Err(_)) = self.thread.take().map(thread::JoinHandle::join) {
            tracing::error!("the thread behind the plugins' time limits had died");
        }
    }
}

/// The epochs after which a call that may take `time` is stopped: rounded up, and one more because the current epoch
/// has already begun.
pub(super) fn epochs(time: Duration) -> u64 {
    let ticks = time.as_millis().div_ceil(TICK.as_millis());
    u64::from(u32::try_from(ticks).unwrap_or(u32::MAX)) + 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn time_limits_are_rounded_up_and_never_short() {
        assert_eq!(epochs(Duration::from_millis(250)), 26);
        assert_eq!(epochs(Duration::from_millis(1)), 2);
        assert_eq!(epochs(Duration::MAX), 1 << 32);
    }

    #[test]
    fn the_clock_stops_without_calls_and_goes_on_with_one() {
        let clock = Clock::start(&Engine::default()).unwrap();
        let until = |what: &str, is_it: fn(&State) -> bool| {
            let found = (0..3000).any(|_| {
                thread::sleep(Duration::from_millis(10));
                is_it(&clock.calls.state())
            });
            assert!(found, "{what}");
        };
        until("it stops", |state| state.quiet == LINGER);
        let call = clock.running();
        clock.calls.state().quiet = LINGER / 2;
        until("time passes for a call, however long it takes", |state| state.quiet == 0);
        drop(call);
        until("it stops again", |state| state.quiet == LINGER);
    }
}
