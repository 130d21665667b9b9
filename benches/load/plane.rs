//! The control plane that everything is measured on: a real API server and real controllers on loopback ports, and fake
//! nodes. Its controllers can be stopped, to measure the API server alone.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use cluster_tests::audit::{self, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::until;

/// What reacts to new objects.
const CONTROLLERS: [&str; 3] = ["controller-manager", "scheduler", "kwok"];

/// A running control plane; it ends when this is dropped.
pub struct Plane {
    name: String,
    folder: PathBuf,
}

impl Plane {
    /// Starts one. The first time its parts are built, which takes minutes.
    pub fn up(name: &str) -> Result<Self> {
        let kubeconfig = cluster(&["up", name, "--control-plane-only", "--audit", "--kwok", "10"])?;
        let folder = Path::new(kubeconfig.trim()).parent().context("a folder around the kubeconfig")?.to_owned();
        let plane = Self { name: name.to_owned(), folder };
        plane.install_definitions()?;
        Ok(plane)
    }

    fn install_definitions(&self) -> Result<()> {
        let file = self.folder.join("definitions.yaml");
        fs::write(&file, mcp_operator::api::crd::to_yaml())?;
        let file = file.to_str().context("a path in UTF-8")?;
        let kubectl = ["exec", &self.name, "--", "kubectl"];
        cluster(&[&kubectl[..], &["apply", "--server-side", "-f", file]].concat())?;
        let established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"];
        cluster(&[&kubectl[..], &established].concat()).map(drop)
    }

    /// The kubeconfig of the user `operator`, who may do everything and is subject to flow control like any other.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("users/operator")
    }

    /// A client of that user or another.
    pub async fn client(&self, user: &str) -> Result<kube::Client> {
        let config = Kubeconfig::read_from(self.folder.join("users").join(user))?;
        let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
        Ok(kube::Client::try_from(config)?)
    }

    /// Stops the controllers where they stand: nothing reacts to what is written, until the plane ends.
    pub fn pause(&self) -> Result<()> {
        self.signal("-STOP")
    }

    /// Lets them go on.
    fn resume(&self) -> Result<()> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> Result<()> {
        for component in CONTROLLERS {
            let pid = fs::read_to_string(self.folder.join("pids").join(component))?;
            ensure!(Command::new("kill").args([signal, pid.trim()]).status()?.success(), "kill {signal} {component}");
        }
        Ok(())
    }

    /// The requests of a user from now on.
    pub fn audit(&self, user: &'static str) -> Result<Audit> {
        let file = self.folder.join("audit.log");
        let offset = fs::metadata(&file)?.len();
        Ok(Audit { file, offset, user })
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        let _ = self.resume(); // or they would not end
        if let Err(error) = cluster(&["down", &self.name]) {
            eprintln!("error: the control plane could not be ended: {error:#}");
        }
    }
}

/// A place in the audit log.
#[derive(Clone)]
pub struct Audit {
    file: PathBuf,
    offset: u64,
    user: &'static str,
}

impl Audit {
    /// What the user asked for since.
    pub fn requests(&self) -> Result<Vec<Request>> {
        self.clone().news()
    }

    /// Waits until the user has written so often since, events included; nobody is asked for that.
    pub async fn until_written(&self, count: usize) -> Result<()> {
        let (mut ahead, mut written) = (self.clone(), 0);
        until("all was written", async || {
            written += ahead.news()?.iter().filter(|request| request.writes()).count();
            Ok(written >= count)
        })
        .await
    }

    /// What the user asked for since, and this moves on behind it.
    fn news(&mut self) -> Result<Vec<Request>> {
        let mut file = File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        self.offset += text.len() as u64;
        audit::requests(&text, self.user)
    }
}

fn cluster(arguments: &[&str]) -> Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cluster/cluster");
    let output = Command::new(script).args(arguments).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "`cluster {}` failed; see above", arguments.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}
