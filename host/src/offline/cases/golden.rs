//! One file of a case, and what it should say.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Problem, yaml};
use crate::offline::documents;
use crate::offline::finding::Findings;

/// A file and what was rendered. No file says as much as an empty one.
pub(super) struct Golden {
    file: PathBuf,
    actual: String,
}

impl Golden {
    pub(super) fn new(file: PathBuf, actual: String) -> Self {
        Self { file, actual }
    }

    /// How the file differs from what was rendered, if it does.
    pub(super) fn problem(&self) -> Option<Problem> {
        match self.expected() {
            Ok(expected) if expected == self.actual => None,
            Ok(expected) => {
                Some(Problem::Difference { file: self.file.clone(), expected, actual: self.actual.clone() })
            }
            Err(message) => Some(Problem::Message { message }),
        }
    }

    /// What the file means, written as we write it.
    fn expected(&self) -> Result<String, String> {
        Ok(self.documents()?.iter().map(yaml).collect::<Vec<_>>().join("---\n"))
    }

    /// What the file means; nothing of a file that is not there.
    pub(super) fn documents(&self) -> Result<Vec<Value>, String> {
        if !self.file.exists() {
            return Ok(Vec::new());
        }
        let mut findings = Findings::default();
        let documents = documents::read(std::slice::from_ref(&self.file), false, &mut findings);
        if let Some(finding) = findings.iter().next() {
            return Err(finding.to_string());
        }
        let documents = documents.iter().map(|document| document.content.to_value());
        Ok(documents.filter(|document| *document != Value::Array(Vec::new())).collect())
    }

    /// Makes the file say what was rendered.
    pub(super) fn write(&self) -> Result<()> {
        let written =
            if self.actual.is_empty() { fs::remove_file(&self.file) } else { fs::write(&self.file, &self.actual) };
        written.with_context(|| self.file.display().to_string())
    }
}
