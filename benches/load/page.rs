//! The page about performance: its tables and plots are written from the figures, between marks; its words are not touched.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::beside::Beside;
use crate::changes::Edits;
use crate::creation::{Creation, Turn};
use crate::figures::Figures;
use crate::growth::Growth;
use crate::machine::Machine;
use crate::plot::{self, Line};
use crate::rendering;
use crate::small::Small;

/// Writes what was measured into `docs/performance.md` and `docs/performance/`; what was not stays there.
pub fn write(figures: Figures, criterion: &Path, docs: &Path) -> Result<()> {
    let (page, folder) = (docs.join("performance.md"), docs.join("performance"));
    let kept = folder.join("figures.json");
    fs::create_dir_all(&folder)?;
    let earlier = fs::read(&kept).ok().map(|text| serde_json::from_slice(&text)).transpose();
    let figures = figures.or(earlier.with_context(|| format!("reading {}", kept.display()))?.unwrap_or_default());
    let mut text = fs::read_to_string(&page).with_context(|| format!("reading {}", page.display()))?;
    let tables = [
        ("machine", figures.machine.as_ref().map(|found| machine(found, &figures.revisions))),
        ("creation", figures.creation.as_ref().map(creation)),
        ("growth", Some(growth(&figures.growth)).filter(|_| !figures.growth.is_empty())),
        ("beside", figures.beside.as_ref().map(beside)),
        ("rendering", rendering::table(criterion)),
        ("programs", figures.small.as_ref().map(small)),
    ];
    for (name, table) in tables {
        if let Some(table) = table {
            text = replaced(&text, name, &table).with_context(|| format!("{}: no place for {name}", page.display()))?;
        }
    }
    fs::write(&page, text)?;
    fs::write(kept, serde_json::to_string_pretty(&figures)? + "\n")?;
    if figures.growth.len() > 1 { plots(&figures.growth, &folder) } else { Ok(()) }
}

/// The text with another table between the marks of that name.
fn replaced(text: &str, name: &str, table: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let start = text.find(&begin)? + begin.len();
    let stop = start + text[start..].find(&end)?;
    Some(format!("{}\n{table}\n{}", &text[..start], &text[stop..]))
}

fn machine(machine: &Machine, revisions: &BTreeMap<String, String>) -> String {
    let Machine { cpus, processor, memory, kernel } = machine;
    let parts: Vec<_> = revisions.iter().map(|(part, revision)| format!("{part} {revision}")).collect();
    let parts = parts.join(", ");
    format!("{cpus} CPUs ({processor}), {memory:.0} GiB, Linux {kernel}. Revisions: {parts}.\n")
}

fn creation(creation: &Creation) -> String {
    let Creation { servers, turns } = creation;
    let mut table = format!(
        "| {servers} servers, API server alone | seconds | requests | CPU, s | ratio |\n|---|---|---|---|---|\n"
    );
    for turn in turns {
        let Turn { bare: [before, after], bare_requests, seconds, cpu, requests } = turn;
        let (writes, reads) = (requests.written() + requests.events, requests.gets + requests.lists);
        let _ = write!(
            table,
            "| bare client | {before:.1} | {bare_requests} | | |
| operator, from its start | {seconds:.1} | {writes} writes, {reads} reads | {cpu:.1} | {:.2} |
| bare client | {after:.1} | {bare_requests} | | |
",
            turn.ratio()
        );
    }
    let mut ratios: Vec<_> = turns.iter().map(Turn::ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let _ = writeln!(table, "\nMedian ratio: {:.2}.", ratios[ratios.len() / 2]);
    table
}

/// The name of a row, and its value for a size.
type Row = (&'static str, fn(&Growth) -> String);

/// A table with a column for each size.
fn growth(sizes: &[Growth]) -> String {
    let mut table = String::new();
    row(&mut table, "servers", sizes, |growth| growth.servers.to_string());
    let _ = writeln!(table, "|---|{}", "---|".repeat(sizes.len()));
    let rows: [Row; 21] = [
        ("made, until Ready with an address, s", |g| format!("{} in {:.1}", g.creation.servers, g.creation.seconds)),
        ("… write requests for each, events aside", |g| per(g.creation.span.requests.written(), g.creation.servers)),
        ("… CPU for each, ms", |g| format!("{:.1}", g.creation.span.cpu * 1000.0 / amount(g.creation.servers))),
        ("… most memory, MiB", |g| format!("{:.0}", g.creation.span.peak)),
        ("a minute of nothing: write requests", |g| {
            (g.steady.requests.written() + g.steady.requests.events).to_string()
        }),
        ("… CPU, s", |g| format!("{:.2}", g.steady.cpu)),
        ("restart: write requests", |g| {
            (g.restart.span.requests.written() + g.restart.span.requests.events).to_string()
        }),
        ("… lists (pages), watches, other reads", |g| {
            let requests = &g.restart.span.requests;
            format!("{}, {}, {}", requests.lists, requests.watches, requests.gets)
        }),
        ("… until every server was reconciled, s", |g| format!("{:.2}", g.restart.seconds)),
        ("… CPU for each server, ms", |g| format!("{:.2}", g.restart.span.cpu * 1000.0 / amount(g.servers))),
        ("… most memory, MiB", |g| format!("{:.0}", g.restart.span.peak)),
        ("… memory afterwards, MiB", |g| format!("{:.0}", g.restart.span.resident)),
        ("one change, to the applied child: p50, p99, ms", |g| format!("{:.0}, {:.0}", g.edits.p50, g.edits.p99)),
        ("… CPU, with all that follows, ms", |g| format!("{:.1}", g.edits.cpu)),
        ("… reconciles that follow, CPU for each, ms", |g| for_each(&g.edits)),
        ("a ConfigMap changes: servers that use it", |g| g.fan_out.users.to_string()),
        ("… until all are rolled, s", |g| format!("{:.1}", g.fan_out.seconds)),
        ("… longest change of another server meanwhile, ms", |g| {
            g.fan_out.bystander.map_or_else(|| "none".to_owned(), |longest| format!("{longest:.0}"))
        }),
        ("… longest request of its author for it, ms", |g| {
            g.fan_out.request.map_or_else(|| "none".to_owned(), |longest| format!("{longest:.0}"))
        }),
        ("another policy, same output: s", |g| format!("{:.2}", g.swap.seconds)),
        ("… write requests about servers", |g| g.swap.writes().to_string()),
    ];
    for (name, value) in rows {
        row(&mut table, name, sizes, value);
    }
    table
}

fn beside(beside: &Beside) -> String {
    let mut table =
        "| one change, in turn | to the applied child: p50, p99, ms | CPU, ms | reconciles, CPU for each, ms |
|---|---|---|---|
"
        .to_owned();
    for (servers, edits) in &beside.operators {
        let (Edits { p50, p99, cpu, .. }, each) = (edits, for_each(edits));
        let _ = writeln!(table, "| an operator with {servers} servers | {p50:.0}, {p99:.0} | {cpu:.1} | {each} |");
    }
    table
}

/// How many reconciles follow from a change, and CPU milliseconds for each.
fn for_each(edits: &Edits) -> String {
    format!("{:.1}, {:.2}", edits.reconciles, edits.cpu / edits.reconciles)
}

fn row(table: &mut String, name: &str, sizes: &[Growth], value: impl Fn(&Growth) -> String) {
    let _ = writeln!(table, "| {name} | {} |", sizes.iter().map(value).collect::<Vec<_>>().join(" | "));
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn amount(count: usize) -> f64 {
    count as f64
}

fn per(requests: usize, servers: usize) -> String {
    format!("{:.2}", amount(requests) / amount(servers))
}

fn small(small: &Small) -> String {
    let Small { operator, render, default_plugin, first_reconcile, idle, diff } = small;
    let mut table = "| | |\n|---|---|\n".to_owned();
    let _ = writeln!(table, "| `mcp-operator`, MB | {operator:.1} |");
    let _ = writeln!(table, "| `mcp-render`, MB | {render:.1} |");
    let _ = writeln!(table, "| default plugin, bytes | {default_plugin} |");
    let _ = writeln!(table, "| start to first reconcile, ms | {:.0} |", first_reconcile * 1000.0);
    let _ = writeln!(table, "| resident memory without servers, MiB | {idle:.0} |");
    let _ = writeln!(table, "| `mcp-render diff` of two plugins over 1,000 servers, s | {diff:.2} |");
    table
}

fn plots(sizes: &[Growth], folder: &Path) -> Result<()> {
    let line = |name, value: fn(&Growth) -> f64| Line {
        name,
        points: sizes.iter().map(|g| (amount(g.servers), value(g))).collect(),
    };
    let memory =
        [line("most, start included", |g| g.restart.span.peak), line("afterwards", |g| g.restart.span.resident)];
    plot::draw(&folder.join("memory.svg"), "Resident memory of the operator", "MiB", &memory)?;
    let cpu = [
        line("one change, with all that follows", |g| g.edits.cpu),
        line("… for each reconcile", |g| g.edits.cpu / g.edits.reconciles),
        line("one server at a restart", |g| g.restart.span.cpu * 1000.0 / amount(g.servers)),
    ];
    plot::draw(&folder.join("cpu.svg"), "CPU of the operator", "ms", &cpu)?;
    let change = [line("p99", |g| g.edits.p99), line("p50", |g| g.edits.p50)];
    plot::draw(&folder.join("change.svg"), "From a change to the applied child", "ms", &change)
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = "before\n<!-- a -->\nold\n<!-- end of a -->\nafter\n";
        let expected = "before\n<!-- a -->\n\nnew\n<!-- end of a -->\nafter\n";
        assert_eq!(replaced(page, "a", "new").as_deref(), Some(expected));
        assert_eq!(replaced(page, "b", "new"), None);
    }
}
