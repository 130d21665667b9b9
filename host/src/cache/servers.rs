//! The servers that exist and their labels: who is concerned when a plugin or a namespace's labels change.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::sources::ServerName;

/// Labels of a server or of a namespace.
pub type Labels = BTreeMap<String, String>;

/// All servers by name.
#[derive(Default)]
pub struct Servers(Mutex<HashMap<ServerName, Labels>>);

impl Servers {
    /// Takes over what a watch says. Tells whether a server is new or has other labels.
    pub fn observe(&self, server: ServerName, labels: Labels) -> bool {
        let mut known = self.known();
        let news = known.get(&server) != Some(&labels);
        known.insert(server, labels);
        news
    }

    /// Forgets a deleted server. Tells whether it was known.
    pub fn forget(&self, server: &ServerName) -> bool {
        self.known().remove(server).is_some()
    }

    /// Forgets the servers that a complete list, of one namespace or all, did not have; returns them.
    pub fn retain(&self, namespace: Option<&str>, listed: &HashSet<ServerName>) -> Vec<ServerName> {
        let in_scope = |server: &ServerName| namespace.is_none_or(|namespace| namespace == server.0);
        let mut known = self.known();
        let gone: Vec<_> =
            known.keys().filter(|server| in_scope(server) && !listed.contains(*server)).cloned().collect();
        for server in &gone {
            known.remove(server);
        }
        gone
    }

    /// The servers for which `selects` holds, given namespace and labels.
    pub fn select(&self, selects: impl Fn(&str, &Labels) -> bool) -> Vec<ServerName> {
        let known = self.known();
        known.iter().filter(|(server, labels)| selects(&server.0, labels)).map(|(server, _)| server.clone()).collect()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ServerName, Labels>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(namespace: &str, name: &str) -> ServerName {
        (namespace.to_owned(), name.to_owned())
    }

    #[test]
    fn a_list_of_one_namespace_says_nothing_about_the_others() {
        let servers = Servers::default();
        assert!(servers.observe(server("a", "one"), Labels::new()));
        assert!(!servers.observe(server("a", "one"), Labels::new()));
        servers.observe(server("b", "two"), Labels::new());
        assert_eq!(servers.retain(Some("a"), &HashSet::new()), [server("a", "one")]);
        assert_eq!(servers.select(|_, _| true), [server("b", "two")]);
    }
}
