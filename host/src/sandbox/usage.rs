//! What one call of a plugin used: of its time, its memory, its output, and of fuel where that is counted. Pure.

use std::time::Duration;

/// What one call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Wall time from the making of the instance to its answer.
    pub time: Duration,
    /// Bytes of linear memory at the end, summed over all memories. Memories never shrink, so it is the most as well.
    pub memory: usize,
    /// Bytes of the answer, as its limit counts them.
    pub output: usize,
    /// The WebAssembly instructions that were executed, about: each counts 1, a few count 0. The same component and the
    /// same request take the same fuel on every machine, with the same version of this program. Only in a sandbox that
    /// [counts](super::Sandbox::counting).
    pub fuel: Option<u64>,
}
