//! The first process of a run: finds a cluster or starts one, runs this program again inside it, and ends it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::{env, fs};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::Plan;
use crate::suite::{INSIDE_FOLDER, in_ci};

/// The folder of this repository.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Which cluster the tests run on; from the environment variable `CLUSTER`.
enum Choice {
    /// One of our own, that ends with the tests.
    New(String),
    /// One that `cluster up NAME` started.
    Running(String),
    /// That of `KUBECONFIG`.
    Current,
}

pub(crate) fn run(plan: &Plan) -> Result<ExitCode> {
    let choice = match env::var("CLUSTER") {
        Err(_) => Choice::New(format!("{}-{}", plan.name, std::process::id())),
        Ok(name) if name == "current" => Choice::Current,
        Ok(name) => Choice::Running(name),
    };
    if let (Choice::New(_), Some(missing)) = (&choice, missing()) {
        println!("skipped: the suite {} needs a cluster, and {missing}", plan.name);
        return Ok(if in_ci() { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    let status = tokio::runtime::Runtime::new()?.block_on(async {
        tokio::select! {
            status = on(&choice, plan) => status,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    });
    if let Choice::New(name) = &choice {
        end(name)?;
    }
    Ok(if status?.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What keeps this machine from starting a cluster at once, with what to do about it.
fn missing() -> Option<&'static str> {
    let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !root {
        return Some("a real node needs root. Or set CLUSTER=current, and KUBECONFIG, to use an existing cluster");
    }
    let cache = env::var_os("MCP_CLUSTER_CACHE").map(PathBuf::from).or_else(|| {
        let home = env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
        Some(env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home)?.join("mcp-operator/cluster"))
    });
    let built = cache.is_some_and(|cache| {
        cache.join("bin/kube-apiserver").exists() && cache.join("images/mcp-everything.tar").exists()
    });
    (!built).then_some(
        "its parts are not built. Run `make test`, or: tests/cluster/cluster build && tests/cluster/cluster images",
    )
}

async fn on(choice: &Choice, plan: &Plan) -> Result<ExitStatus> {
    let folder = env::current_exe()?.with_file_name(format!("cluster-tests-{}", plan.name));
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("removing the logs in {}", folder.display()))?;
    }
    fs::create_dir_all(&folder)?;
    // Copies, this program's first, so that a build in the meantime changes neither what is tested nor what tests it.
    let myself = folder.join("tests");
    fs::copy(env::current_exe()?, &myself).context("copying this program")?;
    for (name, built) in binaries().await? {
        fs::copy(&built, folder.join(name)).with_context(|| format!("copying {}", built.display()))?;
    }
    for plugin in plugins()? {
        fs::copy(&plugin, folder.join(plugin.file_name().unwrap_or_default())).context("copying a plugin")?;
    }
    if let Choice::New(name) = choice {
        cluster(&[&["up", name], plan.cluster].concat(), Stdio::null()).await?;
    }
    let mut command = match choice {
        Choice::Current => Command::new(&myself),
        Choice::New(name) | Choice::Running(name) => {
            if plan.image {
                load_image(name, &folder.join("mcp-operator")).await?;
            }
            let mut command = Command::new(script());
            command.args(["exec", name, "--"]).arg(&myself);
            command
        }
    };
    command.args(env::args_os().skip(1)).env(INSIDE_FOLDER, &folder);
    command.kill_on_drop(true).status().await.context("running the tests inside the cluster")
}

/// The programs to test, by name: those in the folder `MCP_OPERATOR_BIN`, or they are built now.
async fn binaries() -> Result<Vec<(&'static str, PathBuf)>> {
    let names = ["mcp-operator", "mcp-render"];
    if let Some(folder) = env::var_os("MCP_OPERATOR_BIN") {
        return Ok(names.map(|name| (name, Path::new(&folder).join(name))).to_vec());
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        // What `make build` builds, so that it is there already: other targets would switch on other features.
        .args(["build", "--workspace", "--all-targets", "--message-format=json-render-diagnostics"])
        .current_dir(REPOSITORY)
        .stderr(Stdio::inherit())
        .output()
        .await
        .context("running cargo")?;
    ensure!(output.status.success(), "the operator does not build");
    let messages: Vec<Value> =
        output.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let executable = |name: &'static str| {
        let is_it = |m: &&Value| m["target"]["name"] == name && m["profile"]["test"] == false;
        let message = messages.iter().filter(is_it).find(|message| message["executable"].is_string());
        let path = message.and_then(|message| message["executable"].as_str());
        Ok((name, path.with_context(|| format!("cargo built no {name}"))?.into()))
    };
    names.into_iter().map(executable).collect()
}

/// The components that `make plugins` left in the target directory, which is where this program is.
fn plugins() -> Result<Vec<PathBuf>> {
    let program = env::current_exe()?;
    let folder = program.ancestors().nth(3).context("a target directory")?.join("plugins");
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "wasm")).collect())
}

async fn load_image(name: &str, operator: &Path) -> Result<()> {
    let operator = operator.to_str().context("a path in UTF-8")?;
    let archive = cluster(&["image-operator", operator], Stdio::piped()).await?;
    cluster(&["load", name, archive.trim()], Stdio::null()).await?;
    Ok(())
}

fn script() -> PathBuf {
    Path::new(REPOSITORY).join("tests/cluster/cluster")
}

async fn cluster(arguments: &[&str], stdout: Stdio) -> Result<String> {
    let child = Command::new(script()).args(arguments).stdout(stdout).kill_on_drop(true).spawn()?;
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "`cluster {}` failed; see above", arguments.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}

/// Ends the cluster, or says how to, when it is to be kept.
fn end(name: &str) -> Result<()> {
    if env::var_os("KEEP").is_some() {
        println!(
            "kept: tests/cluster/cluster exec {name} -- kubectl get mcpservers -A; end it by: tests/cluster/cluster down {name}"
        );
        return Ok(());
    }
    let status = std::process::Command::new(script()).args(["down", name]).status()?;
    ensure!(status.success(), "the cluster {name} could not be ended");
    Ok(())
}
