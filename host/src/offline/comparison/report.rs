//! What changes for all servers, for people and as data. Pure.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{ServerChange, Verdict};
use crate::offline::table::table;

/// What changes for all servers.
#[derive(Serialize)]
pub struct Comparison {
    /// How many servers have each verdict.
    summary: BTreeMap<Verdict, usize>,
    servers: Vec<ServerChange>,
}

impl Comparison {
    pub(super) fn new(servers: Vec<ServerChange>) -> Self {
        let mut summary = BTreeMap::new();
        for server in &servers {
            *summary.entry(server.verdict).or_default() += 1;
        }
        Self { summary, servers }
    }

    /// The verdict that asks for most attention.
    pub fn worst(&self) -> Option<Verdict> {
        self.summary.keys().next_back().copied()
    }

    /// How many servers there are of each sort, in a line.
    pub fn counts(&self) -> String {
        let counts = self.summary.iter().map(|(verdict, count)| format!("{}: {count}", verdict.words()));
        counts.collect::<Vec<_>>().join(", ") + "\n"
    }

    /// The differences of all objects, with colours as escape sequences.
    pub fn differences(&self) -> String {
        self.servers.iter().flat_map(|server| &server.objects).map(|object| object.diff.as_str()).collect()
    }
}

impl fmt::Display for Comparison {
    /// A table of the servers, and how many there are of each sort.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |server: &ServerChange| {
            let objects: Vec<_> = server.objects.iter().map(super::ObjectChange::title).collect();
            let name = format!("{}/{}", server.namespace, server.name);
            [name, server.verdict.words().to_owned(), objects.join(", ")]
        };
        f.write_str(&table(["SERVER", "VERDICT", "OBJECTS"], self.servers.iter().map(row)))?;
        write!(f, "\n{}", self.counts())
    }
}
