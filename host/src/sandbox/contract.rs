//! Reads a component's imports and exports before anything is compiled, and says whether it keeps the contract of
//! `wit/render.wit` and, if not, what its author has to do. Pure.

use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload};

use super::digest::Digest;
use super::failure::Failure;

/// The package that plugins target, and the version of it that this host supports. Patch versions are compatible.
const PACKAGE: &str = "mcp:render";
const SUPPORTED: &str = "0.1";
/// What a plugin must export, what it may import.
const EXPORTS: [&str; 2] = ["info", "renderer"];
const IMPORTS: [&str; 2] = ["log", "types"];

/// What can be known of a component without compiling or running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: usize,
    /// The contract that it was built for, such as `mcp:render@0.1.0`.
    pub contract: Option<String>,
    /// The names of its imports, in the component's order.
    pub imports: Vec<String>,
    /// The names of its exports, in the component's order.
    pub exports: Vec<String>,
}

/// Reads what a component says of itself. Fails when the bytes are no component at all; whether it keeps the contract
/// is [`Inspection::check`]'s to say.
pub fn inspect(component: &[u8]) -> Result<Inspection, Failure> {
    inspect_digested(component, Digest::of(component))
}

/// A component that keeps the contract.
#[derive(Debug)]
pub struct Checked<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) digest: Digest,
}

impl<'a> Checked<'a> {
    /// Reads what the component says of itself. `digest` is that of `component`: whoever had to compute it need not do so
    /// twice, because for a large one that takes longer than everything else.
    pub fn new(component: &'a [u8], digest: Digest) -> Result<Self, Failure> {
        inspect_digested(component, digest)?.check()?;
        Ok(Self { bytes: component, digest })
    }
}

fn inspect_digested(component: &[u8], digest: Digest) -> Result<Inspection, Failure> {
    let mut found =
        Inspection { digest, size: component.len(), contract: None, imports: Vec::new(), exports: Vec::new() };
    if !component.starts_with(b"\0asm") {
        return Err(not_wasm());
    }
    read(component, &mut found)?;
    let ours = found.exports.iter().chain(&found.imports).filter_map(|name| ours(name));
    found.contract = ours.map(|(_, version)| format!("{PACKAGE}@{version}")).next();
    Ok(found)
}

impl Inspection {
    /// Whether this host can run the component as a render plugin.
    pub fn check(&self) -> Result<(), Failure> {
        self.check_version()?;
        for interface in EXPORTS {
            let exported = |name: &String| ours(name).is_some_and(|(found, _)| found == interface);
            if !self.exports.iter().any(exported) {
                return Err(missing(interface, &self.exports));
            }
        }
        self.imports.iter().try_for_each(|import| check_import(import))
    }

    fn check_version(&self) -> Result<(), Failure> {
        let names = self.exports.iter().chain(&self.imports);
        for (_, version) in names.filter_map(|name| ours(name)) {
            if minor(version) != SUPPORTED {
                let targets = minor(version);
                return Err(mismatch(
                    format!("the component targets {PACKAGE}@{targets}; this operator supports {SUPPORTED}"),
                    format!(
                        "build it against {PACKAGE}@{SUPPORTED} (`wit/render.wit`), or use an operator that supports {targets}"
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// Collects the imports and exports of the outermost component; nested modules and components have their own.
fn read(component: &[u8], found: &mut Inspection) -> Result<(), Failure> {
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|error| malformed(&error))? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => return Err(core_module()),
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    found.imports.push(import.map_err(|error| malformed(&error))?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    let export = export.map_err(|error| malformed(&error))?;
                    if export.kind != ComponentExternalKind::Type {
                        found.exports.push(export.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Interface and version of a name of our own package: `("log", "0.1.0")` of `mcp:render/log@0.1.0`.
fn ours(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    Some(rest.split_once('@').unwrap_or((rest, "unversioned")))
}

/// The part of a version that decides compatibility before 1.0: `0.1` of `0.1.7`.
fn minor(version: &str) -> &str {
    version.match_indices('.').nth(1).map_or(version, |(end, _)| &version[..end])
}

fn check_import(import: &str) -> Result<(), Failure> {
    if ours(import).is_some_and(|(interface, _)| IMPORTS.contains(&interface)) {
        return Ok(());
    }
    let problem = format!("the component imports {import:?}, which no plugin gets");
    if let Some((_, version)) = import.strip_prefix("wasi:").and_then(|rest| rest.split_once('@')) {
        if minor(version) == "0.2" {
            return Ok(());
        }
        return Err(mismatch(
            problem,
            "build it for WASI 0.2: the host's virtual WASI has no other version".to_owned(),
        ));
    }
    Err(mismatch(problem, format!("build it for the world {PACKAGE}/plugin, whose only import of its own is the log")))
}

fn missing(interface: &str, exports: &[String]) -> Failure {
    let exports = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
    mismatch(
        format!("the component does not export {PACKAGE}/{interface}@{SUPPORTED}.x; it exports {exports}"),
        format!("implement the world {PACKAGE}/plugin of `wit/render.wit`, which exports {}", EXPORTS.join(" and ")),
    )
}

fn core_module() -> Failure {
    mismatch(
        "this is a core WebAssembly module, not a component".to_owned(),
        "make a component of it: `wasm-tools component new module.wasm -o component.wasm`".to_owned(),
    )
}

fn not_wasm() -> Failure {
    mismatch(
        "this is not WebAssembly: it does not begin with the bytes `\\0asm`".to_owned(),
        "give the component's binary file, not its text, an archive or an OCI manifest".to_owned(),
    )
}

fn malformed(error: &wasmparser::BinaryReaderError) -> Failure {
    mismatch(
        format!("the component is damaged: {} at byte {}", error.message(), error.offset()),
        "fetch or build it again".to_owned(),
    )
}

fn mismatch(problem: String, advice: String) -> Failure {
    Failure::ContractMismatch { problem, advice }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn found(exports: &[&str], imports: &[&str]) -> Inspection {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let (imports, exports) = (owned(imports), owned(exports));
        Inspection { digest: Digest::of(b""), size: 0, contract: None, imports, exports }
    }

    #[test]
    fn patch_versions_are_compatible() {
        let exports = ["mcp:render/info@0.1.9", "mcp:render/renderer@0.1.9"];
        assert_eq!(found(&exports, &["mcp:render/log@0.1.9", "wasi:io/streams@0.2.12"]).check(), Ok(()));
    }

    #[test]
    fn each_import_that_no_plugin_gets_is_refused_by_name() {
        let exports = ["mcp:render/info@0.1.0", "mcp:render/renderer@0.1.0"];
        for (import, advice) in [
            ("acme:db/query@1.0.0", "mcp:render/plugin"),
            ("mcp:render/cluster@0.1.0", "mcp:render/plugin"),
            ("wasi:cli/stdout@0.3.0", "WASI 0.2"),
            ("a-function", "mcp:render/plugin"),
        ] {
            let message = found(&exports, &[import]).check().unwrap_err().to_string();
            assert!(message.contains(import) && message.contains(advice), "{message}");
        }
    }

    #[test]
    fn imports_of_nested_components_are_not_the_plugins_own() {
        let text = r#"(component
            (component (import "acme:db/query@1.0.0" (instance)))
            (core module (import "env" "memory" (memory 1)))
            (import "mcp:render/log@0.1.0" (instance)))"#;
        assert_eq!(inspect(&wat::parse_str(text).unwrap()).unwrap().imports, ["mcp:render/log@0.1.0"]);
    }
}
