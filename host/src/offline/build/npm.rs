//! JavaScript and TypeScript: npm installs what the lock file says, and the project's own script `build` makes the
//! component. Ours is only to find it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;

use super::tool::Tool;
use super::{Failure, contract};

const INSTALL: &str = "install Node.js 18 or newer from https://nodejs.org, or with\n    apt-get install nodejs npm";

/// Where a script may leave a component.
const FOLDERS: [&str; 2] = ["", "dist"];

/// The component that the script leaves in the project's folder or in `dist/`.
pub(super) fn build(project: &Path) -> Result<Vec<u8>, Failure> {
    contract::provide(project)?;
    if is_due(project) {
        let command = if lock(project).is_some() { "ci" } else { "install" };
        npm(project, &[command, "--no-audit", "--no-fund", "--loglevel=error"])?;
    }
    let before = components(project)?;
    npm(project, &["run", "build"])?;
    let written = written(&before, &components(project)?)?;
    Ok(fs::read(&written).with_context(|| written.display().to_string())?)
}

fn npm(project: &Path, arguments: &[&str]) -> Result<(), Failure> {
    Tool::new("npm", project, INSTALL).args(arguments).run()
}

fn lock(project: &Path) -> Option<PathBuf> {
    Some(project.join("package-lock.json")).filter(|lock| lock.is_file())
}

/// Whether the installed packages are missing, or older than what the project asks for. npm leaves a list of what it has
/// installed.
fn is_due(project: &Path) -> bool {
    let time = |path: PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let asked = time(lock(project).unwrap_or_else(|| project.join("package.json")));
    let installed = time(project.join("node_modules/.package-lock.json"));
    installed.is_none() || installed < asked
}

/// The components in the project, and when they were written.
fn components(project: &Path) -> anyhow::Result<BTreeMap<PathBuf, SystemTime>> {
    let mut found = BTreeMap::new();
    for folder in FOLDERS.map(|name| project.join(name)).into_iter().filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "wasm") {
                let modified = fs::metadata(&path).and_then(|metadata| metadata.modified());
                found.insert(path.clone(), modified.with_context(|| path.display().to_string())?);
            }
        }
    }
    Ok(found)
}

/// The one file that is new or was written again.
fn written(before: &BTreeMap<PathBuf, SystemTime>, after: &BTreeMap<PathBuf, SystemTime>) -> Result<PathBuf, Failure> {
    let new: Vec<_> =
        after.iter().filter(|(path, time)| before.get(*path) != Some(time)).map(|(path, _)| path).collect();
    match new[..] {
        [path] => Ok(path.clone()),
        [] => Err(Failure::Broken(
            "`npm run build` wrote no .wasm file: let the script `build` in package.json write one in the project's \
             folder or in dist/"
                .to_owned(),
        )),
        _ => {
            let names: Vec<_> = new.iter().map(|path| path.display().to_string()).collect();
            let problem = "`npm run build` wrote several .wasm files: let it write one";
            Err(Failure::Broken(format!("{problem}; there are {}", names.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::time::Duration;

    use super::*;

    /// Writes a file that is so many seconds old.
    fn put(project: &Path, name: &str, age: u64) {
        let path = project.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let time = SystemTime::now() - Duration::from_secs(age);
        fs::File::create(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn packages_are_installed_when_missing_or_older_than_the_lock_file() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path();
        put(project, "package.json", 50);
        assert!(is_due(project));
        put(project, "node_modules/.package-lock.json", 40);
        assert!(!is_due(project));
        put(project, "package-lock.json", 30);
        assert!(is_due(project));
        put(project, "node_modules/.package-lock.json", 20);
        put(project, "package.json", 10);
        assert!(!is_due(project), "npm ci goes by the lock file");
    }

    #[test]
    fn the_component_is_the_file_that_the_script_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path();
        put(project, "old.wasm", 50);
        put(project, "policy.wasm", 50);
        let before = components(project).unwrap();
        assert!(written(&before, &before).unwrap_err().to_string().contains("wrote no .wasm file"));
        put(project, "policy.wasm", 0);
        assert_eq!(written(&before, &components(project).unwrap()).unwrap(), project.join("policy.wasm"));
        put(project, "dist/policy.wasm", 0);
        let message = written(&before, &components(project).unwrap()).unwrap_err().to_string();
        assert!(message.contains("wrote several .wasm files"), "{message}");
    }
}
