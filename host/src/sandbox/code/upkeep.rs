//! Keeps a shared directory of images small: which of them go, by when they were last used and how much there is.
//!
//! Several processes may do so at a time, and others may map what goes: a mapped file stays until the last of them ends.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::private_files;

/// What all images may take together, in bytes: those of some ten plugins in Python.
const MOST: u64 = 512 << 20;
/// How long an image stays that nobody uses.
const UNUSED: Duration = Duration::from_hours(30 * 24);
/// How long a file may be one that a child still writes.
const UNFINISHED: Duration = Duration::from_hours(1);

/// A file in the directory.
struct Found {
    path: PathBuf,
    size: u64,
    used: SystemTime,
}

/// Makes the image the one that was used last.
pub(super) fn note_use(image: &Path) {
    // Where that cannot be written it is removed too early, and made anew.
    let _ = File::open(image).and_then(|file| file.set_modified(SystemTime::now()));
}

/// Removes images that were not used for long, then the longest unused ones until there is room, and what children left
/// behind that were killed.
pub(super) fn sweep(directory: &Path, now: SystemTime) -> io::Result<()> {
    let mut files: Vec<_> = fs::read_dir(directory)?.filter_map(|entry| found(&entry.ok()?)).collect();
    files.sort_by_key(|file| Reverse(file.used));
    let mut size = 0;
    for Found { path, size: bytes, used } in files {
        let age = now.duration_since(used).unwrap_or_default();
        let is_unfinished = path.file_name().and_then(OsStr::to_str).is_some_and(private_files::is_unfinished);
        size += bytes;
        if if is_unfinished { age > UNFINISHED } else { age > UNUSED || size > MOST } {
            remove(&path)?;
        }
    }
    Ok(())
}

/// What the directory has there; nothing when another process has just removed it.
fn found(entry: &DirEntry) -> Option<Found> {
    let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
    Some(Found { path: entry.path(), size: metadata.len(), used: metadata.modified().ok()? })
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    /// What of these files, each with its bytes and its age, is left.
    fn left(files: &[(&str, u64, Duration)]) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        for (name, size, age) in files {
            let file = File::create(directory.path().join(name)).unwrap();
            file.set_len(*size).unwrap();
            file.set_modified(now - *age).unwrap();
        }
        sweep(directory.path(), now).unwrap();
        let entries = fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_not_used_for_a_month_goes() {
        assert_eq!(left(&[("new.cwasm", 1, DAY), ("old.cwasm", 1, 31 * DAY)]), ["new.cwasm"]);
    }

    #[test]
    fn of_too_much_the_longest_unused_goes() {
        let files = [("a.cwasm", MOST / 2, 3 * DAY), ("b.cwasm", MOST / 2, DAY), ("c.cwasm", MOST / 2, 2 * DAY)];
        assert_eq!(left(&files), ["b.cwasm", "c.cwasm"]);
    }

    #[test]
    fn what_another_process_writes_stays_and_what_it_left_behind_goes() {
        assert_eq!(left(&[(".tmpA", 1, Duration::ZERO), (".tmpB", 1, DAY)]), [".tmpA"]);
    }
}
