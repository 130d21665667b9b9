//! What a render costs, from an MCPServer to objects that may be applied: cargo bench -p benchmarks --bench render
//!
//! Groups, each with medians per plugin and document, as target/criterion/GROUP/PLUGIN/DOCUMENT/new/estimates.json:
//! - `render`: a plugin's answer to one request, from a fresh instance, read and checked. Its throughput is renders per
//!   second on one core.
//! - `instance`: of that, making the instance and the call in it.
//! - `native`: the same work as the default plugin's, by the same code without WebAssembly: from JSON text to JSON text.
//! - `gather` and `vet`: what the operator does before and after the default plugin.
//! - `load`: a plugin whose digest is known, from its compiled image and what it said of itself before, until it can render.
//! - `digest`: hashing a component, once when it is read.
//!
//! Nothing is judged here. What cannot vary from run to run, fuel and sizes, is held by `host/tests/mcp_render/cost.rs`.

mod documents;
mod plugins;

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use criterion::{Bencher, BenchmarkId, Criterion, Throughput};
use guest_default::component::DefaultPlugin;
use mcp_operator::reconcile::gather::Inputs;
use mcp_operator::reconcile::{render, vet};
use mcp_operator::sandbox::{self, Checked, Digest, Limits, Request};
use mcp_render_plugin::Component;
use mcp_render_plugin::wit::exports::mcp::render::renderer::Guest;
use mcp_render_plugin::wit::mcp::render::types;

use self::documents::Document;
use self::plugins::{Plugins, Subject};

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    // Components are compiled by a child process, which is this program once more.
    if arguments.next().is_some_and(|first| first == "compile") {
        let image = arguments.next().context("compile needs the image's path")?;
        return Ok(ExitCode::from(sandbox::compile(Path::new(&image))?));
    }
    let plugins = Plugins::load()?;
    let documents = documents::all(&plugins.surroundings());
    let (warm_up, measurement) = (Duration::from_millis(500), Duration::from_secs(2));
    let settings = Criterion::default().warm_up_time(warm_up).measurement_time(measurement).sample_size(50);
    let mut criterion = settings.configure_from_args();
    for subject in &plugins.subjects {
        render(&mut criterion, subject, &documents)?;
    }
    native(&mut criterion, &documents);
    around(&mut criterion, &plugins, &documents);
    load(&mut criterion, &plugins);
    criterion.final_summary();
    Ok(ExitCode::SUCCESS)
}

/// The request that a plugin gets for a document, in its place of the chain.
fn request(subject: &Subject, document: &Document) -> Result<Request> {
    Ok(Request {
        server: document.inputs.server().to_owned(),
        base: if subject.is_first() { Vec::new() } else { document.objects()? },
        parameters: subject.parameters.clone(),
        facts: document.inputs.facts_for(&subject.plugin),
    })
}

fn render(criterion: &mut Criterion, subject: &Subject, documents: &[Document]) -> Result<()> {
    for document in documents {
        let request = request(subject, document)?;
        subject.plugin.render(&request).with_context(|| format!("{} for {}", subject.name, document.name))?;
        let id = || BenchmarkId::new(subject.name, document.name);
        let mut group = criterion.benchmark_group("render");
        group.throughput(Throughput::Elements(1));
        let render = || time(|| drop(subject.plugin.render(black_box(&request))));
        group.bench_function(id(), |bencher| median(bencher, render));
        group.finish();
        let instance = || subject.plugin.render(&request).map_or(Duration::ZERO, |output| output.usage.time);
        criterion.benchmark_group("instance").bench_function(id(), |bencher| median(bencher, instance));
    }
    Ok(())
}

fn native(criterion: &mut Criterion, documents: &[Document]) {
    let mut group = criterion.benchmark_group("native");
    for document in documents {
        let native = || {
            let fact = types::Fact { name: "config.hash".to_owned(), value: documents::CONFIG_HASH.to_owned() };
            let server = document.inputs.server().to_owned();
            let request = types::Request { server, base: Vec::new(), parameters: None, facts: vec![fact] };
            time(|| Component::<DefaultPlugin>::render(black_box(request)))
        };
        group.bench_function(BenchmarkId::new("default", document.name), |bencher| median(bencher, native));
    }
    group.finish();
}

/// What the operator does itself, before and after its default plugin.
fn around(criterion: &mut Criterion, plugins: &Plugins, documents: &[Document]) {
    let surroundings = plugins.surroundings();
    for Document { name, server, inputs } in documents {
        let id = || BenchmarkId::new("default", name);
        let gather = || {
            let resolved = inputs.resolved().clone();
            time(|| Inputs::new(black_box(server), resolved, &surroundings))
        };
        criterion.benchmark_group("gather").bench_function(id(), |bencher| median(bencher, gather));
        let vet = || {
            let rendered = render::chain(inputs).expect("it has just been rendered");
            time(|| vet::vet(inputs, rendered))
        };
        criterion.benchmark_group("vet").bench_function(id(), |bencher| median(bencher, vet));
    }
}

fn load(criterion: &mut Criterion, plugins: &Plugins) {
    for Subject { name, component, plugin, .. } in &plugins.subjects {
        let digest = *plugin.digest();
        let checked = || Checked::new(component, digest);
        let load = || time(|| checked().and_then(|checked| plugins.sandbox.load_checked(checked, Limits::default())));
        criterion.benchmark_group("load").bench_function(*name, |bencher| median(bencher, load));
        let digest = || time(|| Digest::of(black_box(component)));
        criterion.benchmark_group("digest").bench_function(*name, |bencher| median(bencher, digest));
    }
}

/// How long one call takes, without the dropping of what it returns.
fn time<T>(call: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    let returned = black_box(call());
    let time = begun.elapsed();
    drop(returned);
    time
}

/// Gives each sample the median of its calls: a machine that does other things as well interrupts some of them, and a mean
/// would say how often.
fn median(bencher: &mut Bencher<'_>, mut one: impl FnMut() -> Duration) {
    bencher.iter_custom(|calls| {
        let mut times: Vec<_> = (0..calls).map(|_| one()).collect();
        times.sort_unstable();
        times[times.len() / 2].saturating_mul(u32::try_from(calls).unwrap_or(u32::MAX))
    });
}
