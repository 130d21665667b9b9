//! Writes objects as `kubectl apply -f -` takes them. Pure.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::json;
use serde_saphyr::{SerializerOptions, ser_options};

use super::server::RenderedServer;
use crate::reconcile::vet::VettedObject;

/// How output is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// YAML.
    Yaml,
    /// Indented JSON.
    Json,
}

/// All objects: YAML documents, or one JSON `List`. Servers are in the order of the input, the objects of a server in
/// the order in which the operator applies them, keys sorted: the same input gives the same bytes.
pub fn objects(servers: &[RenderedServer], format: Format) -> String {
    manifests(servers.iter().flat_map(|server| server.vetted.objects()), format)
}

/// The same of these objects.
pub fn manifests<'a>(objects: impl IntoIterator<Item = &'a VettedObject>, format: Format) -> String {
    let manifests = objects.into_iter().map(VettedObject::manifest);
    match format {
        Format::Yaml => manifests.map(yaml).collect::<Vec<_>>().join("---\n"),
        Format::Json => {
            in_format(&json!({"apiVersion": "v1", "kind": "List", "items": manifests.collect::<Vec<_>>()}), format)
        }
    }
}

/// One document.
///
/// # Panics
/// When `document` cannot be written as JSON or YAML. Ours all can.
pub fn in_format(document: &impl Serialize, format: Format) -> String {
    match format {
        Format::Yaml => yaml(document),
        Format::Json => {
            let text = serde_json::to_string_pretty(document).expect("our documents serialise to JSON");
            text + "\n"
        }
    }
}

/// Texts that YAML 1.1 reads as something else, such as `yes` and `0440`, come out in quotes: `kubectl` reads YAML 1.1.
fn yaml(document: &impl Serialize) -> String {
    serde_saphyr::to_string_with_options(document, options()).expect("our documents serialise to YAML")
}

fn options() -> SerializerOptions {
    // Long texts stay on one line, as everywhere in Kubernetes.
    ser_options! { folded_wrap_chars: usize::MAX, compact_list_indent: true }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn texts_that_look_like_something_else_stay_texts() {
        let texts =
            ["yes", "Off", "y", "null", "~", "", "0440", "1_000", "0x1F", "1e3", "12:30", "2026-01-02", "=", "<<"];
        for text in texts {
            let yaml = in_format(&json!({ "key": text }), Format::Yaml);
            assert!(yaml.contains(['"', '\'']), "{yaml}");
        }
    }

    #[test]
    fn yaml_means_what_json_means() {
        let document = json!({
            "a long text": "word ".repeat(100), "lines": "one\n  two\n\nthree\n", "no end": "one\ntwo", "tail": "a\n\n\n",
            "odd": [" leading", "trailing ", "# no comment", "a: b", "tab\t", "\u{1b}[31m", "- x", "ä\u{2028}"],
            "empty": {"list": [], "object": {}, "text": ""}, "numbers": [0, -1, 0.5], "nothing": null,
        });
        let text = in_format(&document, Format::Yaml);
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, document, "{text}");
    }
}
