//! The operator as a measured process: what it uses, from `/proc`, and what it counts, from its metrics.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use cluster_tests::Operator;

use crate::{PATIENCE, pace};

/// How often to ask when what is waited for is near.
const SHORTLY: Duration = Duration::from_millis(100);

/// The kernel counts CPU time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running operator; it is killed when this is dropped.
pub struct Process {
    operator: Operator,
    /// When it was started.
    pub started: Instant,
    http: reqwest::Client,
}

/// What a process has used up to a moment.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// CPU time in seconds.
    pub cpu: f64,
    /// Resident memory in MiB.
    pub resident: f64,
    /// The most there was of it.
    pub peak: f64,
    /// The part of it that is mapped from files: the program, and plugins' code.
    pub mapped: f64,
}

impl Process {
    /// Starts `mcp-operator run` with these flags and waits for nothing.
    pub async fn start(binary: &Path, kubeconfig: &Path, log: &Path, flags: &[&str]) -> Result<Self> {
        let started = Instant::now();
        let flags = [&["--verify", "false"], flags].concat();
        let operator = Operator::start(binary, kubeconfig, log.to_owned(), &flags).await?;
        Ok(Self { operator, started, http: reqwest::Client::new() })
    }

    /// Ends it as a pod is ended.
    pub async fn end(self) -> Result<()> {
        let status = self.operator.terminate().await?;
        ensure!(status.success(), "the operator ended with {status}");
        Ok(())
    }

    /// Its metrics: long where there are many servers, and to write them is work of its own.
    async fn metrics(&self) -> Result<String> {
        Ok(self.http.get(format!("http://{}/metrics", self.operator.address())).send().await?.text().await?)
    }

    /// How many reconciles it has made.
    pub async fn reconciles(&self) -> usize {
        self.count(RECONCILES, &[]).await
    }

    /// The sum of a counter's series whose text contains all of `labels`; zero when there is none yet.
    pub async fn count(&self, name: &str, labels: &[&str]) -> usize {
        self.metrics().await.ok().and_then(|text| sum(&text, name, labels)).unwrap_or_default()
    }

    /// Waits until it has made so many reconciles and none is waiting; returns the time since it was started.
    pub async fn until_reconciled(&mut self, count: usize) -> Result<Duration> {
        let start = Instant::now();
        loop {
            self.operator.expect_running()?;
            let metrics = self.metrics().await.unwrap_or_default(); // not listening yet
            let done = sum(&metrics, RECONCILES, &[]).unwrap_or_default();
            if done >= count && sum(&metrics, "mcp_operator_queue_depth", &[]) == Some(0) {
                return Ok(self.started.elapsed());
            }
            ensure!(start.elapsed() < PATIENCE, "{done} of {count} reconciles");
            tokio::time::sleep(if done * 10 < count * 9 { pace(count) } else { SHORTLY }).await;
        }
    }

    /// What it has used so far.
    pub fn usage(&self) -> Result<Usage> {
        let process = format!("/proc/{}", self.operator.pid()?);
        let status = fs::read_to_string(format!("{process}/status"))?;
        let kib = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("a line of /proc/PID/status")?;
            Ok(line.split_whitespace().next().context("a number")?.parse()?)
        };
        let stat = fs::read_to_string(format!("{process}/stat"))?;
        // The program's name is in parentheses and may contain anything.
        let fields: Vec<&str> = stat.rsplit(')').next().context("fields")?.split_whitespace().collect();
        let ticks = |index: usize| -> Result<f64> { Ok(fields.get(index).context("a field")?.parse()?) };
        Ok(Usage {
            cpu: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND,
            resident: kib("VmRSS:")? / 1024.0,
            peak: kib("VmHWM:")? / 1024.0,
            mapped: kib("RssFile:")? / 1024.0,
        })
    }
}

const RECONCILES: &str = "mcp_operator_reconciles_total";

/// The sum of a metric's series whose text contains all of `labels`; none when there is no such series.
fn sum(metrics: &str, name: &str, labels: &[&str]) -> Option<usize> {
    let is_it = |line: &&str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    };
    let values = metrics.lines().filter(is_it).map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
    values.collect::<Option<Vec<_>>>().filter(|values| !values.is_empty()).map(|values| values.iter().sum())
}
