//! Component files that stand in a plugin's project, beside its sources: what builds them, and whether they are older than
//! the sources. Reads only.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{build, watch};

/// What components are made of. Other files of a project, such as cases and texts, may be newer.
const SOURCES: [&str; 11] = ["go", "js", "json", "mjs", "mod", "py", "rs", "toml", "ts", "txt", "wit"];
const COMPONENT: &str = "wasm";

/// The command that writes this file, if it stands in a project.
pub(super) fn command(file: &Path) -> Option<String> {
    let project = project(file)?;
    let folder = if project == Path::new(".") { String::new() } else { format!(" {}", project.display()) };
    let usual = build::file_name(&project.canonicalize().ok()?);
    let is_usual = file.file_name() == Some(usual.as_os_str());
    let output = if is_usual { String::new() } else { format!(" -o {}", file.display()) };
    Some(format!("mcp-render build{folder}{output}"))
}

/// That the component is older than a source of its project, and what to do. Of several components only the last one is
/// looked at: others may be kept on purpose.
pub(super) fn stale(file: &Path) -> Option<String> {
    let (project, built) = (project(file)?, modified(file)?);
    let later = |path: PathBuf| path.extension() == Some(COMPONENT.as_ref()) && modified(&path) > Some(built);
    if fs::read_dir(project).ok()?.flatten().any(|entry| later(entry.path())) {
        return None;
    }
    let written = watch::written(project).into_iter();
    let written = written.map(|(path, time)| (path.strip_prefix(project).map(Path::to_owned).unwrap_or(path), time));
    let (newest, _) = written.filter(|(path, time)| *time > built && is_source(path)).max_by_key(|(_, time)| *time)?;
    Some(format!("{} is older than {}: run {}", file.display(), newest.display(), command(file)?))
}

/// The project's folder that a file stands in. The root of a Cargo workspace is none.
fn project(file: &Path) -> Option<&Path> {
    let folder = file.parent()?;
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let cargo = fs::read_to_string(folder.join("Cargo.toml"));
    let is_project = build::Language::of(folder).is_ok() && cargo.map_or(true, |text| text.contains("[package]"));
    is_project.then_some(folder)
}

/// Whether a component is made of this file, by its path in the project. What tests is no part of it.
fn is_source(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let tests = stem.starts_with("test_") || stem.ends_with("_test") || stem.ends_with(".test");
    let apart = path.iter().any(|folder| folder == "cases" || folder == "tests");
    let known = path.extension().is_some_and(|extension| SOURCES.iter().any(|source| extension == *source));
    known && !tests && !apart
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::time::Duration;

    use super::*;

    /// Writes a file that is so many seconds old.
    fn put(project: &Path, name: &str, age: u64) -> PathBuf {
        let path = project.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(&path).unwrap().set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        path
    }

    #[test]
    fn a_component_is_stale_when_a_source_is_newer() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("policy");
        put(&project, "package.json", 90);
        let component = put(&project, "policy.wasm", 50);
        for (name, age) in [
            ("plugin.js", 60),
            ("plugin.test.js", 10),
            ("cases/a/server.json", 10),
            ("README.md", 10),
            ("node_modules/x/index.js", 10),
        ] {
            put(&project, name, age);
            assert_eq!(stale(&component), None, "{name}");
        }
        put(&project, "lib/rule.js", 40);
        put(&project, "plugin.js", 20);
        let (file, at) = (component.display(), project.display());
        let told = format!("{file} is older than plugin.js: run mcp-render build {at}");
        assert_eq!(stale(&component), Some(told));
        put(&project, "policy-2.wasm", 30);
        assert_eq!(stale(&component), None, "an older version may be kept");
        let told = stale(&project.join("policy-2.wasm")).unwrap();
        assert!(told.ends_with(&format!("run mcp-render build {at} -o {at}/policy-2.wasm")), "{told}");
    }

    #[test]
    fn outside_of_projects_nothing_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let component = put(folder.path(), "policy.wasm", 50);
        put(folder.path(), "plugin.js", 10);
        assert_eq!((stale(&component), command(&component)), (None, None));
        fs::write(folder.path().join("Cargo.toml"), "[workspace]\n").unwrap();
        assert_eq!((stale(&component), command(&component)), (None, None));
        fs::write(folder.path().join("Cargo.toml"), "[package]\n").unwrap();
        assert!(stale(&component).is_some());
    }
}
