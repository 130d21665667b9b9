//! The examples that users read are the golden inputs; what they render to is checked in under `tests/golden/`.

use std::fs;
use std::path::{Path, PathBuf};

use mcp_operator::offline::{self, Findings, Format, Sources};
use mcp_operator::reconcile::gather::Surroundings;

use crate::command::{documents, run, sandbox};

const BLESS: &str = "BLESS=1 cargo test -p mcp-operator --test mcp_render examples";

/// Name and path of each example.
fn examples() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(!files.is_empty(), "there are no examples");
    files.into_iter().map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path)).collect()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Renders files by the default plugin, which is compiled once for all of them: the library's part of the command.
struct Renderer(Surroundings);

impl Renderer {
    fn new() -> Self {
        let chain = offline::load_plugins(sandbox(), &[]).unwrap();
        Self(Surroundings {
            cluster_domain: "cluster.local".to_owned(),
            kubernetes_version: None,
            verify_from: None,
            chain,
        })
    }

    fn render(&self, file: &Path, namespace: &str) -> String {
        let namespace = namespace.to_owned();
        let sources = Sources { manifests: vec![file.to_owned()], namespace, ..Sources::default() };
        let mut findings = Findings::default();
        let servers = offline::render(Some(&sources), &self.0, &mut findings);
        assert!(!findings.has_errors(), "{findings:?}");
        offline::objects(&servers, Format::Yaml)
    }
}

#[test]
fn every_example_renders_to_its_golden_file_and_the_command_prints_the_same() {
    let renderer = Renderer::new();
    let mut all = Vec::new();
    for (name, example) in examples() {
        let objects = renderer.render(&example, "default");
        let file = golden(&format!("{name}.yaml"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&file, &objects).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        assert!(objects == expected, "{name} renders differently; look at what changed after: {BLESS}");
        all.push(objects);
    }
    let [first, second] = [(); 2].map(|()| run(["render", "-f", "examples"]).printed());
    assert!(first == all.join("---\n"), "the command prints other bytes than the library renders");
    assert!(first == second, "a second run prints other bytes");
}

#[test]
fn every_golden_file_has_an_example() {
    let mut known: Vec<_> = examples().into_iter().map(|(name, _)| format!("{name}.yaml")).collect();
    let found = fs::read_dir(golden("")).unwrap();
    let mut found: Vec<_> = found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    known.sort();
    found.sort();
    assert_eq!(found, known);
}

#[test]
fn both_versions_render_to_the_same_bytes() {
    let renderer = Renderer::new();
    let folder = tempfile::tempdir().unwrap();
    for (name, example) in examples() {
        let text = fs::read_to_string(&example).unwrap();
        let older = folder.path().join(&name);
        fs::write(&older, text.replace("mcp.x-k8s.io/v1beta1", "mcp.x-k8s.io/v1alpha1")).unwrap();
        assert_ne!(text, fs::read_to_string(&older).unwrap(), "{name}");
        assert_eq!(renderer.render(&example, "a"), renderer.render(&older, "a"), "{name}");
    }
}

/// Each object has what every child has: the server's name, its namespace and the two labels, and offline no owner.
#[test]
fn every_rendered_object_belongs_to_its_server() {
    let renderer = Renderer::new();
    for (name, example) in examples() {
        let manifests = documents(&fs::read_to_string(&example).unwrap());
        let servers: Vec<_> = manifests.iter().filter(|manifest| manifest["kind"] == "MCPServer").collect();
        let objects = documents(&renderer.render(&example, "team-a"));
        assert_eq!(objects.len(), 3 * servers.len(), "{name}");
        for (object, server) in objects.iter().zip(servers.iter().flat_map(|server| [server; 3])) {
            let metadata = &object["metadata"];
            assert_eq!(metadata["namespace"], "team-a", "{name}");
            assert_eq!(metadata["name"], server["metadata"]["name"], "{name}");
            assert_eq!(metadata["labels"]["app"], "mcp-server", "{name}");
            assert_eq!(metadata["labels"]["mcp-server"], metadata["name"], "{name}");
            assert!(metadata["ownerReferences"].is_null(), "{name}");
        }
    }
}
