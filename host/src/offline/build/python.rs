//! Python: `componentize-py`, in a virtual environment inside the project.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Failure;
use super::contract::{Contract, WORLD};
use super::tool::Tool;

const PYTHON: &str = "python3";
const INSTALL: &str =
    "install Python 3.10 or newer from https://python.org, or with\n    apt-get install python3 python3-venv";

/// What is installed in a project without `requirements.txt`: the version that this program is tested with.
const REQUIREMENTS: &str = "componentize-py==0.25.1\n";

/// The module that the tool makes a component of.
const MODULE: &str = "plugin";

/// The component of `plugin.py` and what it imports.
pub(super) fn build(project: &Path) -> Result<Vec<u8>, Failure> {
    if !project.join(MODULE).with_extension("py").is_file() && !project.join(MODULE).is_dir() {
        let problem = format!("there is no {MODULE}.py: it is the module with the classes Info and Renderer");
        return Err(Failure::Broken(format!("{}: {problem}", project.display())));
    }
    let environment = Environment(project.join(".venv"));
    environment.prepare(project)?;
    let (contract, folder) = (Contract::of(project)?, tempfile::tempdir().context("cannot make a temporary folder")?);
    let component = folder.path().join("component.wasm");
    environment
        .tool("componentize-py", project)
        .args(["--quiet", "--world", WORLD, "--wit-path"])
        .args([contract.path()])
        .args(["componentize", "--python-path", ".", MODULE, "--output"])
        .args([&component])
        .env("VIRTUAL_ENV", &environment.0)
        .run()?;
    Ok(fs::read(&component).with_context(|| component.display().to_string())?)
}

/// A virtual environment.
struct Environment(PathBuf);

impl Environment {
    /// Makes it and installs what the project asks for, unless that was done.
    fn prepare(&self, project: &Path) -> Result<(), Failure> {
        let wanted = wanted(project)?;
        // Programs in an environment know where it is, so in one that was moved they are installed again.
        let record = format!("{}\n{wanted}", self.0.display());
        let installed = self.0.join("mcp-render-installed.txt");
        if fs::read_to_string(&installed).is_ok_and(|installed| installed == record) {
            return Ok(());
        }
        if Tool::new(PYTHON, project, INSTALL).args(["-c", "import ensurepip, venv"]).output().is_err() {
            Tool::new(PYTHON, project, INSTALL).args(["--version"]).output()?;
            let problem = "this Python cannot make virtual environments: install what is missing, on Debian with";
            return Err(Failure::NotTried(format!("{problem}\n    apt-get install python3-venv")));
        }
        Tool::new(PYTHON, project, INSTALL).args(["-m", "venv", ".venv"]).run()?;
        let requirements = tempfile::NamedTempFile::new().context("cannot make a temporary file")?;
        fs::write(&requirements, &wanted).context("cannot write a temporary file")?;
        self.tool("python", project)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--force-reinstall"])
            .args(["--requirement".as_ref(), requirements.path()])
            .run()?;
        Ok(fs::write(&installed, &record).with_context(|| installed.display().to_string())?)
    }

    /// A program in it.
    fn tool(&self, name: &str, project: &Path) -> Tool {
        let problem = format!("add {} to requirements.txt", REQUIREMENTS.trim_end());
        Tool::new(self.0.join("bin").join(name), project, problem)
    }
}

/// What has to be installed.
fn wanted(project: &Path) -> anyhow::Result<String> {
    let file = project.join("requirements.txt");
    if !file.is_file() {
        return Ok(REQUIREMENTS.to_owned());
    }
    fs::read_to_string(&file).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_project_pins_the_tool_or_gets_the_tested_version() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(wanted(folder.path()).unwrap(), REQUIREMENTS);
        fs::write(folder.path().join("requirements.txt"), "componentize-py==0.25.0\n").unwrap();
        assert_eq!(wanted(folder.path()).unwrap(), "componentize-py==0.25.0\n");
    }

    #[test]
    fn a_project_without_its_module_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let failure = build(folder.path()).unwrap_err();
        assert!(matches!(&failure, Failure::Broken(message) if message.contains("there is no plugin.py")), "{failure}");
    }

    #[test]
    fn an_environment_without_the_tool_says_what_to_add() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment(folder.path().join(".venv"));
        let message = environment.tool("componentize-py", folder.path()).run().unwrap_err().to_string();
        assert_eq!(message, "componentize-py is missing: add componentize-py==0.25.1 to requirements.txt");
    }
}
