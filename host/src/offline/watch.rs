//! Whether files changed since the last look, by their times, sizes and places on the disk. Reads only.
//!
//! A project has few files once those that tools make are left out, so looking at all of them costs a millisecond; and it
//! works on every file system, in containers and over networks, where notifications do not.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What tools make in a project. Hidden files and folders are left out as well.
const MADE: [&str; 7] = ["Cargo.lock", "__pycache__", "dist", "go.sum", "node_modules", "package-lock.json", "target"];
/// Components, which building makes.
const COMPONENT: &str = "wasm";

/// Files by path, with what tells one version of them from another.
type Seen = BTreeMap<PathBuf, (Option<SystemTime>, u64, u64)>;

/// Watches files, and folders with everything that people write in them.
pub struct Watch {
    paths: Vec<PathBuf>,
    seen: Seen,
}

impl Watch {
    /// Watches these from now on. One that is not there yet may come.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let seen = see(&paths);
        Self { paths, seen }
    }

    /// Whether something changed, came or went since the last look.
    pub fn changed(&mut self) -> bool {
        let now = see(&self.paths);
        let changed = now != self.seen;
        self.seen = now;
        changed
    }
}

/// What people write in a folder, and when they did.
pub(super) fn written(folder: &Path) -> Vec<(PathBuf, SystemTime)> {
    let seen = see(&[folder.to_owned()]).into_iter();
    seen.filter_map(|(path, (time, ..))| Some((path, time?))).collect()
}

fn see(paths: &[PathBuf]) -> Seen {
    let mut seen = Seen::new();
    for path in paths {
        if path.is_dir() { walk(path, &mut seen) } else { file(path, &mut seen) }
    }
    seen
}

/// What cannot be read is as good as not there; whoever reads it next says why.
fn walk(folder: &Path, seen: &mut Seen) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if name.starts_with('.') || MADE.contains(&&*name) {
            continue;
        }
        // A link to a folder is not followed: it may lead in a circle.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&path, seen),
            _ if path.extension().is_some_and(|extension| extension == COMPONENT) => {}
            _ => file(&path, seen),
        }
    }
}

fn file(path: &Path, seen: &mut Seen) {
    if let Ok(metadata) = fs::metadata(path) {
        seen.insert(path.to_owned(), (metadata.modified().ok(), metadata.len(), metadata.ino()));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_people_write_is_seen_and_what_tools_make_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let put = |name: &str, text: &str| {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), text).unwrap();
        };
        put("src/lib.rs", "1");
        let mut watch = Watch::new(vec![folder.path().to_owned()]);
        assert!(!watch.changed());
        for made in ["policy.wasm", "target/x", "node_modules/x/y", ".git/x", "Cargo.lock", "a/__pycache__/x"] {
            put(made, "");
            assert!(!watch.changed(), "{made}");
        }
        put("src/lib.rs", "1, and more");
        assert!(watch.changed() && !watch.changed());
        put("src/new.rs", "");
        assert!(watch.changed());
        fs::remove_file(at("src/new.rs")).unwrap();
        assert!(watch.changed());
    }

    #[test]
    fn a_file_that_is_named_is_watched_whatever_it_is_and_may_come_later() {
        let folder = tempfile::tempdir().unwrap();
        let component = folder.path().join("policy.wasm");
        let mut watch = Watch::new(vec![component.clone()]);
        fs::write(&component, "1").unwrap();
        assert!(watch.changed());
        let other = folder.path().join("other");
        fs::write(&other, "2").unwrap();
        assert!(!watch.changed());
        fs::rename(&other, &component).unwrap();
        assert!(watch.changed(), "editors replace files");
    }
}
