//! The plugins that are measured: the operator's own, and one for each language that `make plugins` has built.

use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context, Result};
use mcp_operator::default_plugin;
use mcp_operator::reconcile::gather::{Stage, Surroundings};
use mcp_operator::sandbox::{CodeCache, Limits, Plugin, Sandbox};
use serde_json::{Value, json};

/// What the operator's own plugin is called.
const DEFAULT: &str = "default";

/// Plugins by what they are written in, apart from the default one.
const OTHERS: [(&str, &str); 4] =
    [("rust", "spread"), ("javascript", "tenancy"), ("python", "sidecar"), ("go", "ownership")];

/// One plugin.
pub struct Subject {
    /// What the benchmarks call it.
    pub name: &'static str,
    /// Its bytes.
    pub component: Vec<u8>,
    /// It, loaded.
    pub plugin: Plugin,
    /// What it is told, in JSON.
    pub parameters: Option<String>,
}

impl Subject {
    /// Whether it renders from nothing.
    pub fn is_first(&self) -> bool {
        self.name == DEFAULT
    }
}

/// All plugins, and where they run.
pub struct Plugins {
    /// The operator's sandbox, with its cache of compiled code.
    pub sandbox: Sandbox,
    /// The default plugin first.
    pub subjects: Vec<Subject>,
}

impl Plugins {
    /// Loads what there is; what is new since the last run is compiled first, by a child process.
    pub fn load() -> Result<Self> {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        let sandbox = Sandbox::with_code_cache(1, CodeCache::new(&cache, &env::current_exe()?)?)?;
        let mut subjects = vec![subject(&sandbox, DEFAULT, default_plugin::COMPONENT.to_vec(), None)?];
        for (language, name) in OTHERS {
            let path = component(name)?;
            match fs::read(&path) {
                Ok(bytes) => subjects.push(subject(&sandbox, language, bytes, Some(parameters(name)))?),
                Err(error) => println!("{language} is not measured: {}: {error}; `make plugins`", path.display()),
            }
        }
        Ok(Self { sandbox, subjects })
    }

    /// What is the same for every server: the default plugin alone.
    pub fn surroundings(&self) -> Surroundings {
        Surroundings {
            cluster_domain: "cluster.local".to_owned(),
            kubernetes_version: Some("1.36".to_owned()),
            verify_from: None,
            chain: vec![Stage::new(DEFAULT, self.subjects[0].plugin.clone())],
        }
    }
}

/// Where `make plugins` leaves a plugin: beside the folder of the profile that this program was built with.
fn component(name: &str) -> Result<PathBuf> {
    let program = env::current_exe()?;
    let target = program.ancestors().nth(3).context("cargo builds benchmarks to target/PROFILE/deps")?;
    Ok(target.join("plugins").join(name).with_extension("wasm"))
}

fn subject(sandbox: &Sandbox, name: &'static str, component: Vec<u8>, parameters: Option<Value>) -> Result<Subject> {
    let (begun, before) = (Instant::now(), peak_memory()?);
    let plugin = sandbox.load(&component, Limits::default())?;
    let (bytes, seconds, after) = (component.len(), begun.elapsed().as_secs_f64(), peak_memory()?);
    println!("plugin {name}: {bytes} bytes, ready in {seconds:.3} s; peak of this process: {before}, then {after} MiB");
    Ok(Subject { name, component, plugin, parameters: parameters.map(|parameters| parameters.to_string()) })
}

/// The most memory that this process has had so far, in MiB.
fn peak_memory() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM in /proc/self/status")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib >> 10)
}

/// What a platform team would tell the plugin.
fn parameters(plugin: &str) -> Value {
    match plugin {
        "ownership" => json!({"keys": {"team": {"pattern": "[a-z]+", "required": false}}}),
        "tenancy" => {
            let toleration = json!({"key": "example.com/tenant", "operator": "Equal", "value": "search"});
            let tenant = json!({"nodeSelector": {"example.com/pool": "search"}, "tolerations": [toleration]});
            json!({"tenants": {"search": tenant}, "namespaces": {"team-search": "search", "default": "search"}})
        }
        "sidecar" => json!({"image": "localhost/auth-proxy:1", "port": 8443, "config": {"config.json": "{}"}}),
        _ => json!({}),
    }
}
