//! What a plugin says during one call: lines from `log.emit`, standard output and standard error. Pure.
//!
//! Only the last of it is kept, because the last words before a failure are what its author needs.

use std::collections::VecDeque;
use std::fmt;
use std::mem;

/// Lines and bytes that a failure's message quotes.
const LAST_LINES: usize = 12;
const LAST_BYTES: usize = 1024;
/// An output stream that writes no newline is broken into lines of this size.
const STREAM_LINE: usize = 4096;

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `log.emit` with level debug.
    Debug,
    /// `log.emit` with level info.
    Info,
    /// `log.emit` with level warn.
    Warn,
    /// `log.emit` with level error.
    Error,
    /// WASI's standard output.
    Stdout,
    /// WASI's standard error.
    Stderr,
}

/// One line, without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it comes from.
    pub source: Source,
    /// The text, without the newline.
    pub text: String,
}

/// The last lines of one call, up to a number of bytes.
#[derive(Clone, Debug)]
pub struct Log {
    lines: VecDeque<Line>,
    room: usize,
    size: usize,
    truncated: bool,
    unfinished: [Vec<u8>; 2],
}

/// The end of a log as a failure's message quotes it; empty when the plugin said nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastWords(String);

impl Log {
    /// Keeps the last `bytes` bytes; each line counts a little more than its text.
    pub(super) fn new(bytes: usize) -> Self {
        Self { lines: VecDeque::new(), room: bytes, size: 0, truncated: false, unfinished: [Vec::new(), Vec::new()] }
    }

    /// The lines that were kept, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    /// Whether more was said than is kept.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// The end of a message, as much as could be kept of it. Plugins cannot be interrupted while the host reads what
    /// they say, so it reads no more than this.
    pub(super) fn keepable<'a>(&self, message: &'a str) -> &'a str {
        &message[message.ceil_char_boundary(message.len().saturating_sub(self.room))..]
    }

    /// Adds one message, which may have several lines.
    pub(super) fn push(&mut self, source: Source, message: &str) {
        message.lines().for_each(|line| self.push_line(source, line));
    }

    /// Adds bytes written to a stream; a line is added once it is complete.
    pub(super) fn write(&mut self, source: Source, bytes: &[u8]) {
        let stream = usize::from(source == Source::Stderr);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n').flat_map(|piece| piece.chunks(STREAM_LINE)) {
            self.unfinished[stream].extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.unfinished[stream].len() >= STREAM_LINE {
                self.finish_line(source, stream);
            }
        }
    }

    /// Adds what the streams still hold. To be called when the plugin's call has ended.
    pub(super) fn finish(&mut self) {
        self.finish_line(Source::Stdout, 0);
        self.finish_line(Source::Stderr, 1);
    }

    /// The end of the log for a failure's message.
    pub fn last_words(&self) -> LastWords {
        let mut bytes = 0;
        let fitting = |line: &&Line| {
            bytes += line.text.len();
            bytes <= LAST_BYTES
        };
        let mut last: Vec<_> = self.lines.iter().rev().take(LAST_LINES).take_while(fitting).collect();
        if let (true, Some(line)) = (last.is_empty(), self.lines.back()) {
            return LastWords(head(&line.text, LAST_BYTES).to_owned());
        }
        last.reverse();
        LastWords(last.into_iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n"))
    }

    fn finish_line(&mut self, source: Source, stream: usize) {
        let bytes = mem::take(&mut self.unfinished[stream]);
        if !bytes.is_empty() {
            self.push(source, &String::from_utf8_lossy(&bytes));
        }
    }

    fn push_line(&mut self, source: Source, text: &str) {
        let line = Line { source, text: printable(text) };
        self.size += line.size();
        self.lines.push_back(line);
        while self.size > self.room {
            let Some(line) = self.lines.pop_front() else { break };
            self.size -= line.size();
            self.truncated = true;
        }
    }
}

impl Line {
    fn size(&self) -> usize {
        size_of::<Self>() + self.text.len()
    }
}

impl LastWords {
    /// Whether the plugin said nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for LastWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() { Ok(()) } else { write!(f, "\nThe plugin's last words:\n{}", self.0) }
    }
}

/// The text without control characters: it may end up in a terminal or a condition. Newlines and tabs become spaces.
pub(super) fn printable(text: &str) -> String {
    let plain = |c: char| match c {
        '\n' | '\t' | '\r' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(plain).collect()
}

/// The beginning of a text, at most `bytes` long.
pub(super) fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(log: &Log) -> Vec<&str> {
        log.lines().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn streams_become_lines_when_a_line_is_complete() {
        let mut log = Log::new(64 << 10);
        log.write(Source::Stdout, b"one\ntw");
        log.write(Source::Stderr, b"problem\n");
        log.write(Source::Stdout, b"o");
        assert_eq!(texts(&log), ["one", "problem"]);
        log.finish();
        assert_eq!(texts(&log), ["one", "problem", "two"]);
        assert_eq!(log.lines().last().map(|line| line.source), Some(Source::Stdout));
    }

    #[test]
    fn a_flood_keeps_the_end_and_no_more_than_the_limit() {
        let mut log = Log::new(4 << 10);
        for i in 0..10_000 {
            log.push(Source::Info, &format!("line {i}"));
            log.write(Source::Stdout, &[b'x'; 10_000]);
        }
        log.push(Source::Error, &"y\n".repeat(1 << 20));
        log.push(Source::Error, "the end");
        assert!(log.is_truncated());
        assert!(log.lines().map(Line::size).sum::<usize>() <= 4 << 10);
        assert!(log.unfinished.iter().all(|bytes| bytes.capacity() <= 4 * STREAM_LINE));
        assert_eq!(texts(&log).last(), Some(&"the end"));
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        let mut log = Log::new(64 << 10);
        log.push(Source::Warn, "\u{1b}[2Jgone\tand\r\nback");
        assert_eq!(texts(&log), ["\u{fffd}[2Jgone and", "back"]);
    }

    #[test]
    fn last_words_are_the_last_lines_that_fit() {
        let mut log = Log::new(64 << 10);
        assert_eq!(log.last_words().to_string(), "");
        log.push(Source::Stderr, &"z".repeat(5000));
        assert_eq!(log.last_words().to_string().len(), LAST_BYTES + "\nThe plugin's last words:\n".len());
        for i in 0..20 {
            log.push(Source::Stderr, &format!("line {i}"));
        }
        let words = log.last_words().to_string();
        assert!(
            words.ends_with("line 18\nline 19") && words.contains("line 8\n") && !words.contains("line 7\n"),
            "{words}"
        );
    }
}
