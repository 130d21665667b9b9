//! What was measured of a chain, for people and as data. Pure.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::offline::inspection::LimitsDescription;
use crate::offline::table::table;
use crate::reconcile::gather::Stage;
use crate::sandbox::{Bytes, Limits, Usage};

/// What was measured.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    iterations: usize,
    plugins: Vec<Loaded>,
    pub(super) servers: Vec<Measured>,
    /// Servers that the policy refuses in words, and that are not measured therefore.
    pub(super) refused: Vec<String>,
    limits: LimitsDescription,
}

/// One plugin of the chain.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Loaded {
    plugin: String,
    digest: String,
    size_bytes: usize,
    /// To check, compile and link the component, and to let it describe itself.
    load_milliseconds: f64,
}

/// What one server costs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Measured {
    pub server: String,
    pub stages: Vec<StageCost>,
    pub vetting_microseconds: Percentiles,
    /// Whether two renders took the same fuel.
    #[serde(rename = "fuelRepeatable")]
    pub repeatable: bool,
}

/// What one plugin costs for one server.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StageCost {
    plugin: String,
    render_microseconds: Percentiles,
    fuel: u64,
    memory_bytes: usize,
    output_bytes: usize,
}

/// Half of all are at most `p50`, 99 of 100 at most `p99`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Percentiles {
    p50: f64,
    p99: f64,
}

/// In microseconds, by the nearest rank.
pub(super) fn percentiles(mut times: Vec<Duration>) -> Percentiles {
    times.sort_unstable();
    let rank = |percent: usize| (times.len() * percent).div_ceil(100).saturating_sub(1);
    let at = |percent| times.get(rank(percent)).map_or(0.0, |time| tenths(time.as_secs_f64() * 1e6));
    Percentiles { p50: at(50), p99: at(99) }
}

/// More digits would only look exact.
fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

impl Loaded {
    pub(super) fn new(stage: &Stage, size_bytes: usize, time: Duration) -> Self {
        Self {
            plugin: stage.name.clone(),
            digest: stage.plugin.digest().to_string(),
            size_bytes,
            load_milliseconds: tenths(time.as_secs_f64() * 1e3),
        }
    }
}

impl StageCost {
    pub(super) fn new(stage: &Stage, times: Vec<Duration>, usage: &Usage) -> Self {
        Self {
            plugin: stage.name.clone(),
            render_microseconds: percentiles(times),
            fuel: usage.fuel.unwrap_or_default(),
            memory_bytes: usage.memory,
            output_bytes: usage.output,
        }
    }
}

impl Report {
    pub(super) fn new(iterations: usize, plugins: Vec<Loaded>) -> Self {
        let limits = LimitsDescription::of(&Limits::default());
        Self { iterations, plugins, servers: Vec::new(), refused: Vec::new(), limits }
    }

    /// What is wrong with the fuel: one line for each server for which the chain's last plugin takes more than `most`, or
    /// for which some plugin does not take the same twice.
    pub fn problems(&self, most: Option<u64>) -> Vec<String> {
        self.servers.iter().flat_map(|server| [server.over(most), server.unrepeatable()]).flatten().collect()
    }
}

impl Measured {
    fn over(&self, most: Option<u64>) -> Option<String> {
        let StageCost { plugin, fuel, .. } = self.stages.last()?;
        let most = most.filter(|most| fuel > most)?;
        Some(format!("MCPServer {}: plugin {plugin} takes {fuel} of fuel; --max-fuel allows {most}", self.server))
    }

    fn unrepeatable(&self) -> Option<String> {
        let problem = "another render of the same request takes another amount of fuel; please report this";
        (!self.repeatable).then(|| format!("MCPServer {}: {problem}", self.server))
    }
}

impl fmt::Display for Report {
    /// Tables: the plugins, then a row for each server and plugin.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loaded = |Loaded { plugin, size_bytes, load_milliseconds, digest: _ }: &Loaded| {
            [plugin.clone(), Bytes(*size_bytes).to_string(), format!("{load_milliseconds} ms")]
        };
        f.write_str(&table(["PLUGIN", "SIZE", "LOADED IN"], self.plugins.iter().map(loaded)))?;
        let header = ["SERVER", "PLUGIN", "RENDER p50", "p99", "VETTING p50", "p99", "FUEL", "MEMORY", "OUTPUT"];
        write!(f, "\n{}", table(header, self.servers.iter().flat_map(Measured::rows)))?;
        if !self.refused.is_empty() {
            writeln!(f, "\nRefused in words, and not measured: {}.", self.refused.join(", "))?;
        }
        let LimitsDescription { time_milliseconds, memory_bytes, output_bytes, .. } = &self.limits;
        let (memory, output) = (Bytes(*memory_bytes), Bytes(*output_bytes));
        let limits = format!("time {time_milliseconds} ms, memory {memory}, output {output}");
        writeln!(f, "\nRenders of each server: {}. Limits of each plugin: {limits}.", self.iterations)
    }
}

impl Measured {
    /// The server stands in the first row, the vetting of the whole chain in the last.
    fn rows(&self) -> impl Iterator<Item = [String; 9]> {
        let last = self.stages.len() - 1;
        self.stages.iter().enumerate().map(move |(index, stage)| {
            let only = |wanted: bool, text: String| if wanted { text } else { String::new() };
            let vetting = self.vetting_microseconds;
            [
                only(index == 0, self.server.clone()),
                stage.plugin.clone(),
                time(stage.render_microseconds.p50),
                time(stage.render_microseconds.p99),
                only(index == last, time(vetting.p50)),
                only(index == last, time(vetting.p99)),
                stage.fuel.to_string(),
                Bytes(stage.memory_bytes).to_string(),
                Bytes(stage.output_bytes).to_string(),
            ]
        })
    }
}

fn time(microseconds: f64) -> String {
    if microseconds < 1000.0 { format!("{microseconds:.0} µs") } else { format!("{:.2} ms", microseconds / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = |range: std::ops::RangeInclusive<u64>| range.rev().map(Duration::from_micros).collect();
        assert_eq!(percentiles(times(1..=200)), Percentiles { p50: 100.0, p99: 198.0 });
        assert_eq!(percentiles(times(7..=7)), Percentiles { p50: 7.0, p99: 7.0 });
    }

    #[test]
    fn only_the_last_plugin_has_a_budget() {
        let stage = |plugin: &str, fuel| StageCost {
            plugin: plugin.to_owned(),
            render_microseconds: percentiles(Vec::new()),
            fuel,
            memory_bytes: 0,
            output_bytes: 0,
        };
        let measured = |server: &str, repeatable| Measured {
            server: server.to_owned(),
            stages: vec![stage("default", 500), stage("policy", 100)],
            vetting_microseconds: percentiles(Vec::new()),
            repeatable,
        };
        let report = Report { servers: vec![measured("default/a", true)], ..Report::new(1, Vec::new()) };
        assert_eq!(report.problems(None), Vec::<String>::new());
        assert_eq!(report.problems(Some(100)), Vec::<String>::new());
        let problem = "MCPServer default/a: plugin policy takes 100 of fuel; --max-fuel allows 99";
        assert_eq!(report.problems(Some(99)), [problem]);
        let report = Report { servers: vec![measured("default/b", false)], ..report };
        assert!(report.problems(None)[0].starts_with("MCPServer default/b: another render"));
    }
}
