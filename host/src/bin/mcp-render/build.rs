//! `mcp-render build`: makes a component of a plugin project.

use std::path::PathBuf;
use std::process::ExitCode;

use mcp_operator::offline::build::{self, Failure};
use mcp_operator::offline::{self, Format};
use mcp_operator::stdout::print;

use crate::cache::CacheFlags;
use crate::{REFUSED, UNUSABLE, tell};

pub const HELP: &str = "\
The language is told by what is in the folder:
  Cargo.toml         Rust: cargo, with a target for WebAssembly; the crate is a cdylib
  go.mod             Go 1.26 or newer; the package `render`, which plugins import, is put into
                     the module
  package.json       JavaScript or TypeScript: npm installs what the lock file says, and the
                     script `build` makes the component
  pyproject.toml     Python: componentize-py, in the project's .venv, makes a component of
  requirements.txt   plugin.py
The interface, mcp:render, comes with this program. Where the language's tool reads a folder wit/,
the project's own is taken; for npm's script it is made when it is missing.

Examples:
  mcp-render build                                      # the project here, into its NAME.wasm
  mcp-render build plugins/ownership -o ownership.wasm
  mcp-render build policy --format json | jq -r .digest  # for RenderPlugin.spec.digest

What the tools say goes to the standard error.

Exit codes: 0 it is built and is a render plugin; 1 it does not build, or is none; 2 wrong usage, or
a tool is missing: the message says how to install it.";

#[derive(clap::Args)]
pub struct Flags {
    /// The project's folder.
    #[arg(default_value = ".", value_name = "DIR")]
    project: PathBuf,
    /// The file to write. Without it, the folder's name and .wasm, in the folder.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The output's format; without it, lines for people.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

pub fn run(flags: &Flags, cache: &CacheFlags) -> anyhow::Result<ExitCode> {
    let built = match build::build(&cache.sandbox()?, &flags.project, flags.output.as_deref()) {
        Ok(built) => built,
        Err(failure) => {
            tell(format_args!("error: {failure}"));
            return Ok(ExitCode::from(if matches!(failure, Failure::Broken(_)) { REFUSED } else { UNUSABLE }));
        }
    };
    print(&flags.format.map_or_else(|| built.to_string(), |format| offline::in_format(&built, format)))?;
    Ok(ExitCode::SUCCESS)
}
