//! The operator as users install it: from its image, with `deploy/install.yaml`, watching all namespaces.

use std::process::ExitCode;

use cluster_tests::Plan;

fn main() -> ExitCode {
    cluster_tests::main(Plan {
        name: "install",
        cluster: &[],
        definition: false,
        image: true,
        threads: 1,
        tests: vec![],
    })
}
