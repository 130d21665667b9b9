//! Where the machine code of plugins stays between runs: it is compiled once, and mapped in a millisecond from then on.
//!
//! Without a place for it, plugins are compiled in each run.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::thread;

use mcp_operator::sandbox::{CodeCache, Sandbox};

use crate::tell;

/// What stands for no directory; `./none` is one.
const NONE: &str = "none";

#[derive(clap::Args)]
pub struct CacheFlags {
    /// Where compiled plugins are kept, so that each is compiled once: a directory to which nobody else has access, or `none`.
    /// Without it, `mcp-operator/` in `$XDG_CACHE_HOME` or `~/.cache`.
    #[arg(
        long,
        global = true,
        value_name = "DIRECTORY|none",
        env = "MCP_RENDER_CACHE_DIR",
        help_heading = "Options of every command"
    )]
    cache_dir: Option<Place>,
}

#[derive(Clone)]
enum Place {
    Nowhere,
    In(PathBuf),
}

impl From<OsString> for Place {
    fn from(word: OsString) -> Self {
        if word == NONE { Self::Nowhere } else { Self::In(word.into()) }
    }
}

impl CacheFlags {
    /// Where plugins run, one on each processor.
    pub fn sandbox(&self) -> anyhow::Result<Sandbox> {
        sandbox(self.code())
    }

    /// The same, and another one that counts fuel.
    pub fn sandboxes(&self) -> anyhow::Result<[Sandbox; 2]> {
        let code = self.code();
        Ok([sandbox(code.clone())?, Sandbox::counting(code)?])
    }

    fn code(&self) -> Option<CodeCache> {
        let directory = match &self.cache_dir {
            Some(Place::Nowhere) => return None,
            Some(Place::In(directory)) => Some(directory.clone()),
            None => usual(),
        };
        let opened = CodeCache::shared(&directory?.join("code"), &myself());
        match (opened, &self.cache_dir) {
            (Ok(cache), _) => return Some(cache),
            (Err(problem), Some(_)) => {
                tell(format_args!("note: compiled plugins are not kept: --cache-dir: {problem:#}"));
            }
            (Err(problem), None) => {
                let problem = format!("{problem:#}");
                tracing::debug!(problem, "Compiled plugins are not kept");
            }
        }
        None
    }
}

fn sandbox(code: Option<CodeCache>) -> anyhow::Result<Sandbox> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    match code {
        Some(code) => Sandbox::with_code_cache(processors, code),
        None => Sandbox::new(processors),
    }
}

/// The user's folder for what can be made again; see the XDG base directory specification.
fn usual() -> Option<PathBuf> {
    let folder = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let folder = folder.or_else(|| env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".cache")));
    folder.map(|folder| folder.join("mcp-operator"))
}

/// By the first name, where there is one, a program finds itself even after its file was replaced.
fn myself() -> PathBuf {
    let link = Path::new("/proc/self/exe");
    if link.exists() { link.to_owned() } else { env::current_exe().unwrap_or_default() }
}
