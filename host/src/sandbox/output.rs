//! Checks what a plugin answered, before anybody reads it: sizes first, then slots, then JSON. Pure.
//!
//! What the objects mean is not looked at here; that is vetting.

use std::collections::BTreeSet;

use serde_json::Value;

use super::bindings::mcp::render::types::{Diagnostic, Failure as Refusal, Response, Severity, SlotObject};
use super::failure::Failure;
use super::json::{self, Fault};
use super::limits::{Bytes, Limits};
use super::log::{LastWords, Log, printable};
use super::usage::Usage;

/// What a plugin rendered: well-formed, and not to be trusted any further.
#[derive(Clone, Debug)]
pub struct Output {
    /// The objects by slot, in the plugin's order; every slot is unique and every value a JSON object.
    pub objects: Vec<(String, Value)>,
    /// Findings that do not stop the server.
    pub diagnostics: Vec<Diagnostic>,
    /// What the plugin logged.
    pub log: Log,
    /// What the call used.
    pub usage: Usage,
}

/// Reads a successful answer.
pub(super) fn read(response: Response, log: Log, usage: Usage, limits: &Limits) -> Result<Output, Failure> {
    let Response { objects, diagnostics } = response;
    let size = size_of_objects(&objects) + size_of_diagnostics(&diagnostics);
    check_size(size, &log, limits)?;
    if objects.len() > limits.objects {
        let what = format!("{} objects; its limit is {}", objects.len(), limits.objects);
        return Err(Failure::OutputTooLarge { what, words: log.last_words() });
    }
    let mut slots = BTreeSet::new();
    for (index, SlotObject { slot, .. }) in objects.iter().enumerate() {
        check_slot(slot, index)?;
        if !slots.insert(slot) {
            return Err(invalid(Some(slot), "slot", "two objects have this slot"));
        }
    }
    let objects = objects.into_iter().map(read_object).collect::<Result<_, _>>()?;
    Ok(Output { objects, diagnostics: read_diagnostics(diagnostics)?, log, usage: Usage { output: size, ..usage } })
}

/// Reads a refusal.
pub(super) fn read_refusal(refusal: Refusal, log: &Log, limits: &Limits) -> Failure {
    let size = match &refusal {
        Refusal::Invalid(diagnostics) => size_of_diagnostics(diagnostics),
        Refusal::Unsupported(text) | Refusal::Internal(text) => text.len(),
    };
    if let Err(failure) = check_size(size, log, limits) {
        return failure;
    }
    match refusal {
        Refusal::Unsupported(text) => Failure::Unsupported(printable(&text)),
        Refusal::Internal(text) => Failure::Internal { message: printable(&text), words: log.last_words() },
        Refusal::Invalid(diagnostics) if diagnostics.iter().all(|found| found.severity != Severity::Error) => {
            invalid(None, "diagnostics", "an `invalid` needs at least one diagnostic of severity `error`")
        }
        Refusal::Invalid(diagnostics) => read_diagnostics(diagnostics).map_or_else(|failure| failure, Failure::Invalid),
    }
}

fn check_size(size: usize, log: &Log, limits: &Limits) -> Result<(), Failure> {
    if size <= limits.output {
        return Ok(());
    }
    let what = format!("it has {}; its limit is {}", Bytes(size), Bytes(limits.output));
    Err(Failure::OutputTooLarge { what, words: log.last_words() })
}

/// An empty entry is not free, either.
fn size_of_objects(objects: &[SlotObject]) -> usize {
    objects.iter().map(|SlotObject { slot, object }| size_of::<SlotObject>() + slot.len() + object.len()).sum()
}

fn size_of_diagnostics(diagnostics: &[Diagnostic]) -> usize {
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let one = |Diagnostic { severity: _, code, message, path, slot }: &Diagnostic| {
        size_of::<Diagnostic>() + code.len() + message.len() + optional(path) + optional(slot)
    };
    diagnostics.iter().map(one).sum()
}

fn check_slot(slot: &str, index: usize) -> Result<(), Failure> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=63).contains(&slot.len()) && slot.bytes().all(allowed) {
        return Ok(());
    }
    let problem = format!("{:?} is no slot name: write 1 to 63 of a-z, 0-9 and `-`", printable(slot));
    Err(invalid(None, &format!("objects[{index}].slot"), &problem))
}

fn read_object(SlotObject { slot, object }: SlotObject) -> Result<(String, Value), Failure> {
    match json::parse(&object) {
        Ok(value @ Value::Object(_)) => Ok((slot, value)),
        Ok(_) => Err(invalid(Some(&slot), ".", "this is JSON but no object; write a whole Kubernetes object")),
        Err(Fault { path, problem }) => Err(invalid(Some(&slot), &printable(&path), &printable(&problem))),
    }
}

/// Diagnostics end up in conditions, events and terminals.
fn read_diagnostics(diagnostics: Vec<Diagnostic>) -> Result<Vec<Diagnostic>, Failure> {
    let read = |(index, Diagnostic { severity, code, message, path, slot }): (usize, Diagnostic)| {
        let pascal =
            code.starts_with(|c: char| c.is_ascii_uppercase()) && code.bytes().all(|b| b.is_ascii_alphanumeric());
        if !pascal || code.len() > 64 {
            let problem =
                format!("{:?} is no code: write a short PascalCase word such as `OwnerMissing`", printable(&code));
            return Err(invalid(None, &format!("diagnostics[{index}].code"), &problem));
        }
        let [path, slot] = [path, slot].map(|text| text.as_deref().map(printable));
        Ok(Diagnostic { severity, code, message: printable(message.trim_end()), path, slot })
    };
    diagnostics.into_iter().enumerate().map(read).collect()
}

pub(super) fn invalid(slot: Option<&str>, path: &str, problem: &str) -> Failure {
    let (slot, path, problem) = (slot.map(str::to_owned), path.to_owned(), problem.to_owned());
    Failure::OutputInvalid { slot, path, problem, words: LastWords::default() }
}
