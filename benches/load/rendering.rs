//! What `cargo bench --bench render` found, read from where criterion leaves it: medians.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// The plugins as the benchmark calls them, and as the page does.
const PLUGINS: [(&str, &str); 5] = [
    ("default", "Rust, the default plugin"),
    ("rust", "Rust, `spread`"),
    ("javascript", "JavaScript, `tenancy`"),
    ("go", "Go, `ownership`"),
    ("python", "Python, `sidecar`"),
];
const DOCUMENTS: [&str; 3] = ["small", "medium", "17KB"];
/// What else is measured of the default plugin.
const AROUND: [(&str, &str); 3] = [
    ("native", "the same Rust code without WebAssembly"),
    ("gather", "gather"),
    ("vet", "vet, of the default plugin's answer"),
];

/// A table; none when nothing was measured.
pub fn table(criterion: &Path) -> Option<String> {
    let time = |path: &str| median(criterion, path).map_or_else(|| "–".to_owned(), in_words);
    median(criterion, "render/default/small")?;
    let mut table = format!("| | {} | load |\n|---|---|---|---|---|\n", DOCUMENTS.join(" | "));
    for (plugin, language) in PLUGINS {
        let each = DOCUMENTS.map(|document| {
            format!(
                "{} ({})",
                time(&format!("instance/{plugin}/{document}")),
                time(&format!("render/{plugin}/{document}"))
            )
        });
        let _ = writeln!(
            table,
            "| {language}: the call (and its answer read) | {} | {} |",
            each.join(" | "),
            time(&format!("load/{plugin}"))
        );
    }
    for (group, what) in AROUND {
        let each = DOCUMENTS.map(|document| time(&format!("{group}/default/{document}")));
        let _ = writeln!(table, "| {what} | {} | |", each.join(" | "));
    }
    Some(table)
}

/// In nanoseconds.
fn median(criterion: &Path, path: &str) -> Option<f64> {
    let text = fs::read(criterion.join(path).join("new/estimates.json")).ok()?;
    serde_json::from_slice::<Value>(&text).ok()?["median"]["point_estimate"].as_f64()
}

fn in_words(nanoseconds: f64) -> String {
    match nanoseconds / 1000.0 {
        microseconds if microseconds < 100.0 => format!("{microseconds:.1} µs"),
        microseconds if microseconds < 1000.0 => format!("{microseconds:.0} µs"),
        microseconds => format!("{:.1} ms", microseconds / 1000.0),
    }
}
