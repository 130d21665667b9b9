//! Reads a bundle that may come from anybody: whole, of a known format, no larger than bundles are, with components that
//! are what it says and limits that a machine can give. Reads only.

use std::collections::BTreeSet;
use std::io::Read;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::{Bundle, FORMAT, Stage, StageLimits};
use crate::sandbox::{Bytes, Digest};

/// The largest bundle, in bytes: room for three components of the largest size.
pub const MOST_BYTES: usize = 256 << 20;
/// The longest chain.
const MOST_STAGES: usize = 64;
/// What a plugin may use in a replay, whatever its bundle says.
const MOST: StageLimits = StageLimits {
    memory_bytes: 1 << 30,
    time_milliseconds: 10_000,
    output_bytes: 64 << 20,
    objects: 10_000,
    log_bytes: 64 << 20,
    component_bytes: MOST_BYTES,
};

/// The facts of this version.
pub(super) const FACTS: [&str; 3] = ["cluster.domain", "config.hash", "k8s.version"];

/// What every format has.
#[derive(Deserialize)]
struct Head {
    format: String,
}

/// Reads one bundle to the end of the input.
///
/// # Errors
/// What is wrong with it and what to do, in words.
pub fn read(input: impl Read) -> anyhow::Result<Bundle> {
    let mut bytes = Vec::new();
    input.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    ensure!(bytes.len() <= MOST_BYTES, "this is no bundle: it has more than {}", Bytes(MOST_BYTES));
    let Head { format } =
        serde_json::from_slice(&bytes).context("this is no bundle, or not a whole one; export it again")?;
    ensure!(format == FORMAT, "its format is {format:?}; this version reads {FORMAT}: use one that reads its format");
    let reading = &mut serde_json::Deserializer::from_slice(&bytes);
    let bundle: Bundle = serde_path_to_error::deserialize(reading)
        .map_err(|error| anyhow::anyhow!("this is no whole bundle: {}: {}", error.path(), error.inner()))?;
    check(&bundle)?;
    Ok(bundle)
}

fn check(bundle: &Bundle) -> anyhow::Result<()> {
    for (digest, component) in &bundle.components {
        let actual = Digest::of(&component.0).to_string();
        ensure!(actual == *digest, "components[{digest}] was changed: its digest is {actual}; export it again");
    }
    let stages = bundle.chain.len();
    ensure!((1..=MOST_STAGES).contains(&stages), "chain: has {stages} plugins; 1 to {MOST_STAGES} are possible");
    for stage in &bundle.chain {
        let Stage { name, digest, parameters: _, grants: _, limits } = stage;
        ensure!(bundle.components.contains_key(digest), "chain: plugin {name}: its component {digest} is missing");
        within(limits).with_context(|| format!("chain: plugin {name}"))?;
    }
    let known = BTreeSet::from(FACTS);
    match bundle.facts.keys().find(|name| !known.contains(name.as_str())) {
        Some(fact) => bail!("facts: {fact:?} is none that this version knows; use a newer one"),
        None => Ok(()),
    }
}

fn within(limits: &StageLimits) -> anyhow::Result<()> {
    let StageLimits { memory_bytes, time_milliseconds, output_bytes, objects, log_bytes, component_bytes } = limits;
    let fits = *memory_bytes <= MOST.memory_bytes
        && *time_milliseconds <= MOST.time_milliseconds
        && *output_bytes <= MOST.output_bytes
        && *objects <= MOST.objects
        && *log_bytes <= MOST.log_bytes
        && *component_bytes <= MOST.component_bytes;
    ensure!(fits, "its limits are higher than a replay gives: {limits:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io;

    use super::*;
    use crate::bundle::tests::bundle;

    type Change = fn(&mut Bundle);

    fn refused(text: &[u8]) -> String {
        format!("{:#}", read(text).unwrap_err())
    }

    #[test]
    fn what_is_not_a_whole_bundle_is_refused() {
        let whole = bundle(b"\0asm").to_json();
        assert_eq!(read(whole.as_bytes()).unwrap(), bundle(b"\0asm"));
        for text in ["", "{}", "[]", "\0asm", &whole[..whole.len() / 2], &whole[..whole.len() - 3]] {
            assert!(refused(text.as_bytes()).starts_with("this is no bundle, or not a whole one"), "{text}");
        }
        let trailing = whole.clone() + "{}";
        assert!(refused(trailing.as_bytes()).contains("no bundle"));
    }

    #[test]
    fn each_odd_bundle_is_told_what_is_odd() {
        let odd: [(&str, Change); 7] = [
            ("its format is \"mcp-render-bundle/2\"", |b| b.format = "mcp-render-bundle/2".to_owned()),
            ("was changed: its digest is sha256:", |b| b.components.values_mut().for_each(|c| c.0.push(0))),
            ("is missing", |b| b.components.clear()),
            ("chain: has 0 plugins", |b| b.chain.clear()),
            ("chain: has 100 plugins", |b| b.chain = vec![b.chain[0].clone(); 100]),
            ("limits are higher than a replay gives", |b| b.chain[0].limits.memory_bytes = usize::MAX),
            ("facts: \"moon.phase\" is none", |b| {
                b.facts.insert("moon.phase".to_owned(), "full".to_owned());
            }),
        ];
        for (words, change) in odd {
            let mut bundle = bundle(b"\0asm");
            change(&mut bundle);
            let message = refused(bundle.to_json().as_bytes());
            assert!(message.contains(words), "{words} is missing in: {message}");
        }
    }

    #[test]
    fn a_field_that_this_version_does_not_know_is_not_passed_over() {
        let text = bundle(b"\0asm").to_json().replacen("\"parameters\":", "\"mood\": \"bad\", \"parameters\":", 1);
        assert!(refused(text.as_bytes()).contains("unknown field `mood`"), "{}", refused(text.as_bytes()));
        let text = bundle(b"\0asm").to_json().replacen("\"podSecurity\":", "\"mood\": \"bad\", \"podSecurity\":", 1);
        assert!(refused(text.as_bytes()).contains("unknown field `mood`"), "{}", refused(text.as_bytes()));
        let text = bundle(b"\0asm").to_json().replace("AGFzbQ==", "AGFzbQ==!");
        assert!(refused(text.as_bytes()).contains("no base64"), "{}", refused(text.as_bytes()));
    }

    #[test]
    fn an_input_without_end_is_read_up_to_the_limit() {
        let message = format!("{:#}", read(io::repeat(b' ')).unwrap_err());
        assert!(message.contains("more than 256 MiB"), "{message}");
    }
}
