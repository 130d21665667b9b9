//! What the cluster tests stand on: a cluster, a namespace and an operator for each test, and ways to wait and to look.
//!
//! The tests themselves are in `suite/` and `install/`, a file for each topic. A test is an async function that gets a
//! [`Lab`] and whose name is a sentence:
//!
//! ```text
//! async fn deleted_deployment_is_recreated(lab: &Lab) -> Result<()> { … }
//! ```
//!
//! `cargo test --workspace --test cluster` starts a cluster, runs the tests *inside* its namespaces, where Services resolve, and
//! ends it. `README.md` in this crate's folder says what else there is to set.

mod access;
pub mod audit;
pub mod command;
mod history;
mod lab;
pub mod manifests;
mod many;
mod objects;
mod operator;
mod outside;
mod seen;
mod suite;
mod wait;

pub use self::history::History;
pub use self::lab::Lab;
pub use self::objects::Kind;
pub use self::operator::Operator;
pub use self::seen::{condition, looks};
pub use self::suite::{Plan, Skip, Test, main, trial, trial_within};
pub use self::wait::{LONG, PROMPT, within};
