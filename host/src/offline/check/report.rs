//! What was found of a plugin, for people and as data. Pure.

use std::fmt;

use serde::Serialize;

use crate::offline::coverage::{Covered, Exemption, Verdict};
use crate::offline::inspection::Description;
use crate::offline::table::table;

/// What was found of a plugin.
#[derive(Serialize)]
pub struct Report {
    #[serde(rename = "plugin")]
    pub(super) description: Description,
    pub(super) checks: Vec<Check>,
    pub(super) fields: Vec<Covered>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    #[serde(rename = "check")]
    pub name: &'static str,
    #[serde(flatten)]
    pub outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(tag = "outcome", content = "details", rename_all = "camelCase")]
pub(super) enum Outcome {
    Ok(String),
    Failed(String),
    /// Another check failed before there was something to look at.
    NotLookedAt(String),
}

impl Report {
    /// Whether nothing failed and everything was looked at.
    pub fn is_good(&self) -> bool {
        self.checks.iter().all(|check| matches!(check.outcome, Outcome::Ok(_)))
    }
}

/// The check that all fields together are.
pub(super) fn coverage(fields: &[Covered]) -> Check {
    let bad = fields.iter().filter(|field| field.verdict.is_bad()).count();
    let exempt = fields.iter().filter(|field| matches!(field.verdict, Verdict::Exempt(_))).count();
    let all = fields.len();
    let outcome = match bad {
        _ if fields.is_empty() => Outcome::Failed("not looked at, because no server could be rendered".to_owned()),
        0 => Outcome::Ok(format!("{} of {all} fields change something, {exempt} are exempt", all - exempt)),
        _ => Outcome::Failed(format!(
            "{bad} of {all} fields change nothing or make the plugin fail; {exempt} are exempt"
        )),
    };
    Check { name: "coverage", outcome }
}

/// An exemption that exempts nothing would hide the day on which it should.
pub(super) fn unneeded(exemption: &Exemption, fields: &[Covered]) -> Option<Check> {
    let needed = |field: &Covered| exemption.covers(&field.path) && matches!(field.verdict, Verdict::Exempt(_));
    (!fields.iter().any(needed)).then(|| {
        let problem = if fields.iter().any(|field| exemption.covers(&field.path)) {
            "every field of it changes something; leave the exemption out"
        } else {
            "there is no such field; write it as the list of fields does (-o json)"
        };
        Check { name: "exemption", outcome: Outcome::Failed(format!("{}: {problem}", exemption.path)) }
    })
}

impl fmt::Display for Report {
    /// Tables: the checks, then the fields that say something.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |check: &Check| {
            let (word, details) = match &check.outcome {
                Outcome::Ok(details) => ("ok", details),
                Outcome::Failed(details) => ("FAILED", details),
                Outcome::NotLookedAt(details) => ("not looked at", details),
            };
            [check.name.to_owned(), word.to_owned(), details.clone()]
        };
        f.write_str(&table(["CHECK", "RESULT", "DETAILS"], self.checks.iter().map(row)))?;
        let (bad, fine): (Vec<_>, Vec<_>) = self.fields.iter().partition(|field| field.verdict.is_bad());
        let rows = bad.into_iter().chain(fine).filter_map(field);
        if !self.fields.is_empty() {
            write!(f, "\n{}", table(["FIELD", "RESULT", "DETAILS"], rows))?;
        }
        if self.fields.iter().any(|field| field.verdict == Verdict::Dropped) {
            writeln!(f, "\n{ADVICE}")?;
        }
        Ok(())
    }
}

const ADVICE: &str =
    "What was dropped: render it, refuse it in words, or say why it is right: --exempt 'FIELD=REASON'.";

fn field(Covered { path, verdict }: &Covered) -> Option<[String; 3]> {
    let (word, details) = match verdict {
        Verdict::Rendered => return None,
        Verdict::Exempt(reason) => ("exempt", reason.clone()),
        Verdict::Refused(why) => ("refused", why.clone()),
        Verdict::Dropped => ("DROPPED", "another value changes no object".to_owned()),
        Verdict::Fault(why) => ("FAILED", why.clone()),
        Verdict::Unreachable => {
            ("UNKNOWN", "no two servers differ in it alone; give some with -f that have it".to_owned())
        }
    };
    Some([path.clone(), word.to_owned(), details])
}
