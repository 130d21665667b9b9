//! What the programs are and need before there is much to do.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mcp_operator::default_plugin;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::process::Command;

use crate::bench::Bench;

/// How many servers `mcp-render diff` compares.
const COMPARED: usize = 1000;
/// How often short things are timed; the fastest counts.
const TIMES: usize = 5;

/// The programs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Small {
    /// Size of `mcp-operator` in MB.
    pub operator: f64,
    /// Size of `mcp-render` in MB.
    pub render: f64,
    /// Size of the default plugin in bytes.
    pub default_plugin: usize,
    /// Seconds from the operator's start to its first reconcile.
    pub first_reconcile: f64,
    /// Resident memory of an operator without servers, in MiB.
    pub idle: f64,
    /// Seconds of `mcp-render diff` of two plugins over [`COMPARED`] servers.
    pub diff: f64,
}

/// Measures them.
pub async fn measure(bench: &Bench, programs: &Path) -> Result<Small> {
    let operator = bench.operator("idle", &[]).await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let idle = operator.usage()?.resident;
    operator.end().await?;
    let size = |name: &str| -> Result<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a file's size")]
        Ok(fs::metadata(programs.join(name))?.len() as f64 / 1e6)
    };
    Ok(Small {
        operator: size("mcp-operator")?,
        render: size("mcp-render")?,
        default_plugin: default_plugin::COMPONENT.len(),
        first_reconcile: first_reconcile(bench).await?,
        idle,
        diff: diff(bench, &programs.join("mcp-render")).await?,
    })
}

async fn first_reconcile(bench: &Bench) -> Result<f64> {
    let servers = bench.servers("first", 1).await?;
    servers.create(0, 1).await?;
    let mut fastest = f64::MAX;
    for time in 0..TIMES {
        let mut operator = bench.operator(&format!("first-{time}"), &[]).await?;
        fastest = fastest.min(operator.until_reconciled(1).await?.as_secs_f64());
        operator.end().await?;
    }
    Ok(fastest)
}

/// The same component twice under different names, so that it is rendered twice and compared.
async fn diff(bench: &Bench, program: &Path) -> Result<f64> {
    let (folder, plugin) = (bench.folder.join("servers"), bench.folder.join("other.wasm"));
    fs::create_dir_all(&folder)?;
    fs::write(&plugin, default_plugin::COMPONENT)?;
    for index in 0..COMPARED {
        let manifest = json!({
            "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer",
            "metadata": { "name": format!("server-{index}"), "namespace": "default" },
            "spec": {
                "source": { "type": "ContainerImage", "containerImage": { "ref": "example.com/mcp:1" } },
                "config": { "port": 8080 }, "extraLabels": { "team": "maps" },
            },
        });
        fs::write(folder.join(format!("server-{index}.yaml")), manifest.to_string())?;
    }
    let mut fastest = f64::MAX;
    for _ in 0..TIMES {
        let start = Instant::now();
        let output = Command::new(program)
            .arg("diff")
            .arg("default")
            .arg(&plugin)
            .arg("-f")
            .arg(&folder)
            .arg("--summary")
            .output()
            .await?;
        ensure!(output.status.success(), "mcp-render diff: {}", String::from_utf8_lossy(&output.stderr));
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    Ok(fastest)
}
