//! Differences between texts, for people. Pure.
//!
//! Colours are escape sequences; whoever prints takes them out where no terminal reads them.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

/// What is as it should be, or new.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is not as it should be, or gone.
pub const BAD: Style = AnsiColor::Red.on_default();
/// What deserves a look.
pub const NOTABLE: Style = AnsiColor::Yellow.on_default();
const TITLE: Style = Style::new().bold();
const PLACE: Style = AnsiColor::Cyan.on_default();

/// A unified difference with three lines of context; empty when there is none.
pub fn unified(old_name: &str, new_name: &str, old: &str, new: &str) -> String {
    let mut text = String::new();
    let diff = TextDiff::from_lines(old, new);
    for hunk in diff.unified_diff().iter_hunks() {
        if text.is_empty() {
            let _ = writeln!(text, "{TITLE}--- {old_name}{TITLE:#}\n{TITLE}+++ {new_name}{TITLE:#}");
        }
        let _ = writeln!(text, "{PLACE}{}{PLACE:#}", hunk.header());
        for change in hunk.iter_changes() {
            let (style, sign) = match change.tag() {
                ChangeTag::Delete => (BAD, '-'),
                ChangeTag::Insert => (GOOD, '+'),
                ChangeTag::Equal => (Style::new(), ' '),
            };
            let _ = writeln!(text, "{style}{sign}{}{style:#}", change.value().trim_end_matches('\n'));
        }
    }
    text
}

/// The text without colours.
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_and_what_is_new_stands_between_what_stayed() {
        let (old, new) = ("a\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\nE\nf\n");
        let text = plain(&unified("before", "after", old, new));
        assert_eq!(text, "--- before\n+++ after\n@@ -2,5 +2,5 @@\n b\n c\n d\n-e\n+E\n f\n");
        assert_eq!(unified("before", "after", old, old), "");
    }

    #[test]
    fn only_changes_have_colours() {
        let text = unified("before", "after", "a\nb\n", "a\nc\n");
        assert!(text.contains("\u{1b}[31m-b") && text.contains("\u{1b}[32m+c") && text.contains("\n a\n"), "{text:?}");
    }
}
