//! What the documentation says of the code is true: flags, rights, metrics, and the links between the pages.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use mcp_operator::operator::Flags;
use mcp_operator::operator::rbac::RIGHTS;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

#[test]
fn every_flag_is_documented_with_its_variable_and_default() {
    let page = page("docs/operating.md");
    let command = Flags::augment_args(clap::Command::new("run"));
    let flags: Vec<_> = command.get_arguments().filter(|flag| flag.get_long().is_some()).collect();
    for flag in &flags {
        let (name, variable) = (flag.get_long().unwrap(), flag.get_env().unwrap().to_str().unwrap());
        let row = format!("| `--{name}` | `{variable}` | ");
        let row = page.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("no row {row}"));
        for default in flag.get_default_values() {
            let default = default.to_str().unwrap();
            assert!(row.contains(&format!("| `{default}` |")), "the default of --{name} is {default}, not as in {row}");
        }
    }
    assert_eq!(page.matches("\n| `--").count(), flags.len(), "a flag is documented that does not exist");
}

#[test]
fn every_right_is_documented_with_its_reason() {
    let page = page("docs/operating.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Rights")).unwrap();
    for right in RIGHTS {
        let group = if right.group.is_empty() { "core".to_owned() } else { format!("`{}`", right.group) };
        let row = format!("| {group} | `{}` | {} | {} |", right.resource, right.verbs.join(", "), right.purpose);
        assert!(section.contains(&row), "docs/operating.md lacks the row\n{row}");
    }
    assert_eq!(
        section.matches("\n| ").count(),
        RIGHTS.len() + 1,
        "a right is documented that the operator does not have"
    );
}

/// By the source, because a metric without a series is not in the exposition text. Counters are there without `_total`.
#[test]
fn every_metric_is_documented() {
    let page = page("docs/status.md");
    let source = include_str!("../src/metrics/families.rs");
    let quoted = source.split('"').skip(1).step_by(2);
    let metrics: Vec<_> = quoted.filter(|text| text.starts_with("mcpserver_") || text.starts_with("mcp_")).collect();
    assert!(!metrics.is_empty());
    for name in &metrics {
        let documented = page.contains(&format!("| `{name}`")) || page.contains(&format!("| `{name}_total`"));
        assert!(documented, "docs/status.md lacks {name}");
    }
    assert_eq!(page.matches("\n| `mcp").count(), metrics.len(), "a metric is documented that does not exist");
}

/// A cluster test as `file::name`; one of the library as `module::…::name`, one of the tool as `mcp_render::file::name`.
#[test]
fn every_test_that_the_page_on_compatibility_names_exists() {
    let page = page("docs/compatibility.md");
    let names: Vec<_> =
        page.split('`').skip(1).step_by(2).filter(|text| text.contains("::") && !text.contains(' ')).collect();
    assert!(names.len() > 50, "{names:?}");
    for name in names.into_iter().filter(|name| *name != "file::name") {
        let parts: Vec<_> = name.split("::").collect();
        let (test, modules) = parts.split_last().unwrap();
        let file = if let [file] = modules {
            format!("tests/suite/{file}.rs")
        } else {
            format!("host/src/{}.rs", modules.join("/"))
        };
        let function = format!("fn {test}(");
        // The module `tests` is at the end of its file, or in a file of its own.
        let beside = file.replace("/tests.rs", ".rs");
        let of_the_tool = format!("host/tests/{}.rs", modules.join("/"));
        let sources = [file, beside, of_the_tool].map(|file| fs::read_to_string(root().join(file)).unwrap_or_default());
        assert!(sources.iter().any(|source| source.contains(&function)), "there is no test {name}");
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.chain(["README.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    for page in pages.filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        for target in links(&fs::read_to_string(&page).unwrap()) {
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let file = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(file.exists(), "{}: {target} does not exist", page.display());
            let found =
                heading.is_empty() || anchors(&fs::read_to_string(&file).unwrap()).contains(&heading.to_owned());
            assert!(found, "{}: {target} is no heading", page.display());
        }
    }
}

/// The targets of the links to other files: `](target)`.
fn links(page: &str) -> Vec<String> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// The headings as fragments of a URL, as GitHub makes them.
fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches(['#', ' ']));
    let plain = |heading: &str| heading.to_lowercase().replace(' ', "-");
    headings.map(|heading| plain(heading).chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()).collect()
}
