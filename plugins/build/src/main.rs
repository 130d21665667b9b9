//! `make plugins`: builds every plugin in `plugins/` to `plugins/NAME.wasm` in cargo's target directory, and runs the
//! tests that it has in its own language. Where a language's tool is missing, its plugins are skipped with a word; when
//! `CI` is `true`, that is a failure.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use plugin_build::Toolchain;

fn main() -> ExitCode {
    match build_all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn build_all() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let out = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("plugins");
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    for plugin in plugins(&root.join("plugins"))? {
        let name = plugin.file_name().context("a folder has a name")?.to_string_lossy().into_owned();
        match build(&plugin, &name, &out).with_context(|| format!("plugins/{name}"))? {
            Outcome::Built(component) => {
                let file = out.join(format!("{name}.wasm"));
                fs::write(&file, &component)?;
                println!("{} ({} KiB)", file.display(), component.len() / 1024);
            }
            Outcome::Skipped(why) if env::var_os("CI").is_some_and(|ci| ci == "true") => bail!("plugins/{name}: {why}"),
            Outcome::Skipped(why) => println!("plugins/{name} is skipped: {why}"),
        }
    }
    Ok(())
}

/// What became of one plugin.
enum Outcome {
    Built(Vec<u8>),
    Skipped(String),
}

/// The folders of plugins: those with golden cases.
fn plugins(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let mut plugins: Vec<_> = entries.into_iter().filter(|path| path.join("cases").is_dir()).collect();
    plugins.sort();
    Ok(plugins)
}

fn build(plugin: &Path, name: &str, out: &Path) -> Result<Outcome> {
    if plugin.join("Cargo.toml").exists() {
        return match Toolchain::find() {
            Ok(toolchain) => Ok(Outcome::Built(plugin_build::rust(toolchain, name, plugin, &out.join("rust"))?)),
            Err(why) => Ok(Outcome::Skipped(why)),
        };
    }
    if plugin.join("package.json").exists() {
        return npm(plugin, name);
    }
    bail!("has neither a Cargo.toml nor a package.json")
}

/// What is in the lock file, then the tests, then the component.
fn npm(plugin: &Path, name: &str) -> Result<Outcome> {
    if Command::new("npm").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        return Ok(Outcome::Skipped("npm is missing: install Node.js 20 or newer".to_owned()));
    }
    for arguments in [&["ci"][..], &["test"], &["run", "build"]] {
        let status = Command::new("npm").args(arguments).arg("--silent").current_dir(plugin).status()?;
        ensure!(status.success(), "npm {} failed", arguments.join(" "));
    }
    Ok(Outcome::Built(fs::read(plugin.join(format!("{name}.wasm")))?))
}
