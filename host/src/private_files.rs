//! Files that nobody else reads or writes: how the operator keeps components, their code and its records.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Makes a directory, with those above it, unless it is there; and sees that it is ours alone. One of somebody else is an error.
pub fn directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

/// Writes a file that is there whole or not at all. Until then it is one whose name begins with `.tmp`, beside it.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(path))?;
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
}
