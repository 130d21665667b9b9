//! Runs the tools of a language.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::{Command, Stdio};

use super::Failure;

/// A tool, run in the project's folder. What it prints goes to our standard error, which leaves the standard output for
/// what was built; it gets no input.
pub(super) struct Tool {
    command: Command,
    /// What to do when it is missing, after a colon.
    install: String,
}

impl Tool {
    /// A program, and what to do when it is missing.
    pub(super) fn new(program: impl AsRef<OsStr>, project: &Path, install: impl Into<String>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(project).stdin(Stdio::null());
        Self { command, install: install.into() }
    }

    /// Adds arguments.
    pub(super) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the environment.
    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end.
    pub(super) fn run(mut self) -> Result<(), Failure> {
        let status =
            self.command.stdout(Stdio::from(io::stderr())).status().map_err(|error| self.cannot_start(&error))?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::Broken(format!("`{}` failed; it said why above", self.line())))
        }
    }

    /// Runs it to its end, and returns what it prints.
    pub(super) fn output(mut self) -> Result<String, Failure> {
        let output = self.command.stderr(Stdio::inherit()).output().map_err(|error| self.cannot_start(&error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(Failure::Broken(format!("`{}` failed; it said why above", self.line())))
    }

    fn cannot_start(&self, error: &io::Error) -> Failure {
        let program = Path::new(self.command.get_program());
        let program = program.file_name().unwrap_or(program.as_os_str()).display();
        Failure::NotTried(match error.kind() {
            ErrorKind::NotFound => format!("{program} is missing: {}", self.install),
            _ => format!("{program} cannot be started: {error}"),
        })
    }

    /// As one would type it.
    fn line(&self) -> String {
        let words = [self.command.get_program()].into_iter().chain(self.command.get_args());
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn tool(program: &str) -> Tool {
        Tool::new(program, Path::new("/"), "install it")
    }

    #[test]
    fn a_missing_tool_is_named_with_what_to_do() {
        let failure = tool("/no/such/compiler").run().unwrap_err();
        assert!(
            matches!(&failure, Failure::NotTried(message) if message == "compiler is missing: install it"),
            "{failure}"
        );
    }

    #[test]
    fn a_tool_that_fails_is_named_with_its_arguments() {
        let failure = tool("sh").args(["-c", "exit 3"]).run().unwrap_err();
        assert!(
            matches!(&failure, Failure::Broken(message) if message.starts_with("`sh -c exit 3` failed")),
            "{failure}"
        );
    }

    #[test]
    fn a_tool_runs_in_the_folder_with_its_variables_and_without_input() {
        let said = tool("sh").args(["-c", "cat; pwd; echo $COLOUR"]).env("COLOUR", "blue").output().unwrap();
        assert_eq!(said, "/\nblue");
    }
}
