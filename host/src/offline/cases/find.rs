//! Finds the cases below directories. Reads only.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{Case, GRANTS, is_case};

/// What a plugin project calls the folder of its cases.
const CASES: &str = "cases";

/// The cases in `directory`, which may be one itself, by path.
pub fn find(directory: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    walk(directory, directory, Above::default(), &mut cases).with_context(|| {
        format!("{}: cannot be searched for cases; name the folder that has them", directory.display())
    })?;
    if cases.is_empty() {
        bail!("{}: there is no case in it; a case is a folder with a server.yaml", directory.display());
    }
    Ok(cases)
}

/// What the folders above say.
#[derive(Clone, Copy, Default)]
struct Above<'a> {
    /// The file with grants that is nearest.
    grants: Option<&'a Path>,
    /// Whether this is a place for cases: a folder `cases`, or one that has a case.
    has_cases: bool,
}

/// Where cases are, a folder that has no folders is one, so that a misnamed file is told.
fn walk(root: &Path, folder: &Path, above: Above<'_>, cases: &mut Vec<Case>) -> std::io::Result<()> {
    let own = folder.join(GRANTS);
    let grants = if own.is_file() { Some(own.as_path()) } else { above.grants };
    let folders = folders(folder)?;
    if is_case(folder) || (above.has_cases && folders.is_empty()) {
        let grants = grants.map(Path::to_owned);
        cases.push(Case { name: name(root, folder), folder: folder.to_owned(), grants });
        return Ok(());
    }
    let has_cases = above.has_cases || is_named_cases(folder) || folders.iter().any(|below| is_case(below));
    folders.iter().try_for_each(|below| walk(root, below, Above { grants, has_cases }, cases))
}

/// The folders in a folder, by name, without hidden ones.
fn folders(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // A link to a directory is not followed: it may lead in a circle.
        if entry.file_type()?.is_dir() && !hidden {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Whatever way leads to it.
fn is_named_cases(folder: &Path) -> bool {
    folder.canonicalize().is_ok_and(|folder| folder.file_name().is_some_and(|name| name == CASES))
}

/// The path below the root as a sentence; of the root itself, its last part.
fn name(root: &Path, folder: &Path) -> String {
    let below = folder.strip_prefix(root).ok().filter(|below| !below.as_os_str().is_empty());
    let parts: Vec<_> = below.unwrap_or(folder).components().filter_map(word).collect();
    let parts = if below.is_some() { &parts[..] } else { &parts[parts.len().saturating_sub(1)..] };
    parts.join(": ")
}

fn word(part: Component<'_>) -> Option<String> {
    match part {
        Component::Normal(part) => Some(part.to_string_lossy().replace(['-', '_'], " ")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sentences() {
        let names = [("cases", "cases/no-owner"), ("cases", "cases/labels/no_owner"), ("a/no-owner", "a/no-owner")]
            .map(|(root, folder)| name(Path::new(root), Path::new(folder)));
        assert_eq!(names, ["no owner", "labels: no owner", "no owner"]);
    }
}
