//! The operator as a measured process: what it uses, from `/proc`, and what it counts, from its metrics.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use cluster_tests::Operator;

use crate::{PATIENCE, pace};

/// How often to ask when what is waited for is near.
const SHORTLY: Duration = Duration::from_millis(50);

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

    /// The sum of a metric's series whose text contains all of `labels`; none when there is no such series.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> Result<Option<f64>> {
        let text = self.http.get(format!("http://{}/metrics", self.operator.address())).send().await?.text().await?;
        let is_it = |line: &&str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        };
        let values = text.lines().filter(is_it).map(|line| Ok(line.rsplit(' ').next().context("a value")?.parse()?));
        let values = values.collect::<Result<Vec<f64>>>()?;
        Ok((!values.is_empty()).then(|| values.iter().sum()))
    }

    /// How many reconciles it has made.
    pub async fn reconciles(&self) -> usize {
        self.count("mcp_operator_reconciles_total", &[]).await
    }

    /// The sum of a counter's series; zero when there is none yet.
    pub async fn count(&self, name: &str, labels: &[&str]) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a counter")]
        self.metric(name, labels).await.ok().flatten().map_or(0, |value| value as usize)
    }

    /// Waits until it has made so many reconciles and none is waiting; returns the time since it was started.
    pub async fn until_reconciled(&mut self, count: usize) -> Result<Duration> {
        let (mut pace, start) = (pace(count), Instant::now());
        while !self.has_reconciled(count).await? {
            ensure!(start.elapsed() < PATIENCE, "{} of {count} reconciles", self.reconciles().await);
            tokio::time::sleep(pace).await;
            if self.reconciles().await * 10 >= count * 9 {
                pace = SHORTLY;
            }
        }
        Ok(self.started.elapsed())
    }

    async fn has_reconciled(&mut self, count: usize) -> Result<bool> {
        self.operator.expect_running()?;
        let idle = self.metric("mcp_operator_queue_depth", &[]).await.ok().flatten() == Some(0.0);
        Ok(idle && self.reconciles().await >= count)
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
