//! Compiled plugins are kept between runs, in a folder that is this user's alone.

use std::fs::{self, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::command::{CACHE_VARIABLE, Ended, command, end, run, server};
use crate::plugins::Plugins;

/// A small plugin, and a place for its code, empty at first.
struct Cache {
    plugins: Plugins,
    component: PathBuf,
}

impl Cache {
    fn new() -> Self {
        let plugins = Plugins::new();
        let component = plugins.answering(|_| {});
        Self { plugins, component }
    }

    /// The files with code.
    fn images(&self) -> Vec<PathBuf> {
        images(&self.code())
    }

    fn folder(&self) -> PathBuf {
        self.plugins.folder().join("cache")
    }

    fn code(&self) -> PathBuf {
        self.folder().join("code")
    }

    /// A command that loads the plugin.
    fn inspection(&self) -> Command {
        let mut command = command();
        command.env(CACHE_VARIABLE, self.folder()).arg("inspect").arg(&self.component);
        command
    }

    fn inspect(&self) -> Ended {
        end(&mut self.inspection(), "")
    }

    /// What a run prints that keeps nothing.
    fn uncached(&self) -> String {
        run(["inspect", "--cache-dir", "none", self.component.to_str().unwrap()]).printed()
    }
}

/// The files with code in a folder, if it is there. Beside each stands what its plugin says of itself.
fn images(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let files = entries.map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension() == Some("cwasm".as_ref())).collect()
}

fn metadata(image: &Path) -> Metadata {
    fs::metadata(image).unwrap()
}

#[test]
fn a_plugin_is_compiled_once() {
    let cache = Cache::new();
    let first = cache.inspect();
    assert_eq!(first.stderr, "");
    let [image] = cache.images().try_into().unwrap();
    let made = metadata(&image);
    assert_eq!(cache.inspect().printed(), first.printed());
    assert_eq!(cache.images(), [image.as_path()]);
    assert_eq!(metadata(&image).ino(), made.ino(), "it was made again");
    assert!(metadata(&image).modified().unwrap() > made.modified().unwrap(), "its use was not noted");
    assert_eq!(metadata(&cache.code()).mode() & 0o777, 0o700);
}

#[test]
fn code_that_is_not_whole_is_made_anew() {
    let cache = Cache::new();
    let first = cache.inspect().printed();
    let [image] = cache.images().try_into().unwrap();
    let whole = fs::read(&image).unwrap();
    for broken in [&b""[..], b"nonsense", &whole[..whole.len() / 2]] {
        fs::write(&image, broken).unwrap();
        let ended = cache.inspect();
        assert_eq!((ended.stderr.as_str(), ended.stdout.as_str()), ("", first.as_str()));
        assert!(fs::read(&image).unwrap() == whole);
    }
}

#[test]
fn a_folder_that_others_may_use_is_refused_in_words() {
    let cache = Cache::new();
    fs::create_dir_all(cache.code()).unwrap();
    fs::set_permissions(cache.code(), Permissions::from_mode(0o755)).unwrap();
    let ended = cache.inspect();
    let told = "note: compiled plugins are not kept: --cache-dir: ";
    assert!(ended.stderr.starts_with(told) && ended.stderr.contains("chmod 700"), "{ended:?}");
    assert_eq!(ended.printed(), cache.uncached());
    assert_eq!(cache.images(), Vec::<PathBuf>::new());
}

#[test]
fn without_a_place_nothing_is_kept_and_nothing_is_said() {
    let cache = Cache::new();
    let inspect = |log: Option<&str>| {
        let mut command = cache.inspection();
        command.env_remove(CACHE_VARIABLE).env("XDG_CACHE_HOME", "/dev/null/none");
        end(command.envs(log.map(|level| ("MCP_LOG", level))), "")
    };
    let ended = inspect(None);
    assert_eq!(ended.stderr, "");
    assert_eq!(ended.printed(), cache.uncached());
    let told = inspect(Some("debug")).stderr;
    assert!(told.contains("DEBUG") && told.contains("Compiled plugins are not kept"), "{told}");
    let lines = inspect(Some("a=b=c")).complaints(2);
    assert!(lines[0].starts_with("error: MCP_LOG: "), "{lines:?}");
}

#[test]
fn the_users_folder_for_caches_is_the_usual_place() {
    let cache = Cache::new();
    let home = cache.plugins.folder().join("home");
    end(cache.inspection().env_remove(CACHE_VARIABLE).env("XDG_CACHE_HOME", &home), "").printed();
    assert_eq!(images(&home.join("mcp-operator/code")).len(), 1);
}

#[test]
fn code_that_counts_fuel_is_another() {
    let cache = Cache::new();
    cache.inspect().printed();
    let mut bench = command();
    bench.env(CACHE_VARIABLE, cache.folder()).args(["bench", "--iterations", "1", "-f", "-"]).arg(&cache.component);
    end(&mut bench, &server("a", "")).printed();
    assert_eq!(cache.images().len(), 2);
}

#[test]
fn several_at_a_time_do_not_disturb_each_other() {
    let cache = Cache::new();
    let start = |_| {
        let mut command = cache.inspection();
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(start).collect();
    let outputs: Vec<_> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    assert!(outputs.iter().all(|output| output.status.success() && output == &outputs[0]), "{outputs:?}");
    assert_eq!(cache.images().len(), 1, "{:?}", cache.images());
}
