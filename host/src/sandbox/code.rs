//! Machine code of components, kept in a directory: compiled once by a child process, then mapped in a millisecond. Beside it
//! stands what a component says of itself, so that it is asked once.
//!
//! Compiling a large component takes hundreds of megabytes for a while, which a process that has had them once does not
//! give back; so another process does it, within limits of its own. An image is native code: only files that our own
//! children wrote, into a directory that nobody else can write to, are ever mapped.

mod upkeep;

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::bindings::exports::mcp::render::info::PluginInfo;
use super::digest::Digest;
use super::engine;
use super::failure::Failure;
use super::limits::Bytes;
use crate::{apart, private_files};

/// Writable memory that compiling one component may take. A JavaScript component of 12 MB takes 389 MB.
const COMPILE_MEMORY: u64 = 1 << 30;
/// CPU time that it may take, in seconds.
const COMPILE_SECONDS: u64 = 300;

/// How the name of an image ends, and that of what its component says of itself.
const IMAGE: &str = "cwasm";
const DESCRIPTION: &str = "json";

/// A directory of compiled components.
#[derive(Clone, Debug)]
pub struct CodeCache {
    directory: PathBuf,
    compiler: PathBuf,
    is_shared: bool,
}

impl CodeCache {
    /// A cache in `directory`, which is made if it is not there. `compiler` is a program that calls [`compile`] when its
    /// first argument is `compile`: usually the running one.
    pub fn new(directory: &Path, compiler: &Path) -> io::Result<Self> {
        private_files::directory(directory)?;
        let cache = Self { directory: directory.to_owned(), compiler: compiler.to_owned(), is_shared: false };
        cache.remove(private_files::is_unfinished)?; // what children that were killed left behind
        Ok(cache)
    }

    /// A cache in a directory that several processes of one user share, each for a short while: nobody says which images
    /// are wanted, so those go that were not used for long. Where no image can be made, the process compiles itself.
    ///
    /// # Errors
    ///
    /// The directory cannot be made, others have access to it, or they could exchange it.
    pub fn shared(directory: &Path, compiler: &Path) -> anyhow::Result<Self> {
        let directory = private_files::closed_directory(directory)?;
        Ok(Self { directory, compiler: compiler.to_owned(), is_shared: true })
    }

    /// The component's code, from its image if there is one that fits.
    pub(super) fn load(&self, engine: &Engine, component: &[u8], digest: &Digest) -> Result<Component, Failure> {
        let image = self.image(engine, digest);
        if let Some(component) = self.kept(engine, &image) {
            return Ok(component);
        }
        match self.compile(component, &image).and_then(|()| made(engine, &image)) {
            Err(Failure::Host(problem)) if self.is_shared => {
                tracing::debug!(directory = %self.directory.display(), problem, "Code is not kept");
                Component::from_binary(engine, component).map_err(|error| Failure::uncompilable(&format!("{error:#}")))
            }
            loaded => {
                self.tidy();
                loaded
            }
        }
    }

    /// What the component said of itself when it was asked last. It would say so again: it gets the same clock and the same
    /// random numbers each time.
    pub(super) fn description(&self, engine: &Engine, digest: &Digest) -> Option<PluginInfo> {
        let text = fs::read(self.image(engine, digest).with_extension(DESCRIPTION)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Keeps what the component says of itself. Where that is not possible, it is asked again.
    pub(super) fn keep_description(&self, engine: &Engine, digest: &Digest, info: &PluginInfo) {
        let path = self.image(engine, digest).with_extension(DESCRIPTION);
        let text = serde_json::to_vec(info).expect("texts are JSON");
        if let Err(error) = private_files::write(&path, &text) {
            tracing::debug!(path = %path.display(), %error, "A plugin's description is not kept");
        }
    }

    /// The code in an image that is there and fits.
    fn kept(&self, engine: &Engine, image: &Path) -> Option<Component> {
        if !image.exists() {
            return None;
        }
        match map(engine, image) {
            Ok(component) => {
                if self.is_shared {
                    upkeep::note_use(image);
                }
                Some(component)
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(image = %image.display(), error, "Compiled code does not fit and is made anew");
                None
            }
        }
    }

    /// What has become too much goes, but for what was just mapped: that is in use, whatever becomes of the file.
    fn tidy(&self) {
        if self.is_shared
            && let Err(error) = upkeep::sweep(&self.directory, SystemTime::now())
        {
            tracing::debug!(directory = %self.directory.display(), %error, "Old code cannot be removed");
        }
    }

    /// Removes what is kept of all components but these.
    pub fn retain(&self, digests: &[Digest]) -> io::Result<()> {
        let wanted: Vec<_> = digests.iter().map(Digest::file_name).collect();
        self.remove(|name| {
            name.split_once('-').is_some_and(|(digest, _)| !wanted.iter().any(|wanted| wanted == digest))
        })
    }

    fn remove(&self, is_superfluous: impl Fn(&str) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(&is_superfluous) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Named after everything that decides its contents: the component, and wasmtime's version, its settings and the
    /// features of the CPU.
    fn image(&self, engine: &Engine, digest: &Digest) -> PathBuf {
        self.directory.join(format!("{}-{:016x}.{IMAGE}", digest.file_name(), compatibility(engine)))
    }

    fn compile(&self, component: &[u8], image: &Path) -> Result<(), Failure> {
        let output = apart::run(&self.compiler, &["compile".as_ref(), image.as_os_str()], component)
            .map_err(|error| Failure::Host(format!("the compiling process cannot be run: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&output.stderr);
        let failed = || Failure::Host(format!("compiling failed, {}: {words}", output.status));
        Err(refusal(output.status, &words).unwrap_or_else(failed))
    }
}

/// What a child that failed means; its exit status tells a component that cannot be compiled from everything else.
fn refusal(status: ExitStatus, words: &str) -> Option<Failure> {
    let too_large = || Failure::ComponentTooLarge {
        what: format!(
            "compiling it takes more than {} s or {}",
            COMPILE_SECONDS,
            Bytes(usize::try_from(COMPILE_MEMORY).unwrap_or(usize::MAX))
        ),
    };
    match (status.code(), status.signal()) {
        (Some(INVALID), _) => Some(Failure::uncompilable(words.trim())),
        // Out of memory ends in an abort, out of time in a signal of the kernel's.
        (None, Some(_)) => Some(too_large()),
        _ => None,
    }
}

/// The child's exit status when the component is at fault.
const INVALID: i32 = 3;

/// What the child does: compiles the component on the standard input into an image. Returns the process's exit status.
///
/// The image appears under its name only when it is complete.
pub fn compile(image: &Path) -> anyhow::Result<u8> {
    apart::limit(COMPILE_MEMORY, COMPILE_SECONDS)?;
    let mut component = Vec::new();
    io::Read::read_to_end(&mut io::stdin().lock(), &mut component).context("reading the component")?;
    let engine = engine_of(image)?;
    let code = match engine.precompile_component(&component) {
        Ok(code) => code,
        Err(error) => {
            let _ = write!(io::stderr(), "{error:#}"); // the parent reads it, unless it is gone
            return Ok(u8::try_from(INVALID)?);
        }
    };
    private_files::write(image, &code).context("writing the image")?;
    Ok(0)
}

/// The engine whose images have this name: with the settings of a pool, without, or one that counts fuel.
fn engine_of(image: &Path) -> anyhow::Result<Engine> {
    let name = image.file_stem().and_then(|name| name.to_str()).context("an image has a name")?;
    for make in [engine::for_pool, engine::on_demand, engine::counting] {
        let engine = make()?;
        if name.ends_with(&format!("-{:016x}", compatibility(&engine))) {
            return Ok(engine);
        }
    }
    bail!("this program's WebAssembly engine is not the one that asks for {name}")
}

fn compatibility(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// The code in an image that a child has just written.
fn made(engine: &Engine, image: &Path) -> Result<Component, Failure> {
    map(engine, image).map_err(|error| Failure::Host(format!("the compiled code cannot be loaded: {error:#}")))
}

#[allow(unsafe_code, reason = "an image is machine code; it is only ever one that our own child wrote")]
fn map(engine: &Engine, image: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file is in a directory that only we write to, under a name that a child of ours gave it when it was
    // complete. wasmtime checks that it was made for this engine.
    unsafe { Component::deserialize_file(engine, image) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_compiling_engine_makes_images_for_the_pooling_one() {
        let pooling = engine::new(1).unwrap();
        assert_eq!(compatibility(&pooling), compatibility(&engine::for_pool().unwrap()));
        assert_ne!(compatibility(&pooling), compatibility(&engine::on_demand().unwrap()));
    }

    #[test]
    fn code_that_counts_fuel_is_kept_apart() {
        let directory = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(directory.path(), Path::new("/bin/false")).unwrap();
        let digest = Digest::of(b"x");
        let engines = [engine::new(1).unwrap(), engine::on_demand().unwrap(), engine::counting().unwrap()];
        let images = engines.each_ref().map(|engine| cache.image(engine, &digest));
        assert!(images[0] != images[1] && images[1] != images[2] && images[2] != images[0], "{images:?}");
        for (engine, image) in engines.iter().zip(&images) {
            assert_eq!(compatibility(&engine_of(image).unwrap()), compatibility(engine));
        }
        let foreign = engine_of(Path::new("sha256_0-0000000000000000.cwasm")).err().unwrap();
        assert!(foreign.to_string().contains("is not the one that asks for sha256_0-0000000000000000"), "{foreign}");
    }

    #[test]
    fn an_image_that_is_not_one_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(directory.path(), Path::new("/bin/false")).unwrap();
        let engine = engine::new(1).unwrap();
        let digest = Digest::of(b"x");
        fs::write(cache.image(&engine, &digest), "nonsense").unwrap();
        let failure = cache.load(&engine, b"x", &digest).unwrap_err();
        assert!(failure.to_string().contains("compiling failed, exit status: 1"), "{failure}");
    }

    #[test]
    fn a_shared_cache_that_makes_no_image_compiles_itself() {
        let directory = tempfile::tempdir().unwrap();
        let engine = engine::new(1).unwrap();
        let component = wat::parse_str("(component)").unwrap();
        let digest = Digest::of(&component);
        for compiler in ["/bin/false", "/no/such/program"] {
            let cache = CodeCache::shared(&directory.path().join("code"), Path::new(compiler)).unwrap();
            cache.load(&engine, &component, &digest).unwrap();
            fs::write(cache.image(&engine, &digest), "nonsense").unwrap();
            cache.load(&engine, &component, &digest).unwrap();
        }
    }

    #[test]
    fn an_image_that_is_used_is_not_made_again_and_counts_as_new() {
        let directory = tempfile::tempdir().unwrap();
        let cache = CodeCache::shared(&directory.path().join("code"), Path::new("/bin/false")).unwrap();
        let engine = engine::new(1).unwrap();
        let component = wat::parse_str("(component)").unwrap();
        let image = cache.image(&engine, &Digest::of(&component));
        fs::write(&image, engine.precompile_component(&component).unwrap()).unwrap();
        fs::File::open(&image).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert!(cache.kept(&engine, &image).is_some());
        assert_ne!(fs::metadata(&image).unwrap().modified().unwrap(), SystemTime::UNIX_EPOCH);
        assert!(cache.kept(&engine, Path::new("/no/such/image")).is_none());
    }

    #[test]
    fn images_of_forgotten_components_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(directory.path(), Path::new("/bin/false")).unwrap();
        let engine = engine::new(1).unwrap();
        let (kept, forgotten) = (Digest::of(b"kept"), Digest::of(b"forgotten"));
        let files = |digest| [IMAGE, DESCRIPTION].map(|kind| cache.image(&engine, digest).with_extension(kind));
        for file in [&kept, &forgotten].into_iter().flat_map(files) {
            fs::write(file, "").unwrap();
        }
        cache.retain(&[kept]).unwrap();
        assert!(files(&kept).iter().all(|file| file.exists()));
        assert!(!files(&forgotten).iter().any(|file| file.exists()));
    }
}
