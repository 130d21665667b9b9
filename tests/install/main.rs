//! The operator as users install it: from its image, with all manifests, watching all namespaces.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use cluster_tests::command::{kubectl, kubectl_with, run};
use cluster_tests::{Lab, Plan, looks, trial};

fn main() -> ExitCode {
    let tests = vec![
        trial(operator_without_the_definition_says_how_to_install_it),
        trial(operator_installed_from_its_image_makes_a_server_ready),
    ];
    // One after another, in this order: the first needs a cluster that knows nothing of MCPServers.
    cluster_tests::main(Plan { name: "install", cluster: &[], definition: false, image: true, threads: 1, tests })
}

async fn operator_without_the_definition_says_how_to_install_it(lab: &Lab) -> Result<()> {
    let known = kubectl(&["get", "crd", "mcpservers.mcp.x-k8s.io", "--ignore-not-found"]).await?;
    ensure!(known.is_empty(), "this test needs a cluster without the definition: {known}");
    let admin = PathBuf::from(std::env::var_os("KUBECONFIG").context("KUBECONFIG")?);
    let mut operator = lab.operator_as(&admin, &[]).await?;
    let status = operator.exit().await?;
    ensure!(status.code() == Some(1), "{status}");
    let log = operator.log();
    let told = log.contains("does not know the kind MCPServer") && log.contains("mcp-operator crd | kubectl apply");
    ensure!(told, "{log}");
    Ok(())
}

async fn operator_installed_from_its_image_makes_a_server_ready(lab: &Lab) -> Result<()> {
    lab.needs_to_be_inside()?;
    let program = lab.program("mcp-operator").display().to_string();
    let manifests = run(&program, &["install", "--image", "localhost/mcp-operator:dev"], "").await?;
    let manifests = String::from_utf8(manifests.stdout)?;
    kubectl_with(&manifests, &["apply", "--server-side", "-f", "-"]).await?;
    kubectl(&["wait", "--for=condition=Available", "deployment/mcp-operator", "-n", "mcp-system", "--timeout=90s"])
        .await?;
    let example = include_str!("../../examples/minimal.yaml");
    kubectl_with(example, &["apply", "-n", lab.namespace(), "-f", "-"]).await?;
    let ready = lab.ready("everything").await?;
    let url = format!("http://everything.{}.svc.cluster.local:3001/mcp", lab.namespace());
    ensure!(looks(&ready)["url"] == url, "{:?}", looks(&ready));
    ensure!(ready["status"]["serverInfo"]["name"].is_string(), "{}", ready["status"]);
    let log = kubectl(&["logs", "deployment/mcp-operator", "-n", "mcp-system"]).await?;
    let forbidden: Vec<&str> = log.lines().filter(|line| line.contains("forbidden")).collect();
    ensure!(forbidden.is_empty(), "it asked for what it has no right to: {forbidden:?}");
    // Nothing more than its rights: this is what a takeover of the cluster would need.
    for question in ["create clusterrolebindings", "create pods", "update secrets", "delete namespaces"] {
        let (verb, resource) = question.split_once(' ').context("two words")?;
        let asked = ["auth", "can-i", verb, resource, "--as=system:serviceaccount:mcp-system:mcp-operator", "-A"];
        let answer = run("kubectl", &asked, "").await?;
        ensure!(String::from_utf8_lossy(&answer.stdout).trim() == "no", "it may {question}");
    }
    Ok(())
}
