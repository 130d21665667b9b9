//! The standard output of both commands, which is often a pipe.

use std::io::{self, ErrorKind, Write};

use anyhow::Context;

/// Writes `text`. Whoever reads it may stop reading, as `head` does.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to the standard output")
        }
        _ => Ok(()),
    }
}
