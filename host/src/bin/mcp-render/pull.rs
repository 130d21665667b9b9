//! `mcp-render pull`: fetches a plugin from a registry.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use mcp_operator::registry::{Pulled, Reference};
use mcp_operator::sandbox::{Bytes, Limits};
use mcp_operator::stdout::print;

use crate::access;

pub const HELP: &str = "\
Examples:
  mcp-render pull ghcr.io/team/policy:1.2                 # into policy.wasm
  mcp-render pull ghcr.io/team/policy:1.2 -o base.wasm
  mcp-render pull ghcr.io/team/policy@sha256:…            # exactly this one

Every byte is checked against the digests in the registry before anything is written. A tag says nothing of what is behind
it: look with `mcp-render inspect`, and pin the digest.

Exit codes: 0 the file is written; 2 it is not.";

#[derive(clap::Args)]
pub struct Flags {
    /// What to fetch, such as ghcr.io/team/policy:1.2.
    reference: Reference,
    /// The file to write. Without it, the last part of the repository's name and .wasm; it must not exist then.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    access: access::Flags,
}

pub fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let Flags { reference, output, access } = flags;
    let file = match output {
        Some(file) => file,
        None => unused(&reference)?,
    };
    let registry = access.registry(&reference)?;
    let limit = Limits::default().component as u64;
    let pulled = access::wait(async |progress| registry.pull(&reference, limit, &progress).await)??;
    let Pulled { component, digest, manifest } = pulled;
    fs::write(&file, &component).with_context(|| file.display().to_string())?;
    let (pinned, size) = (reference.pinned(manifest), Bytes(component.len()));
    print(&format!("pulled:    {} ({size})\nmanifest:  {pinned}\ndigest:    {digest}\n", file.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The name of a file that nobody has asked for must not take another's place.
fn unused(reference: &Reference) -> anyhow::Result<PathBuf> {
    let name = reference.repository().rsplit('/').next().unwrap_or_default();
    let file = PathBuf::from(format!("{name}.wasm"));
    if file.exists() {
        bail!("{}: it exists already; name a file with -o", file.display());
    }
    Ok(file)
}
