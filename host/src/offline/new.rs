//! Writes the project of a new plugin, which builds and passes at once: a small policy in a language of choice.
//!
//! The templates are projects as they stand, of a plugin `my-policy`, in `new/templates/`; here its name is replaced.

mod name;
mod template;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Serialize;

pub use self::name::Name;
pub use self::template::Language;

/// The name of the plugin in the templates, and the same as a word of programs.
const NAME: [&str; 2] = ["my-policy", "my_policy"];

/// A project that was written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    folder: PathBuf,
    name: String,
    language: Language,
    /// The files, by their path in the folder.
    files: Vec<String>,
}

/// Writes a project into `folder`, which is made if it is not there, or into the one with the plugin's name.
///
/// # Errors
/// When the folder is not empty, or cannot be written to.
pub fn create(language: Language, name: &Name, folder: Option<&Path>) -> anyhow::Result<Created> {
    let folder = folder.map_or_else(|| PathBuf::from(name.as_str()), Path::to_owned);
    ensure!(is_free(&folder), "{}: the folder is there and not empty; name another with --dir", folder.display());
    let files = language.files();
    for (path, text) in &files {
        let file = folder.join(path);
        let parent = file.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        fs::write(&file, named(text, name)).with_context(|| file.display().to_string())?;
    }
    let files = files.into_iter().map(|(path, _)| path).collect();
    Ok(Created { folder, name: name.to_string(), language, files })
}

/// Whether nothing would be overwritten, or mixed with what is there.
fn is_free(folder: &Path) -> bool {
    match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !folder.exists(),
    }
}

fn named(text: &str, name: &Name) -> String {
    text.replace(NAME[0], name.as_str()).replace(NAME[1], &name.as_str().replace('-', "_"))
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, name, language, files } = self;
        writeln!(f, "made:      {} ({language}, {} files)", folder.display(), files.len())?;
        writeln!(f, "next:")?;
        writeln!(f, "  cd {}", folder.display())?;
        // What `build` writes by itself is named like the folder.
        let output = if folder.ends_with(name) { String::new() } else { format!(" -o {name}.wasm") };
        writeln!(f, "  mcp-render build{output}")?;
        writeln!(f, "  mcp-render test --plugin default --plugin {name}.wasm")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use clap::ValueEnum;

    use super::*;

    #[test]
    fn the_name_stands_wherever_it_has_to() {
        let name: Name = "team-a1".parse().unwrap();
        for language in Language::value_variants() {
            let folder = tempfile::tempdir().unwrap();
            let created = create(*language, &name, Some(folder.path())).unwrap();
            let texts = created.files.iter().map(|file| fs::read_to_string(folder.path().join(file)).unwrap());
            let all: String = texts.collect();
            assert!(all.contains("\"team-a1\"") && all.contains("name: team-a1"), "{language}");
            let placeholders = ["# SETUP", "NEEDS", "UNIT-TESTS", "`SOURCE`", "-VERSION", "REPOSITORY"];
            for word in NAME.into_iter().chain(placeholders) {
                assert!(!all.contains(word), "{language}: {word} is left");
            }
        }
    }

    #[test]
    fn the_next_commands_build_the_file_that_they_test() {
        let printed = |folder: &str| {
            let (folder, name) = (PathBuf::from(folder), "x".to_owned());
            Created { folder, name, language: Language::Go, files: Vec::new() }.to_string()
        };
        assert!(printed("../x").contains("  mcp-render build\n"), "{}", printed("../x"));
        assert!(printed("y").contains("  mcp-render build -o x.wasm\n"), "{}", printed("y"));
    }

    #[test]
    fn nothing_is_written_into_a_folder_that_has_something() {
        let folder = tempfile::tempdir().unwrap();
        let name: Name = "x".parse().unwrap();
        fs::write(folder.path().join("precious"), "").unwrap();
        let message = create(Language::Go, &name, Some(folder.path())).err().unwrap().to_string();
        assert!(message.ends_with("the folder is there and not empty; name another with --dir"), "{message}");
        let file = folder.path().join("precious");
        assert!(create(Language::Go, &name, Some(&file)).is_err(), "a file is no folder");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
