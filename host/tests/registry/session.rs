//! Somebody who works with a registry: a folder with a component, and a login as Docker keeps it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mcp_operator::default_plugin;

use crate::real::{PASSWORD, Registry, USER};

/// A registry, and marie, who is logged in to it and has `policy.wasm` in her folder.
pub struct Session {
    pub registry: Registry,
    folder: PathBuf,
}

impl Session {
    pub fn start() -> Option<Self> {
        let registry = Registry::start()?;
        let folder = registry.folder().join("marie");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("policy.wasm"), default_plugin::COMPONENT).unwrap();
        let login =
            format!(r#"{{"auths": {{"{}": {{"username": "{USER}", "password": "{PASSWORD}"}}}}}}"#, registry.host());
        fs::write(folder.join("config.json"), login).unwrap();
        Some(Self { registry, folder })
    }

    /// The name of an artifact in the registry.
    pub fn reference(&self, tag: &str) -> String {
        format!("{}/team/policy:{tag}", self.registry.host())
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A program in her folder, with our command on its PATH.
    pub fn program(&self, program: &str) -> Command {
        let bin = Path::new(env!("CARGO_BIN_EXE_mcp-render")).parent().unwrap();
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
            .env("DOCKER_CONFIG", &self.folder)
            .env("SSL_CERT_FILE", self.registry.ca())
            .env("NO_PROXY", "127.0.0.1")
            .env_remove("SSL_CERT_DIR")
            .env_remove("SOURCE_DATE_EPOCH");
        command
    }

    /// Our command, to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.program(env!("CARGO_BIN_EXE_mcp-render")).args(arguments).output().unwrap()
    }
}

/// What a run without errors printed.
pub fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a run complained of that ended with this code.
pub fn complaint(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}
