//! The standard output of both commands, which is often a pipe.

use std::io::{self, ErrorKind, Write};

use anyhow::Context;

/// Writes `text`. Whoever reads it may stop reading, as `head` does.
pub fn print(text: &str) -> anyhow::Result<()> {
    write(&mut io::stdout().lock(), text)
}

/// Writes `text` with its colours where a terminal reads it and wants them (`NO_COLOR`, `CLICOLOR_FORCE`), else without.
pub fn print_coloured(text: &str) -> anyhow::Result<()> {
    write(&mut anstream::stdout().lock(), text)
}

fn write(stdout: &mut impl Write, text: &str) -> anyhow::Result<()> {
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to the standard output")
        }
        _ => Ok(()),
    }
}
