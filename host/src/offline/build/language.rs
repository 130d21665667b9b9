//! In which language a project is written, by what is in its folder.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::Failure;

/// A language whose projects can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Language {
    /// By `Cargo.toml`.
    Rust,
    /// By `go.mod`.
    Go,
    /// And TypeScript, by `package.json`.
    JavaScript,
    /// By `pyproject.toml` or `requirements.txt`.
    Python,
}

/// By which file a language is recognised. A project may use the tools of one further down for its tests, say.
const FILES: [(&str, Language); 5] = [
    ("Cargo.toml", Language::Rust),
    ("go.mod", Language::Go),
    ("package.json", Language::JavaScript),
    ("pyproject.toml", Language::Python),
    ("requirements.txt", Language::Python),
];

impl Language {
    /// That of the project in a folder.
    pub(in crate::offline) fn of(project: &Path) -> Result<Self, Failure> {
        let path = project.display();
        if !project.is_dir() {
            return Err(Failure::NotTried(format!("{path}: there is no such folder")));
        }
        let found = FILES.into_iter().find(|(file, _)| project.join(file).is_file());
        found.map(|(_, language)| language).ok_or_else(|| {
            let names = FILES.map(|(file, language)| format!("{file} ({language})")).join(", ");
            Failure::NotTried(format!(
                "{path}: this is no plugin project: it has none of {names}; `mcp-render new` makes one"
            ))
        })
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use super::*;

    #[test]
    fn the_first_known_file_tells_the_language() {
        let folder = tempfile::tempdir().unwrap();
        let mut names: Vec<_> = FILES.into_iter().collect();
        names.reverse();
        for (file, language) in names {
            fs::write(folder.path().join(file), "").unwrap();
            assert_eq!(Language::of(folder.path()).unwrap(), language, "{file}");
        }
    }

    #[test]
    fn a_folder_without_project_is_refused_with_what_is_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let message = Language::of(folder.path()).unwrap_err().to_string();
        assert!(message.contains("Cargo.toml (Rust), go.mod (Go), package.json (JavaScript)"), "{message}");
        let message = Language::of(&folder.path().join("none")).unwrap_err().to_string();
        assert!(message.ends_with("/none: there is no such folder"), "{message}");
    }
}
