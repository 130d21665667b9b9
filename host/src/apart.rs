//! Work on what others brought that may take any amount of time or memory: it is done by a child process with limits of its
//! own, which is this program once more.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, setrlimit};

/// What such a process has in its environment: its allocator is to take no memory in advance, which would be a gibibyte that
/// counts, and to give back at once what is free.
pub const ENVIRONMENT: [(&str, &str); 2] = [("MIMALLOC_ARENA_EAGER_COMMIT", "0"), ("MIMALLOC_PURGE_DELAY", "0")];

/// Runs `program` with an otherwise empty environment and this input, to its end.
pub fn run(program: &Path, arguments: &[&OsStr], input: &[u8]) -> io::Result<Output> {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(ENVIRONMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // A child that ends early does not read to the end; why it ended says more.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input));
    child.wait_with_output()
}

/// Limits the own process, in bytes of writable memory and seconds of CPU time. Whoever exceeds them is ended by a signal.
pub fn limit(memory: u64, seconds: u64) -> anyhow::Result<()> {
    limit_memory(memory)?;
    limit_to(Resource::Cpu, seconds)
}

/// The same for a process that may run for ever.
pub fn limit_memory(memory: u64) -> anyhow::Result<()> {
    limit_to(Resource::Data, memory)?;
    limit_to(Resource::Core, 0)
}

fn limit_to(resource: Resource, most: u64) -> anyhow::Result<()> {
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).context("limiting this process")
}
