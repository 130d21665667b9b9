//! How `push` and `pull` reach a registry: the flags that they share, and Docker's configuration.

use std::io::{self, BufRead, ErrorKind, IsTerminal};
use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context, anyhow, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mcp_operator::registry::{Access, Credentials, Progress, Reference, Registry};

/// The flags.
#[derive(clap::Args)]
#[group(skip)]
pub struct Flags {
    /// The user for the registry. Without it, the credentials that `docker login` has left in ~/.docker/config.json, or
    /// in the directory that `$DOCKER_CONFIG` names.
    #[arg(long, requires = "password_stdin")]
    username: Option<String>,
    /// Read that user's password from the standard input, up to the end of the line.
    #[arg(long, requires = "username")]
    password_stdin: bool,
    /// A file with the certificates (PEM) to trust, and no others. Without it, those of the system.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Speak to this registry in the clear. Anybody on the way sees the password.
    #[arg(long)]
    plain_http: bool,
}

impl Flags {
    /// The way to the registry of `reference`.
    pub fn registry(self, reference: &Reference) -> anyhow::Result<Registry> {
        let credentials = match self.username {
            Some(username) => Credentials::login(reference.registry(), username, password()?),
            None => docker_login()?,
        };
        let read = |path: PathBuf| fs::read(&path).with_context(|| path.display().to_string());
        let access = Access {
            credentials,
            credentials_from: "with --username or `docker login`",
            ca: self.ca.map(read).transpose()?,
            plain_http: if self.plain_http { vec![reference.registry().to_owned()] } else { Vec::new() },
            ..Access::default()
        };
        Ok(Registry::new(access)?)
    }
}

fn password() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("--password-stdin")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("--password-stdin: there is no password on the standard input");
    }
    Ok(password.to_owned())
}

/// What Docker's configuration holds, if there is one.
fn docker_login() -> anyhow::Result<Credentials> {
    let folder = env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let Some(folder) = folder.or_else(|| Some(env::home_dir()?.join(".docker"))) else {
        return Ok(Credentials::default());
    };
    let file = folder.join("config.json");
    match fs::read(&file) {
        Ok(json) => Credentials::from_docker_config(&json).with_context(|| file.display().to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Credentials::default()),
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}

/// Waits for work with a registry, and shows on a terminal how far it is.
pub fn wait<T>(work: impl AsyncFnOnce(Progress) -> T) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| anyhow!(error))?;
    let target = if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target).with_style(style());
    let shown = bar.clone();
    let progress = Progress::to(move |done, all| {
        shown.set_length(all);
        shown.set_position(done);
    });
    let outcome = runtime.block_on(work(progress));
    bar.finish_and_clear();
    Ok(outcome)
}

fn style() -> ProgressStyle {
    let template = "{bar:40} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}";
    ProgressStyle::with_template(template).expect("the template is sound")
}
