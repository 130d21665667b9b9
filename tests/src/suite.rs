//! A suite of tests: what it needs, and how it runs once the cluster is there.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::runtime::Runtime;

use crate::command::kubectl_with;
use crate::{Lab, access, outside};

/// What a suite is made of.
pub struct Plan {
    /// Its name, part of the cluster's and of folders.
    pub name: &'static str,
    /// Options of `cluster up`.
    pub cluster: &'static [&'static str],
    /// Whether the CRD is installed before the first test.
    pub definition: bool,
    /// Whether the operator's image is made and loaded.
    pub image: bool,
    /// How many tests run at a time, where the command line does not say. They mostly wait.
    pub threads: usize,
    /// The tests, in the order in which they start.
    pub tests: Vec<Test>,
}

/// One test.
pub struct Test {
    name: String,
    limit: Duration,
    body: Box<Body>,
}

type Body = dyn Fn(&Lab) -> LocalBoxFuture<'_, Result<()>> + Send;

/// The error of a test that cannot run on this cluster. It is an ignored test for people and a failed one in CI.
#[derive(Debug)]
pub struct Skip(pub &'static str);

impl std::fmt::Display for Skip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Skip {}

/// A test with the name of its function, which may take three minutes.
pub fn trial(body: impl AsyncFn(&Lab) -> Result<()> + Copy + Send + 'static) -> Test {
    trial_within(Duration::from_mins(3), body)
}

/// A test that may take longer, or should not take so long.
pub fn trial_within<F: AsyncFn(&Lab) -> Result<()> + Copy + Send + 'static>(limit: Duration, body: F) -> Test {
    let path = std::any::type_name::<F>();
    let name = path.split_once("::").map_or(path, |(_crate, name)| name).to_owned();
    Test { name, limit, body: Box::new(move |lab| async move { body(lab).await }.boxed_local()) }
}

/// The `main` of a suite. The first process starts a cluster and this program once more inside it; the second runs the
/// tests.
pub fn main(plan: Plan) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(plan.threads));
    let outcome = if arguments.list {
        let name_only = |test: Test| Trial::test(test.name, || Ok(()));
        Ok(libtest_mimic::run(&arguments, plan.tests.into_iter().map(name_only).collect()).exit_code())
    } else if env::var_os(INSIDE_FOLDER).is_some() {
        inside(&arguments, plan)
    } else {
        outside::run(&plan)
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Tells the second process the folder of logs and of the tested binaries; and that it is the second.
pub(crate) const INSIDE_FOLDER: &str = "CLUSTER_TESTS_FOLDER";

/// What all tests of a run share.
pub(crate) struct Inside {
    pub(crate) runtime: Runtime,
    pub(crate) client: kube::Client,
    pub(crate) folder: PathBuf,
}

fn inside(arguments: &Arguments, plan: Plan) -> Result<ExitCode> {
    let runtime = Runtime::new()?;
    let client = runtime.block_on(prepare(&plan)).context("preparing the cluster")?;
    let folder =
        env::var_os(INSIDE_FOLDER).map(PathBuf::from).with_context(|| format!("{INSIDE_FOLDER} is not set"))?;
    let inside = Arc::new(Inside { runtime, client, folder });
    let runnable = |test: Test| {
        let inside = Arc::clone(&inside);
        Trial::ignorable_test(test.name.clone(), move || inside.run(&test))
    };
    Ok(libtest_mimic::run(arguments, plan.tests.into_iter().map(runnable).collect()).exit_code())
}

async fn prepare(plan: &Plan) -> Result<kube::Client> {
    if plan.definition {
        let apply = &["apply", "--server-side", "--force-conflicts", "-f", "-"];
        kubectl_with(&mcp_operator::api::crd::to_yaml(), apply).await?;
        for name in ["crd/mcpservers.mcp.x-k8s.io", "crd/renderplugins.render.mcp.x-k8s.io"] {
            crate::command::kubectl(&["wait", "--for=condition=Established", name, "--timeout=30s"]).await?;
        }
        access::install_role().await?;
    }
    Ok(kube::Client::try_default().await?)
}

impl Inside {
    /// Runs one test in a namespace of its own; what was there when it failed becomes part of the message.
    fn run(&self, test: &Test) -> Result<Completion, Failed> {
        self.runtime.block_on(async {
            let lab = Lab::new(self, &test.name).await.map_err(|error| format!("making a namespace: {error:#}"))?;
            let body = std::panic::AssertUnwindSafe((test.body)(&lab)).catch_unwind();
            let outcome = match tokio::time::timeout(test.limit, body).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(panic)) => Err(anyhow!("{}", panic_text(&*panic))),
                Err(_) => Err(anyhow!("the whole test took longer than {} s", test.limit.as_secs())),
            };
            let verdict = match outcome {
                Ok(()) => Ok(Completion::Completed),
                Err(error) if error.is::<Skip>() && !in_ci() => Ok(Completion::ignored_with(error)),
                // The verdict last: it is what is read when a log is cut.
                Err(error) => Err(format!("{}\n{error:#}", lab.report().await).into()),
            };
            lab.end().await;
            verdict
        })
    }
}

/// Where nothing may be skipped.
pub(crate) fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true")
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}
