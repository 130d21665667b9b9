//! The generated part of `plugins/go` is what the generator makes of `wit/`; `BLESS=1` writes it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

const MODULE: &str = "render/internal/wit";

/// The generator's files, with those packages that it expects from elsewhere in ours, and only for WebAssembly.
fn generated(root: &Path) -> Vec<(String, String)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root.join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    let options = wit_bindgen_go::Opts {
        format: wit_bindgen_go::Format::False,
        pkg_name: Some(MODULE.to_owned()),
        ..wit_bindgen_go::Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    // The empty assembly files are for other targets than WebAssembly.
    let sources =
        files.iter().filter(|(name, _)| Path::new(name).extension().is_some_and(|extension| extension == "go"));
    let ours = |text: &[u8]| {
        let text = String::from_utf8(text.to_vec()).unwrap();
        format!("//go:build wasip1\n\n{}", text.replace("go.bytecodealliance.org/pkg/wit/", &format!("{MODULE}/")))
    };
    sources.map(|(name, text)| (name.to_owned(), formatted(&ours(text)))).collect()
}

fn formatted(text: &str) -> String {
    let mut gofmt = Command::new("gofmt").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    gofmt.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(gofmt.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn the_bindings_are_those_of_the_interface() {
    if Command::new("gofmt").arg("-h").output().is_err() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "gofmt is missing");
        eprintln!("skipped: gofmt is missing");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let files = generated(root);
    assert_eq!(files.len(), 5);
    for (name, text) in files {
        let path = root.join("plugins/go/internal/wit").join(name);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let present = fs::read_to_string(&path).unwrap_or_default();
        assert!(present == text, "{} differs: BLESS=1 cargo test --test go_package", path.display());
    }
}
