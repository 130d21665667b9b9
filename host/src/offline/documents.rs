//! Reads manifest files: one path is a file, a directory or `-`, one file holds any number of documents.
//!
//! A broken document does not hide the others of its file.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::each::each;
use super::finding::{Findings, Origin};
use super::located::{self, Located};

/// What `-` is called in messages.
const STDIN: &str = "standard input";
/// What counts as a manifest in a directory.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// One document and where it was found.
pub(super) struct Document {
    pub origin: Origin,
    pub content: Located,
}

/// Every document of every path, in the order of the paths; files of a directory by name.
pub(super) fn read(paths: &[PathBuf], recursive: bool, findings: &mut Findings) -> Vec<Document> {
    let mut documents = Vec::new();
    for path in paths {
        match files(path, recursive) {
            Ok(files) => {
                for (found, said) in each(&files, &|_, _| {}, |file| read_file(file)) {
                    documents.extend(found);
                    findings.extend(said);
                }
            }
            Err(problem) => findings.unreadable(None, format!("{}: {problem}", path.display())),
        }
    }
    documents
}

/// The files that a path stands for.
fn files(path: &Path, recursive: bool) -> Result<Vec<PathBuf>, String> {
    if path == Path::new("-") || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    walk(path, recursive, &mut found).map_err(|error| error.to_string())?;
    if found.is_empty() {
        let advice = if recursive { "" } else { "; -R looks into the directories below as well" };
        return Err(format!("the directory has no file that ends in .yaml, .yml or .json{advice}"));
    }
    Ok(found)
}

fn walk(directory: &Path, recursive: bool, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            // A link to a directory is not followed: it may lead in a circle.
            if recursive {
                walk(&path, recursive, found)?;
            }
        } else if path.is_file() && path.extension().is_some_and(|it| EXTENSIONS.iter().any(|known| it == *known)) {
            found.push(path);
        }
    }
    Ok(())
}

/// What messages call a path.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") { STDIN.to_owned() } else { path.display().to_string() }
}

fn read_file(path: &Path) -> (Vec<Document>, Findings) {
    let mut findings = Findings::default();
    let name = name(path);
    let text =
        if path == Path::new("-") { io::read_to_string(io::stdin().lock().by_ref()) } else { fs::read_to_string(path) };
    let documents = match text {
        Ok(text) => parse(&name, &text, &mut findings),
        Err(error) => {
            findings.unreadable(None, format!("{name}: {error}"));
            Vec::new()
        }
    };
    (documents, findings)
}

/// The documents of one text.
pub(super) fn parse(file: &str, text: &str, findings: &mut Findings) -> Vec<Document> {
    let mut documents = Vec::new();
    for (index, (offset, part)) in split(text).into_iter().enumerate() {
        let at = |line| Origin { file: file.to_owned(), document: index + 1, line };
        match located::parse(part, offset) {
            Ok(content) => documents.push(Document { origin: at(content.line()), content }),
            Err((line, problem)) => {
                let problem = format!("this is not YAML: {problem}");
                findings.unreadable(Some(at(line.unwrap_or(offset + 1))), problem);
            }
        }
    }
    documents
}

/// The documents of a file that are not empty, each with the number of lines before it.
///
/// In YAML, `---` at the beginning of a line separates documents wherever it stands, in block scalars, too.
fn split(text: &str) -> Vec<(u64, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut start_line, mut position) = (0, 0, 0);
    for (number, line) in (0..).zip(text.split_inclusive('\n')) {
        if is_separator(line) {
            parts.push((start_line, &text[start..position]));
            (start, start_line) = (position, number);
        }
        position += line.len();
    }
    parts.push((start_line, &text[start..]));
    parts.retain(|(_, part)| !part.lines().all(says_nothing));
    parts
}

fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Blank lines, comments, directives and the separator itself.
fn says_nothing(line: &str) -> bool {
    let line = if is_separator(line) { &line[3..] } else { line };
    line.trim().is_empty() || line.trim_start().starts_with('#') || line.starts_with('%')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(text: &str) -> (Vec<(usize, u64)>, Vec<String>) {
        let mut findings = Findings::default();
        let documents = parse("x.yaml", text, &mut findings);
        let origins = documents.iter().map(|document| (document.origin.document, document.origin.line)).collect();
        (origins, findings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn documents_know_their_number_and_first_line() {
        let text = "%YAML 1.1\n---\n# first\na: 1\n---\n\n# nothing\n--- # third\nb: |\n  ---\n  text\n---\n{c: 1}\n";
        assert_eq!(origins(text), (vec![(1, 4), (2, 9), (3, 13)], vec![]));
    }

    #[test]
    fn a_broken_document_does_not_hide_the_others() {
        let (origins, findings) = origins("a: 1\n---\nb: [\n---\nc: 3\n");
        assert_eq!(origins, [(1, 1), (3, 5)]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("error: x.yaml, document 2 (line "), "{findings:?}");
    }

    #[test]
    fn windows_line_ends_and_a_missing_last_newline_are_fine() {
        assert_eq!(origins("a: 1\r\n---\r\nb: 2").0, [(1, 1), (2, 3)]);
    }

    #[test]
    fn an_empty_file_has_no_documents() {
        assert_eq!(origins(""), (vec![], vec![]));
        assert_eq!(origins("---\n# nothing\n---\n").0, []);
    }
}
