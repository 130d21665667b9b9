//! What a chain of plugins costs for each server: time, fuel, memory and output, and how long the plugins take to load.
//!
//! Time is taken in the operator's engine, fuel in one that counts it: counting would show in the time.

mod report;

use std::time::{Duration, Instant};

use anyhow::Result;

pub use self::report::Report;
use self::report::{Loaded, Measured, StageCost, percentiles};
use super::finding::{Finding, Findings, Severity, Statement};
use super::manifests::{self, ServerManifest};
use super::plugins::{self, PluginSource};
use super::{Sources, server};
use crate::reconcile::gather::{Inputs, Stage, Surroundings};
use crate::reconcile::{Error, render, vet};
use crate::sandbox::{Failure, Sandbox, Seed, Usage};

/// The same plugins in both engines.
pub struct Plugins {
    counting: Vec<Stage>,
    loaded: Vec<Loaded>,
}

/// Loads components as a chain, in this order; of none, the default plugin alone. The stages are those in `timing`, the
/// operator's engine, and do not have their parameters and grants yet. `counting` is one that counts fuel.
pub fn load(timing: &Sandbox, counting: &Sandbox, sources: &[PluginSource]) -> Result<(Vec<Stage>, Plugins)> {
    let (mut chain, mut loaded) = (Vec::new(), Plugins { counting: Vec::new(), loaded: Vec::new() });
    for source in plugins::or_default(sources) {
        let component = source.read()?;
        let begun = Instant::now();
        let stage = plugins::stage(timing, source, &component)?;
        loaded.loaded.push(Loaded::new(&stage, component.len(), begun.elapsed()));
        loaded.counting.push(plugins::stage(counting, source, &component)?);
        chain.push(stage);
    }
    Ok((chain, loaded))
}

/// Renders each server of `sources`, or of the embedded examples where there are none, so many times. Tells `progress`
/// how many of how many renders are done. What is wrong is in `findings` then.
pub fn run(
    plugins: Plugins,
    surroundings: &Surroundings,
    sources: Option<&Sources>,
    iterations: usize,
    findings: &mut Findings,
    progress: &mut dyn FnMut(usize, usize),
) -> Report {
    let manifests = manifests::or_examples(sources, findings);
    let Plugins { mut counting, loaded } = plugins;
    for (counting, stage) in counting.iter_mut().zip(&surroundings.chain) {
        *counting = Stage { plugin: counting.plugin.clone(), ..stage.clone() };
    }
    let mut report = Report::new(iterations, loaded);
    for (index, server) in manifests.servers.iter().enumerate() {
        let Some(inputs) = server::inputs(server, &manifests.contents, surroundings, findings) else { continue };
        let all = manifests.servers.len() * iterations;
        let mut progress = |done| progress(index * iterations + done, all);
        match measure(&inputs, &counting, iterations, &mut progress) {
            Ok(measured) => report.servers.push(measured),
            Err(error) => unmeasured(server, &inputs, error, &mut report, findings),
        }
    }
    if report.servers.is_empty() && !findings.has_errors() {
        let statement = Statement::new("every server is refused; give some with -f that the policy accepts");
        findings.push(Finding { severity: Severity::Fault, origin: None, subject: None, statement });
    }
    report
}

fn name(inputs: &Inputs) -> String {
    format!("{}/{}", inputs.identity().namespace, inputs.identity().name)
}

/// A refusal in words is what a policy is for; everything else is a fault, and is told.
fn unmeasured(server: &ServerManifest, inputs: &Inputs, error: Error, report: &mut Report, findings: &mut Findings) {
    match &error {
        Error::Render { failure, .. } if matches!(**failure, Failure::Invalid(_) | Failure::Unsupported(_)) => {
            report.refused.push(name(inputs));
        }
        _ => server::tell(server, error, findings),
    }
}

/// The cost of one server.
fn measure(
    inputs: &Inputs,
    counting: &[Stage],
    iterations: usize,
    progress: &mut dyn FnMut(usize),
) -> Result<Measured, Error> {
    vet::vet(inputs, render::chain_again(inputs, Seed::default())?)?; // touches the memory for the first time
    let mut times: Vec<Vec<Duration>> = inputs.chain().iter().map(|_| Vec::with_capacity(iterations)).collect();
    let mut vetting = Vec::with_capacity(iterations);
    for done in 1..=iterations {
        let rendered = render::chain_again(inputs, Seed::default())?;
        for (times, stage) in times.iter_mut().zip(rendered.stages()) {
            times.push(stage.usage.time);
        }
        let begun = Instant::now();
        vet::vet(inputs, rendered)?;
        vetting.push(begun.elapsed());
        progress(done);
    }
    let counted = inputs.with_chain(counting.to_vec());
    let (usages, again) = (usages(&counted)?, usages(&counted)?);
    let stage = |((times, stage), usage): ((Vec<Duration>, &Stage), &Usage)| StageCost::new(stage, times, usage);
    Ok(Measured {
        server: name(inputs),
        stages: times.into_iter().zip(inputs.chain()).zip(&usages).map(stage).collect(),
        vetting_microseconds: percentiles(vetting),
        repeatable: fuel(&usages) == fuel(&again),
    })
}

fn usages(inputs: &Inputs) -> Result<Vec<Usage>, Error> {
    Ok(render::chain_again(inputs, Seed::default())?.stages().iter().map(|stage| stage.usage).collect())
}

fn fuel(usages: &[Usage]) -> Vec<Option<u64>> {
    usages.iter().map(|usage| usage.fuel).collect()
}
