//! Pulling: the manifest, then the one layer that it names. Each is checked before it is believed.

use http::Method;
use http::header::ACCEPT;

use super::Registry;
use super::client::{Action, Session, read};
use super::error::Problem;
use super::layout::{self, Layer};
use super::progress::Progress;
use super::reference::Reference;
use crate::sandbox::Digest;

/// The largest manifest that is read. Ours have less than a KiB; registries take up to 4 MiB.
const MANIFEST_LIMIT: usize = 1 << 20;

/// A component from a registry.
pub struct Pulled {
    /// Its bytes.
    pub component: Vec<u8>,
    /// Of these bytes.
    pub digest: Digest,
    /// Of the manifest that named it.
    pub manifest: Digest,
}

pub(super) async fn run(
    registry: &Registry,
    reference: &Reference,
    limit: u64,
    progress: &Progress,
) -> Result<Pulled, Problem> {
    let session = registry.client.talk(reference, Action::Pull)?;
    let manifest = registry.pace.keep(|| manifest(&session, reference)).await?;
    let layer = layout::layer(&manifest)?;
    if layer.size > limit {
        return Err(Problem::TooLarge { what: "the component", limit: in_memory(limit) });
    }
    let component = registry.pace.keep(|| component(&session, layer, progress)).await?;
    Ok(Pulled { component, digest: layer.digest, manifest: Digest::of(&manifest) })
}

async fn manifest(session: &Session<'_>, reference: &Reference) -> Result<Vec<u8>, Problem> {
    let url = session.url(&format!("manifests/{}", reference.wanted()));
    let response = session.send(Method::GET, &url, |request| request.header(ACCEPT, layout::MANIFEST)).await?;
    let manifest = read(response, "the manifest", MANIFEST_LIMIT, &Progress::default()).await?;
    match reference.digest() {
        Some(wanted) => check("the manifest", wanted, &manifest).map(|()| manifest),
        None => Ok(manifest),
    }
}

async fn component(session: &Session<'_>, layer: Layer, progress: &Progress) -> Result<Vec<u8>, Problem> {
    let url = session.url(&format!("blobs/{}", layer.digest));
    let response = session.send(Method::GET, &url, |request| request).await?;
    let component = match read(response, "the component", in_memory(layer.size), progress).await {
        Err(Problem::TooLarge { .. }) => return Err(Problem::WrongSize(layer.size)),
        outcome => outcome?,
    };
    if (component.len() as u64) < layer.size {
        return Err(Problem::WrongSize(layer.size));
    }
    check("the component", layer.digest, &component).map(|()| component)
}

fn check(what: &'static str, wanted: Digest, bytes: &[u8]) -> Result<(), Problem> {
    let found = Digest::of(bytes);
    if found == wanted { Ok(()) } else { Err(Problem::WrongDigest { what, wanted, found }) }
}

fn in_memory(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}
