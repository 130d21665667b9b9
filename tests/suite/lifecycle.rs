//! From a manifest to a running, verified server, through changes, to nothing.

use anyhow::Result;
use cluster_tests::{Lab, Test};

pub fn tests() -> Vec<Test> {
    vec![]
}
