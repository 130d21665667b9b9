//! What the figures were measured on.

use std::fs;
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// The machine.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Machine {
    /// Number of CPUs.
    pub cpus: usize,
    /// Their name.
    pub processor: String,
    /// Memory in GiB.
    pub memory: f64,
    /// Version of Linux.
    pub kernel: String,
}

impl Machine {
    /// This one.
    pub fn this() -> Result<Self> {
        let field = |file: &str, name: &str| -> Result<String> {
            let text = fs::read_to_string(file)?;
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
            Ok(value.with_context(|| format!("{name} in {file}"))?.1.trim().to_owned())
        };
        let memory = field("/proc/meminfo", "MemTotal")?;
        let kib: f64 = memory.split(' ').next().context("a number")?.parse()?;
        Ok(Self {
            cpus: thread::available_parallelism()?.get(),
            processor: field("/proc/cpuinfo", "model name")?,
            memory: kib / 1024.0 / 1024.0,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        })
    }
}

/// The revision of this repository.
pub fn revision() -> Result<String> {
    let output = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
