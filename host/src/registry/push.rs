//! Pushing: the blobs that the registry lacks, then the manifest, which makes them visible under the tag at once.

use std::convert::Infallible;

use futures::{StreamExt, stream};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use hyper::body::Bytes;
use reqwest::{Body, Url};

use super::Registry;
use super::client::{Action, Session};
use super::error::Problem;
use super::layout::{self, Artifact};
use super::progress::Progress;
use super::reference::Reference;
use crate::sandbox::Digest;

/// The bytes between two reports of progress.
const PIECE: usize = 256 << 10;

/// What is in the registry now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Of the component: what `RenderPlugin.spec.digest` takes.
    pub digest: Digest,
    /// Of the manifest: what a reference is pinned with.
    pub manifest: Digest,
}

pub(super) async fn run(
    registry: &Registry,
    reference: &Reference,
    artifact: &Artifact,
    progress: &Progress,
) -> Result<Pushed, Problem> {
    let pushed = Pushed { digest: artifact.digest(), manifest: artifact.manifest_digest() };
    if let Some(wanted) = reference.digest().filter(|wanted| *wanted != pushed.manifest) {
        return Err(Problem::WrongDigest { what: "what is to be pushed", wanted, found: pushed.manifest });
    }
    let session = registry.client.talk(reference, Action::Push)?;
    for (blob, progress) in [(&artifact.component, progress), (&artifact.config, &Progress::default())] {
        registry.pace.keep(|| upload(&session, blob, progress)).await?;
    }
    registry.pace.keep(|| manifest(&session, reference, &artifact.manifest)).await?;
    Ok(pushed)
}

async fn upload(session: &Session<'_>, blob: &Bytes, progress: &Progress) -> Result<(), Problem> {
    let digest = Digest::of(blob);
    match session.send(Method::HEAD, &session.url(&format!("blobs/{digest}")), |request| request).await {
        Ok(_) => return Ok(()),
        Err(Problem::NotFound { .. }) => {}
        Err(problem) => return Err(problem),
    }
    let mut url = begin(session).await?;
    url.query_pairs_mut().append_pair("digest", &digest.to_string());
    let headers: HeaderMap = [
        (CONTENT_TYPE, "application/octet-stream".parse().expect("a media type is a header value")),
        (CONTENT_LENGTH, blob.len().into()),
    ]
    .into_iter()
    .collect();
    let done = session.send(Method::PUT, &url, |request| request.headers(headers.clone()).body(body(blob, progress)));
    expect(StatusCode::CREATED, done.await?.status())
}

/// Asks for a place to upload to.
async fn begin(session: &Session<'_>) -> Result<Url, Problem> {
    let response =
        session.send(Method::POST, &session.url("blobs/uploads/"), |request| request.header(CONTENT_LENGTH, 0)).await?;
    expect(StatusCode::ACCEPTED, response.status())?;
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| Problem::Protocol("it gives no Location for an upload".to_owned()))?;
    session.follow(&response, location)
}

/// The blob in pieces, each told when it goes out.
fn body(blob: &Bytes, progress: &Progress) -> Body {
    let (blob, progress) = (blob.clone(), progress.clone());
    Body::wrap_stream(stream::iter((0..blob.len()).step_by(PIECE)).map(move |start| {
        let end = blob.len().min(start + PIECE);
        progress.tell(end, blob.len());
        Ok::<_, Infallible>(blob.slice(start..end))
    }))
}

async fn manifest(session: &Session<'_>, reference: &Reference, manifest: &Bytes) -> Result<(), Problem> {
    let url = session.url(&format!("manifests/{}", reference.target()));
    let done = session
        .send(Method::PUT, &url, |request| request.header(CONTENT_TYPE, layout::MANIFEST).body(manifest.clone()));
    expect(StatusCode::CREATED, done.await?.status())
}

fn expect(wanted: StatusCode, found: StatusCode) -> Result<(), Problem> {
    if found == wanted { Ok(()) } else { Err(Problem::Unexpected { status: found, code: None }) }
}
