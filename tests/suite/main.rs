//! What the operator does on a real cluster. Each test has a namespace and an operator of its own, so all run at a time.

mod lifecycle;
mod repair;

use std::process::ExitCode;

use cluster_tests::Plan;

fn main() -> ExitCode {
    let tests = [lifecycle::tests(), repair::tests()];
    cluster_tests::main(Plan {
        name: "cluster",
        cluster: &["--audit", "--kwok", "1"],
        definition: true,
        image: false,
        threads: 8,
        tests: tests.into_iter().flatten().collect(),
    })
}
