//! `mcp-render push` and `pull` with a real registry: Debian's docker-registry, with TLS and passwords, on loopback.
//!
//! Where there is none, the tests say so and pass, but not in CI. `make setup` fetches it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod published;
mod real;
mod session;
