//! OCI registries as a source of plugins: fetches and publishes components in the CNCF layout for Wasm artifacts
//! (<https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact>).
//!
//! A registry is not trusted. What it sends is bounded while it arrives, everything but a tag's manifest is checked
//! against a digest, time is limited, and credentials go to nobody but the registry and the token service that it names,
//! and never over plain HTTP unless that registry is listed for it. That is why the client is our own and small: the
//! client crates read manifests, tokens and error texts into memory whole, whatever their size, and keep redirects, TLS
//! and the answers of token services to themselves.
//!
//! ```no_run
//! # async fn pull() -> anyhow::Result<()> {
//! use mcp_operator::registry::{Access, Progress, Registry};
//!
//! let registry = Registry::new(Access::default())?;
//! let pulled = registry.pull(&"ghcr.io/team/policy:1.2".parse()?, 64 << 20, &Progress::default()).await?;
//! println!("{} has {} bytes", pulled.digest, pulled.component.len());
//! # Ok(())
//! # }
//! ```

mod client;
mod credentials;
mod error;
mod layout;
mod login;
mod progress;
mod pull;
mod push;
mod reference;
mod retry;
#[cfg(test)]
mod tests;

use std::time::Duration;

use client::Client;
pub use credentials::{Credentials, CredentialsError};
pub use error::{Error, Problem};
pub use layout::Artifact;
pub use progress::Progress;
pub use pull::Pulled;
pub use push::Pushed;
pub use reference::{Reference, ReferenceError};
use retry::Pace;

/// How registries are reached.
pub struct Access {
    /// Who we are to them.
    pub credentials: Credentials,
    /// Where users give credentials, for messages: `in …`, `with …`.
    pub credentials_from: &'static str,
    /// A PEM bundle of the certificates to trust, and no others; without it, the system's.
    pub ca: Option<Vec<u8>>,
    /// Registries that are spoken to over plain HTTP, as `host` or `host:port`. Anybody on the way can read the
    /// credentials for them and replace what they answer, so there is no such registry unless somebody lists it.
    pub plain_http: Vec<String>,
    /// The time for one pull or push, retries included.
    pub time_limit: Duration,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            credentials: Credentials::default(),
            credentials_from: "in spec.source.oci.pullSecrets",
            ca: None,
            plain_http: Vec::new(),
            time_limit: Duration::from_mins(5),
        }
    }
}

/// A way to registries. Reads the system's root certificates once per process, and HTTP proxies from the environment.
pub struct Registry {
    client: Client,
    pace: Pace,
    time_limit: Duration,
}

impl Registry {
    /// A way to registries by these rules. Fails when there is no certificate to trust.
    pub fn new(access: Access) -> Result<Self, Error> {
        let time_limit = access.time_limit;
        Ok(Self { client: Client::new(access)?, pace: Pace::default(), time_limit })
    }

    /// Fetches a component of at most `limit` bytes. Nothing that came from the registry is kept when it fails.
    pub async fn pull(&self, reference: &Reference, limit: u64, progress: &Progress) -> Result<Pulled, Error> {
        self.in_time(reference, pull::run(self, reference, limit, progress)).await
    }

    /// Publishes a component. What the registry has already is not sent again.
    pub async fn push(&self, reference: &Reference, artifact: &Artifact, progress: &Progress) -> Result<Pushed, Error> {
        self.in_time(reference, push::run(self, reference, artifact, progress)).await
    }

    async fn in_time<T>(
        &self,
        reference: &Reference,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Error> {
        let outcome = tokio::time::timeout(self.time_limit, work).await;
        let outcome = outcome.unwrap_or(Err(Problem::Slow(self.time_limit)));
        outcome.map_err(|problem| Error::new(reference.to_string(), problem))
    }
}
