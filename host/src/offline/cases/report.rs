//! What became of all cases, for people and as data. Pure.

use std::fmt;

use serde::Serialize;

use super::{Outcome, Problem, Status};
use crate::offline::differences::{self, BAD, GOOD, NOTABLE};

/// What became of all cases.
#[derive(Serialize)]
pub struct Report {
    passed: usize,
    updated: usize,
    failed: usize,
    pub(super) cases: Vec<Outcome>,
}

impl Report {
    /// Of these outcomes.
    pub fn new(cases: Vec<Outcome>) -> Self {
        let count = |status| cases.iter().filter(|case| case.status == status).count();
        Self { passed: count(Status::Passed), updated: count(Status::Updated), failed: count(Status::Failed), cases }
    }

    /// Whether no case failed.
    pub fn is_good(&self) -> bool {
        self.failed == 0
    }
}

impl fmt::Display for Report {
    /// With colours, as escape sequences.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.cases {
            let (style, word) = match case.status {
                Status::Passed => (GOOD, "ok"),
                Status::Updated => (NOTABLE, "updated"),
                Status::Failed => (BAD, "FAILED"),
            };
            write!(f, "{style}{word:7}{style:#}  {}", case.name)?;
            case.change.iter().try_for_each(|change| write!(f, ": {change}"))?;
            writeln!(f)?;
            case.problems.iter().try_for_each(|problem| problem.fmt(f))?;
        }
        let Self { passed, updated, failed, .. } = self;
        write!(f, "{passed} passed, {failed} failed")?;
        if *updated > 0 { writeln!(f, ", {updated} updated") } else { writeln!(f) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message { message } => writeln!(f, "{message}"),
            Self::Difference { file, expected, actual } => {
                let file = file.display();
                differences::unified(&format!("{file}, expected"), &format!("{file}, rendered"), expected, actual)
                    .fmt(f)
            }
        }
    }
}
