//! What the operator asked the API server for, counted from the audit log.

use std::collections::BTreeMap;

use cluster_tests::audit::Request;
use serde::{Deserialize, Serialize};

/// Answered requests.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Requests {
    /// Writes by resource, events aside.
    pub writes: BTreeMap<String, usize>,
    /// Events written.
    pub events: usize,
    /// Reads of single objects.
    pub gets: usize,
    /// Pages of lists.
    pub lists: usize,
    /// Watches begun.
    pub watches: usize,
}

impl Requests {
    /// Counts them.
    pub fn of(requests: &[Request]) -> Self {
        let mut counted = Self::default();
        for request in requests {
            counted.count(request);
        }
        counted
    }

    fn count(&mut self, request: &Request) {
        let resource = request.resource().map_or_else(|| "other".to_owned(), |(_group, resource)| resource);
        match request.verb.as_str() {
            _ if request.writes() && resource == "events" => self.events += 1,
            _ if request.writes() => *self.writes.entry(resource).or_default() += 1,
            "list" => self.lists += 1,
            "watch" => self.watches += 1,
            _ => self.gets += 1,
        }
    }

    /// Writes of all resources, events aside.
    pub fn written(&self) -> usize {
        self.writes.values().sum()
    }
}
