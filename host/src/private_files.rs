//! Files that nobody else reads or writes: how the operator keeps components, their code and its records, and the authors'
//! tool its plugins' code.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rustix::process::{getegid, geteuid};

/// Makes a directory, with those above it, unless it is there; and sees that it is ours alone. One of somebody else is an error.
pub fn directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

/// Makes a directory, with those above it, unless it is there; refuses one to which others have access, since they may have
/// written what is in it, and one that others could exchange for another. Returns its path without links.
pub fn closed_directory(path: &Path) -> anyhow::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let path = path.canonicalize()?;
    let found = fs::metadata(&path)?;
    let (owner, mode) = (found.uid(), found.mode() & 0o777);
    if owner != geteuid().as_raw() {
        bail!("{} belongs to another user, with the id {owner}; name a directory of your own", path.display());
    }
    if mode & 0o077 != 0 {
        let path = path.display();
        bail!("{path} is open to other users, with mode {mode:o}; empty it, and close it by: chmod 700 {path}");
    }
    for above in path.ancestors().skip(1) {
        let metadata = fs::metadata(above).with_context(|| above.display().to_string())?;
        if is_changeable(&metadata) {
            let (path, above) = (path.display(), above.display());
            bail!("{path} can be exchanged by other users, who may write to {above}; name a directory elsewhere");
        }
    }
    Ok(path)
}

/// Whether others than root and this user can rename what is in a directory. The user's own group counts as the user: on
/// many systems it has no other members, and directories are made writable for it.
fn is_changeable(directory: &Metadata) -> bool {
    let (mode, owner) = (directory.mode(), directory.uid());
    let is_sticky = mode & 0o1000 != 0;
    let by_others = mode & 0o002 != 0 || mode & 0o020 != 0 && directory.gid() != getegid().as_raw();
    by_others && !is_sticky || owner != 0 && owner != geteuid().as_raw()
}

/// How the names of files begin that are being written.
const UNFINISHED: &str = ".tmp";

/// Whether a file of this name is being written, or was when its writer was killed.
pub fn is_unfinished(name: &str) -> bool {
    name.starts_with(UNFINISHED)
}

/// Writes a file that is there whole or not at all. Until then it is [unfinished](is_unfinished), beside it.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(path.parent().unwrap_or(path))?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Some volumes are made writable for a group when they are mounted.
    #[test]
    fn a_directory_that_others_could_write_to_is_closed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("code");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o2777)).unwrap();
        super::directory(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    fn refusal(path: &Path) -> String {
        closed_directory(path).unwrap_err().to_string()
    }

    fn with_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_closed_directory_is_made_with_those_above_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/code");
        assert_eq!(closed_directory(&path).unwrap(), path.canonicalize().unwrap());
        assert_eq!(closed_directory(&path).unwrap(), path.canonicalize().unwrap(), "it is there");
        for made in [&path, path.parent().unwrap()] {
            assert_eq!(fs::metadata(made).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn a_directory_that_others_could_have_written_to_is_refused_and_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        for mode in [0o755, 0o770, 0o701] {
            with_mode(directory.path(), mode);
            let told = refusal(directory.path());
            assert!(told.contains(&format!("is open to other users, with mode {mode:o}; empty it")), "{told}");
            assert_eq!(fs::metadata(directory.path()).unwrap().permissions().mode() & 0o777, mode);
        }
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/", &link).unwrap();
        assert!(closed_directory(&link).is_err(), "what a link leads to is what counts");
    }

    #[test]
    fn a_directory_that_others_could_exchange_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("code");
        for (mode, is_fine) in [(0o777, false), (0o1777, true), (0o755, true)] {
            with_mode(directory.path(), mode);
            assert_eq!(closed_directory(&path).is_ok(), is_fine, "{mode:o}");
        }
        with_mode(directory.path(), 0o777);
        assert!(refusal(&path).contains("can be exchanged by other users, who may write to"), "{}", refusal(&path));
    }

    #[test]
    fn a_file_is_no_directory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(refusal(file.path()).contains("File exists"), "{}", refusal(file.path()));
    }
}
