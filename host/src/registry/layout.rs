//! The CNCF layout of a component in a registry: a manifest that names one JSON config and one layer, the component.
//! Pure.
//!
//! The same component, annotations and time give the same bytes: keys are sorted and nothing else gets in.

use std::collections::BTreeMap;

use hyper::body::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::Problem;
use crate::canonical;
use crate::sandbox::{Digest, Inspection};

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const COMPONENT: &str = "application/wasm";

/// What an author publishes: a component, and what registries show of it.
pub struct Artifact {
    pub(super) component: Bytes,
    pub(super) config: Bytes,
    pub(super) manifest: Bytes,
    digest: Digest,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    media_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// A blob, as a manifest names it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
}

/// The component that a manifest names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    pub digest: Digest,
    pub size: u64,
}

impl Artifact {
    /// Of a component that has been inspected, with annotations for its manifest, as made at this time.
    pub fn new(
        component: Vec<u8>,
        inspection: &Inspection,
        annotations: BTreeMap<String, String>,
        created: Timestamp,
    ) -> Self {
        let digest = inspection.digest;
        let config = Bytes::from(config(inspection, created));
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(MANIFEST.to_owned()),
            config: Descriptor::of(CONFIG, &config),
            layers: vec![Descriptor { digest: digest.to_string(), ..Descriptor::of(COMPONENT, &component) }],
            annotations,
        };
        let manifest = Bytes::from(canonical::text(&manifest));
        Self { component: component.into(), config, manifest, digest }
    }

    /// Of the component.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Of the manifest.
    pub fn manifest_digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }
}

fn config(inspection: &Inspection, created: Timestamp) -> String {
    // Components do not keep their world's name; there is only one.
    let target = inspection.contract.as_ref().map(|contract| contract.replacen('@', "/plugin@", 1));
    canonical::text_of(&json!({
        "created": created.to_string(),
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [inspection.digest.to_string()],
        "component": {"exports": inspection.exports, "imports": inspection.imports, "target": target},
    }))
}

impl Descriptor {
    fn of(media_type: &str, bytes: &[u8]) -> Self {
        let digest = Digest::of(bytes).to_string();
        Self { media_type: media_type.to_owned(), digest, size: bytes.len() as u64 }
    }
}

/// Reads a manifest. The config is not needed: it says nothing that the component does not say itself.
pub(super) fn layer(manifest: &[u8]) -> Result<Layer, Problem> {
    let refused = |why: String| Err(Problem::NotComponent(why));
    let Ok(manifest) = serde_json::from_slice::<Manifest>(manifest) else {
        return refused("its manifest is not that of one artifact; an index is none".to_owned());
    };
    let media_type = manifest.media_type.as_deref().unwrap_or(MANIFEST);
    if manifest.schema_version != 2 || media_type != MANIFEST {
        return refused(format!("its manifest has the media type {}, not {MANIFEST}", shown(media_type)));
    }
    if manifest.config.media_type != CONFIG {
        return refused(format!("its config has the media type {}, not {CONFIG}", shown(&manifest.config.media_type)));
    }
    let [layer] = &manifest.layers[..] else {
        return refused(format!("it has {} layers, not one", manifest.layers.len()));
    };
    if layer.media_type != COMPONENT {
        return refused(format!("its layer has the media type {}, not {COMPONENT}", shown(&layer.media_type)));
    }
    match layer.digest.parse() {
        Ok(digest) => Ok(Layer { digest, size: layer.size }),
        Err(_) => refused(format!("its layer has the digest {}, which is no SHA-256", shown(&layer.digest))),
    }
}

/// A text of the registry, fit to be shown.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(100).collect::<String>())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::Value;

    use super::*;
    use crate::default_plugin;
    use crate::sandbox::inspect;

    fn artifact(version: &str, second: i64) -> Artifact {
        let component = default_plugin::COMPONENT;
        let annotations = [("org.opencontainers.image.version".to_owned(), version.to_owned())].into();
        let created = Timestamp::from_second(second).unwrap();
        Artifact::new(component.to_vec(), &inspect(component).unwrap(), annotations, created)
    }

    #[test]
    fn the_same_component_and_metadata_give_the_same_digest() {
        assert_eq!(artifact("1", 0).manifest_digest(), artifact("1", 0).manifest_digest());
        assert_ne!(artifact("1", 0).manifest_digest(), artifact("2", 0).manifest_digest());
        assert_ne!(artifact("1", 0).manifest_digest(), artifact("1", 1).manifest_digest());
    }

    #[test]
    fn the_config_says_what_the_layout_asks_for() {
        let config: Value = serde_json::from_slice(&artifact("1", 1_700_000_000).config).unwrap();
        assert_eq!(config["created"], "2023-11-14T22:13:20Z");
        assert_eq!((&config["architecture"], &config["os"]), (&json!("wasm"), &json!("wasip2")));
        assert_eq!(config["layerDigests"], json!([Digest::of(default_plugin::COMPONENT).to_string()]));
        assert_eq!(config["component"]["target"], "mcp:render/plugin@0.1.0");
        assert_eq!(config["component"]["exports"][0], "mcp:render/info@0.1.0");
    }

    #[test]
    fn what_is_written_can_be_read() {
        let artifact = artifact("1", 0);
        let size = artifact.component.len() as u64;
        assert_eq!(layer(&artifact.manifest).unwrap(), Layer { digest: artifact.digest(), size });
    }

    #[test]
    fn each_other_manifest_is_refused_by_what_is_wrong_with_it() {
        let good: Value = serde_json::from_slice(&artifact("1", 0).manifest).unwrap();
        let second = good["layers"][0].clone();
        for (path, value, words) in [
            ("/config/mediaType", json!("application/vnd.oci.image.config.v1+json"), "not application/vnd.wasm.config"),
            ("/layers/0/mediaType", json!("application/vnd.oci.image.layer.v1.tar+gzip"), "not application/wasm"),
            ("/layers/0/mediaType", json!("\u{1b}[31m"), r"\u{1b}[31m"),
            ("/layers", json!([second, second]), "2 layers"),
            ("/layers", json!([]), "0 layers"),
            ("/layers/0/digest", json!("sha512:00"), "no SHA-256"),
            ("/mediaType", json!("application/vnd.oci.image.index.v1+json"), "index.v1+json"),
            ("/config", json!(null), "index"),
            ("/layers/0/size", json!(-1), "not that of one artifact"),
        ] {
            let mut manifest = good.clone();
            *manifest.pointer_mut(path).unwrap() = value;
            let problem = layer(manifest.to_string().as_bytes()).unwrap_err().to_string();
            assert!(problem.contains(words), "{path}: {problem}");
        }
    }
}
