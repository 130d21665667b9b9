//! A docker-registry of our own: a child process on a free port, with everything it keeps in a folder that goes with it.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

pub const USER: &str = "marie";
pub const PASSWORD: &str = "hunter2";
/// As `htpasswd -nbB` writes them.
const HTPASSWD: &str = "marie:$2b$04$abcdefghijklmnopqrstuuV3duMsC0HpUex6N9qapiuOHHWkwRXVm\n";

/// A running registry.
pub struct Registry {
    child: Child,
    folder: TempDir,
    port: String,
}

impl Registry {
    /// Starts one, or says why there is none.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!in_ci, "docker-registry is missing: run `make setup`");
            // Not `eprintln!`, which the test harness keeps to itself.
            stderr().write_all(b"skipped: this test needs docker-registry, which `make setup` fetches\n").unwrap();
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        certify(folder.path());
        fs::write(folder.path().join("htpasswd"), HTPASSWD).unwrap();
        fs::write(folder.path().join("config.yml"), config(folder.path())).unwrap();
        let command = &mut Command::new(program);
        command.arg("serve").arg(folder.path().join("config.yml")).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let port =
            log.find_map(|line| Some(line.split("listening on 127.0.0.1:").nth(1)?.split(',').next()?.to_owned()));
        let port = port.expect("docker-registry listens");
        // It stops when nobody reads what it writes.
        std::thread::spawn(move || log.for_each(drop));
        Some(Self { child, folder, port })
    }

    /// The name that references begin with.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The certificate of the authority that its own is signed by.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// Where its clients may keep files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// On the PATH, or where `make setup` puts it.
fn program() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let ours = cache.map(|cache| cache.join("mcp-operator/tools/bin"));
    let path = variable("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(ours);
    folders.map(|folder| folder.join("docker-registry")).find(|program| program.is_file())
}

fn certify(folder: &Path) {
    let mut authority = CertificateParams::new([]).unwrap();
    authority.distinguished_name.push(DnType::CommonName, "the registry's authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join("ca.crt"), authority.self_signed(&key).unwrap().pem()).unwrap();
    let (issuer, key) = (Issuer::new(authority, key), KeyPair::generate().unwrap());
    let server = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("tls.crt"), server.pem()).unwrap();
    fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
}

fn config(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "version: 0.1
log: {{level: info, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}
http:
  addr: 127.0.0.1:0
  secret: test
  tls: {{certificate: {folder}/tls.crt, key: {folder}/tls.key}}
"
    )
}
