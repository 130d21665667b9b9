//! Drives the real `mcp-render` on real files: what it prints, what it complains of, how it exits.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bench;
mod build;
mod cache;
mod cases;
mod check;
mod command;
mod completion;
mod cost;
mod dev;
mod diff;
mod documented;
mod examples;
mod explain;
mod input;
mod inspect;
mod new;
mod output;
mod parameters;
mod plugins;
mod refusals;
mod replay;
