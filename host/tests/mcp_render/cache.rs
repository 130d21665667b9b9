//! Compiled plugins are kept between runs, in a folder that is this user's alone.

use std::fs::{self, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;

use crate::command::{CACHE_VARIABLE, Ended, command, end, run_with_input, server};

/// A folder of the test's own, empty at first.
struct Cache(TempDir);

impl Cache {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The files with code.
    fn images(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.code()).map(|entries| entries.map(|entry| entry.unwrap().path()));
        entries.map(Iterator::collect).unwrap_or_default()
    }

    fn code(&self) -> PathBuf {
        self.0.path().join("code")
    }

    /// Renders a server with this as the cache.
    fn render(&self) -> Ended {
        end(command().env(CACHE_VARIABLE, self.0.path()).args(["render", "-f", "-"]), &server("a", ""))
    }
}

/// What a run prints that keeps nothing.
fn uncached() -> String {
    run_with_input(["render", "-f", "-", "--cache-dir", "none"], &server("a", "")).printed()
}

fn metadata(image: &Path) -> Metadata {
    fs::metadata(image).unwrap()
}

#[test]
fn a_plugin_is_compiled_once() {
    let cache = Cache::new();
    let first = cache.render();
    assert_eq!(first.stderr, "");
    let [image] = cache.images().try_into().unwrap();
    let made = metadata(&image);
    assert_eq!(cache.render().printed(), first.printed());
    assert_eq!(cache.images(), [image.as_path()]);
    assert_eq!(metadata(&image).ino(), made.ino(), "it was made again");
    assert!(metadata(&image).modified().unwrap() > made.modified().unwrap(), "its use was not noted");
    assert_eq!(metadata(&cache.code()).mode() & 0o777, 0o700);
}

#[test]
fn code_that_is_not_whole_is_made_anew() {
    let cache = Cache::new();
    let first = cache.render().printed();
    let [image] = cache.images().try_into().unwrap();
    let whole = fs::read(&image).unwrap();
    for broken in [&b""[..], b"nonsense", &whole[..whole.len() / 2]] {
        fs::write(&image, broken).unwrap();
        let ended = cache.render();
        assert_eq!((ended.stderr.as_str(), ended.stdout.as_str()), ("", first.as_str()));
        assert!(fs::read(&image).unwrap() == whole);
    }
}

#[test]
fn a_folder_that_others_may_use_is_refused_in_words() {
    let cache = Cache::new();
    fs::create_dir(cache.code()).unwrap();
    fs::set_permissions(cache.code(), Permissions::from_mode(0o755)).unwrap();
    let ended = cache.render();
    let told = "note: compiled plugins are not kept: --cache-dir: ";
    assert!(ended.stderr.starts_with(told) && ended.stderr.contains("chmod 700"), "{ended:?}");
    assert_eq!(ended.printed(), uncached());
    assert_eq!(cache.images(), Vec::<PathBuf>::new());
}

#[test]
fn without_a_place_nothing_is_kept_and_nothing_is_said() {
    let home = |log: Option<&str>| {
        let mut command = command();
        command.env_remove(CACHE_VARIABLE).env("XDG_CACHE_HOME", "/dev/null/none").args(["render", "-f", "-"]);
        command.envs(log.map(|level| ("MCP_LOG", level)));
        end(&mut command, &server("a", ""))
    };
    let ended = home(None);
    assert_eq!(ended.stderr, "");
    assert_eq!(ended.printed(), uncached());
    let told = home(Some("mcp_operator=debug,mcp_render=debug")).stderr;
    assert!(told.contains("DEBUG") && told.contains("Compiled plugins are not kept"), "{told}");
}

#[test]
fn the_users_folder_for_caches_is_the_usual_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command();
    command.env_remove(CACHE_VARIABLE).env("XDG_CACHE_HOME", folder.path());
    end(command.args(["render", "-f", "-"]), &server("a", "")).printed();
    assert_eq!(fs::read_dir(folder.path().join("mcp-operator/code")).unwrap().count(), 1);
}

#[test]
fn code_that_counts_fuel_is_another() {
    let cache = Cache::new();
    cache.render().printed();
    let mut bench = command();
    bench.env(CACHE_VARIABLE, cache.0.path()).args(["bench", "--iterations", "1", "-f", "-"]);
    end(&mut bench, &server("a", "")).printed();
    assert_eq!(cache.images().len(), 2);
}

#[test]
fn several_at_a_time_do_not_disturb_each_other() {
    let cache = Cache::new();
    let start = |_| {
        let mut command = command();
        command.env(CACHE_VARIABLE, cache.0.path()).args(["render", "-f", "examples/minimal.yaml"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(start).collect();
    let outputs: Vec<_> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    assert!(outputs.iter().all(|output| output.status.success() && output == &outputs[0]), "{outputs:?}");
    assert_eq!(cache.images().len(), 1, "{:?}", cache.images());
}
