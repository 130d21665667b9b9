//! `mcp-render push`: publishes a plugin in a registry.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs};

use anyhow::Context;
use jiff::Timestamp;
use mcp_operator::offline::{self, Format};
use mcp_operator::registry::{Artifact, Pushed, Reference};
use mcp_operator::sandbox::{self, Limits, Plugin};
use mcp_operator::stdout::print;
use serde_json::json;

use crate::cache::CacheFlags;
use crate::{REFUSED, access, tell};

pub const HELP: &str = "\
Examples:
  mcp-render push policy.wasm ghcr.io/team/policy:1.2
  mcp-render push policy.wasm registry.example:5000/team/policy:1.2 --ca ca.crt
  mcp-render push policy.wasm ghcr.io/team/policy:1.2 -o json | jq -r .digest  # for RenderPlugin.spec.digest

The same component gives the same manifest digest, on every machine and at any time: it is dated by SOURCE_DATE_EPOCH, and
without that 1970-01-01.

Exit codes: 0 it is in the registry; 1 it is no render plugin, and nothing was sent; 2 everything else.";

#[derive(clap::Args)]
pub struct Flags {
    /// The component's file.
    component: PathBuf,
    /// Where it goes, such as ghcr.io/team/policy:1.2.
    reference: Reference,
    /// Something to say of it in the registry, such as org.opencontainers.image.source=https://… Repeatable. Title,
    /// version and description are those of the plugin.
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = annotation)]
    annotations: Vec<(String, String)>,
    /// The output's format; without it, lines for people.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
    #[command(flatten)]
    access: access::Flags,
}

pub fn run(flags: Flags, cache: &CacheFlags) -> anyhow::Result<ExitCode> {
    let Flags { component: file, reference, annotations, output, access } = flags;
    let component = fs::read(&file).with_context(|| file.display().to_string())?;
    let plugin = match cache.sandbox()?.load(&component, Limits::default()) {
        Ok(plugin) => plugin,
        Err(problem) => {
            tell(format_args!("error: {}: {problem}", file.display()));
            return Ok(ExitCode::from(REFUSED));
        }
    };
    let inspection = sandbox::inspect(&component)?;
    let annotations = about(&plugin).into_iter().chain(annotations).collect();
    let artifact = Artifact::new(component, &inspection, annotations, created()?);
    let registry = access.registry(&reference)?;
    let pushed = access::wait(async |progress| registry.push(&reference, &artifact, &progress).await)??;
    print(&report(&reference, pushed, output))?;
    Ok(ExitCode::SUCCESS)
}

fn report(reference: &Reference, Pushed { digest, manifest }: Pushed, output: Option<Format>) -> String {
    let pinned = reference.pinned(manifest);
    let Some(format) = output else {
        return format!("pushed:    {reference}\nmanifest:  {pinned}\ndigest:    {digest}\n");
    };
    let document = json!({
        "reference": reference.to_string(),
        "pinned": pinned.to_string(),
        "manifestDigest": manifest.to_string(),
        "digest": digest.to_string(),
    });
    offline::in_format(&document, format)
}

/// What registries show of an artifact: the annotations that the OCI image specification defines.
fn about(plugin: &Plugin) -> BTreeMap<String, String> {
    let info = plugin.info();
    let known = [("title", &info.name), ("version", &info.version), ("description", &info.description)];
    let known = known.into_iter().filter(|(_, value)| !value.is_empty());
    known.map(|(key, value)| (format!("org.opencontainers.image.{key}"), value.clone())).collect()
}

/// <https://reproducible-builds.org/specs/source-date-epoch/>
fn created() -> anyhow::Result<Timestamp> {
    let Some(text) = env::var_os("SOURCE_DATE_EPOCH").filter(|text| !text.is_empty()) else {
        return Ok(Timestamp::UNIX_EPOCH);
    };
    let seconds = text.to_str().and_then(|text| text.parse().ok());
    let created = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    created.with_context(|| format!("SOURCE_DATE_EPOCH is {}: write seconds since 1970", text.display()))
}

fn annotation(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}
