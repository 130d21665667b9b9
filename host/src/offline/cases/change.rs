//! What an update makes of a case: a new one, a refusal of what was rendered, or the other way. Reads the files before.

use serde_json::Value;

use super::Golden;
use crate::offline::finding::{Finding, Findings, Severity, Statement};

/// The change in words; none while the case stays of its sort, or what it was cannot be read.
pub(super) fn change(expected: &Golden, said: &Golden, findings: &Findings) -> Option<String> {
    let (expected, said) = (expected.documents().ok()?, said.documents().ok()?);
    let was_refused = said.iter().filter_map(Value::as_array).flatten().any(|entry| entry["severity"] == "error");
    let refusal = findings.iter().find(|finding| finding.severity == Severity::Error).map(brief);
    match (expected.is_empty() && said.is_empty(), was_refused, refusal) {
        (true, _, Some(refusal)) => Some(format!("new: refused: {refusal}")),
        (true, _, None) => Some("new: rendered".to_owned()),
        (false, false, Some(refusal)) => Some(format!("now refused: {refusal}")),
        (false, true, None) => Some("now rendered".to_owned()),
        (false, true, Some(_)) | (false, false, None) => None,
    }
}

/// Where and why: the plugin's word for it, or its message where it has none.
fn brief(Finding { statement, .. }: &Finding) -> String {
    let Statement { path, code, message, .. } = statement;
    let why = code.as_ref().unwrap_or(message);
    path.as_ref().map_or_else(|| why.clone(), |path| format!("{path}: {why}"))
}
