//! Finds the cases below directories. Reads only.

use std::fs;
use std::path::{Component, Path};

use anyhow::{Context, Result, bail};

use super::{Case, GRANTS, is_case};

/// The cases in `directory`, which may be one itself, by path.
pub fn find(directory: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    walk(directory, directory, None, &mut cases).with_context(|| {
        format!("{}: cannot be searched for cases; name the folder that has them", directory.display())
    })?;
    if cases.is_empty() {
        bail!("{}: there is no case in it; a case is a folder with a server.yaml", directory.display());
    }
    Ok(cases)
}

/// `grants` is the file with grants that is nearest above.
fn walk(root: &Path, folder: &Path, grants: Option<&Path>, cases: &mut Vec<Case>) -> std::io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    let own = folder.join(GRANTS);
    let grants = if own.is_file() { Some(own.as_path()) } else { grants };
    if is_case(folder) {
        let grants = grants.map(Path::to_owned);
        cases.push(Case { name: name(root, folder), folder: folder.to_owned(), grants });
        return Ok(());
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // A link to a directory is not followed: it may lead in a circle.
        if entry.file_type()?.is_dir() && !hidden {
            walk(root, &entry.path(), grants, cases)?;
        }
    }
    Ok(())
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
