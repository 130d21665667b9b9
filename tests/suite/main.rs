//! What the operator does on a real cluster. Each test has a namespace and an operator of its own, so all run at a time.

mod autoscaling;
mod coexistence;
mod events;
mod exports;
mod fan_out;
mod grants;
mod handshake;
mod hanging;
mod hostile;
mod journey;
mod lifecycle;
mod observability;
mod offline;
mod ownership;
mod plugin;
mod plugins;
mod pods;
mod process;
mod references;
mod render_plugins;
mod repair;
mod rules;
mod scale;
mod sidecar;
mod specs;
mod takeover;
mod transitions;

use std::process::ExitCode;

use cluster_tests::Plan;

fn main() -> ExitCode {
    // Those that take longest first.
    let tests = [
        hanging::tests(),
        fan_out::tests(),
        scale::tests(),
        specs::tests(),
        handshake::tests(),
        transitions::tests(),
        pods::tests(),
        process::tests(),
        hostile::tests(),
        plugins::tests(),
        render_plugins::tests(),
        grants::tests(),
        exports::tests(),
        sidecar::tests(),
        events::tests(),
        observability::tests(),
        lifecycle::tests(),
        repair::tests(),
        coexistence::tests(),
        autoscaling::tests(),
        ownership::tests(),
        takeover::tests(),
        references::tests(),
        rules::tests(),
        offline::tests(),
        // Last, when there is room for its 200 servers and its compiler.
        journey::tests(),
    ];
    cluster_tests::main(Plan {
        name: "cluster",
        cluster: &["--audit", "--kwok", "1"],
        definition: true,
        image: false,
        threads: 8,
        tests: tests.into_iter().flatten().collect(),
    })
}
