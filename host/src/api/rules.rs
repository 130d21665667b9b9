//! Runs the table of accepted and refused manifests in `tests/rules` offline. The cluster tests run the same table
//! against a real API server; where the two disagree, this crate is wrong about Kubernetes.

#[path = "../../../tests/rules/cases.rs"]
pub(crate) mod cases;

use serde_json::Value;

use self::cases::{By, Case, Verdict, contains};
use super::{MCPServer, Violation, schema::admit, validate::validate};

/// What refused a manifest, with everything it said; or the stored object.
fn verdict(manifest: &Value) -> Result<Value, (By, Vec<Violation>)> {
    let object = admit(manifest).map_err(|violations| (By::Definition, violations))?;
    let server: MCPServer = serde_json::from_value(object.clone())
        .unwrap_or_else(|error| panic!("the definition admits what the types do not: {error}\n{object:#}"));
    let violations = validate(&server);
    if violations.is_empty() { Ok(object) } else { Err((By::Operator, violations)) }
}

/// Why the case failed, if it did.
fn failure(case: &Case) -> Option<String> {
    let problem = match (&case.verdict, verdict(&case.manifest)) {
        (Verdict::Accepted { stored }, Ok(object)) if contains(&object, stored) => return None,
        (Verdict::Accepted { stored }, Ok(object)) => format!("stored {} without {stored}", object["spec"]),
        (Verdict::Accepted { .. }, Err((by, violations))) => format!("refused by {by:?}: {violations:?}"),
        (Verdict::Refused { .. }, Ok(_)) => "accepted".to_owned(),
        (Verdict::Refused { by, path, message }, Err((actual, violations))) => {
            let told = |violation: &Violation| violation.path == *path && violation.message.contains(message);
            if actual == *by && violations.iter().any(told) {
                return None;
            }
            format!("refused by {actual:?}: {violations:?}")
        }
    };
    Some(format!("{}: {problem}", case.name))
}

#[test]
fn every_manifest_of_the_table_is_accepted_or_refused_as_it_says() {
    let failures: Vec<String> = cases::load().iter().filter_map(failure).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_file_of_the_table_has_accepted_and_refused_manifests() {
    let cases = cases::load();
    let file = |case: &Case| case.name.split(':').next().unwrap_or_default().to_owned();
    for one in cases.iter().filter(|case| file(case) != "unknown-fields.yaml") {
        let accepts = |case: &&Case| matches!(case.verdict, Verdict::Accepted { .. });
        let (yes, no): (Vec<&Case>, Vec<&Case>) = cases.iter().filter(|c| file(c) == file(one)).partition(accepts);
        assert!(!yes.is_empty() && !no.is_empty(), "{}", file(one));
    }
}
