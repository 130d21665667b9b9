//! Credentials for registries, as Docker's `config.json` and Secrets of type `kubernetes.io/dockerconfigjson` hold them.
//! Pure: whoever calls reads the files and Secrets. Nothing in here has a `Debug` that could show a password.
//!
//! Which entry is for which reference: as the kubelet decides it
//! (<https://kubernetes.io/docs/concepts/containers/images/#config-json>), the entry with the longest path first.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::error::Problem;
use super::reference::Reference;

/// Whom to be for which registry. Empty by default: nobody.
#[derive(Clone, Default)]
pub struct Credentials {
    entries: Vec<Entry>,
}

/// A configuration that cannot be used. It never repeats what it read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Not what Docker writes.
    #[error("not a Docker configuration: line {line}, column {column} is wrong; expected is {{\"auths\": {{…}}}}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// An entry whose `auth` is nonsense.
    #[error("the entry for {0:?} has an `auth` that is not the Base64 of `user:password`")]
    Auth(String),
}

#[derive(Clone)]
struct Entry {
    /// The host and its port, in which each label may have a `*`.
    host: String,
    /// The beginning of the repository, perhaps empty.
    path: String,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    Login(Login),
    /// Kept by a program with this name.
    Helper(String),
}

/// A user name and a password.
#[derive(Clone)]
pub(super) struct Login {
    pub username: String,
    pub password: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    auths: BTreeMap<String, Stored>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize)]
struct Stored {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// An `auth` that says nothing.
struct Damaged;

impl Credentials {
    /// This user, for this registry and no other.
    pub fn login(registry: &str, username: String, password: String) -> Self {
        let secret = Secret::Login(Login { username, password });
        Self { entries: vec![Entry::new(registry, secret)] }
    }

    /// What a `config.json` of Docker, or the key `.dockerconfigjson` of a Secret, says.
    pub fn from_docker_config(json: &[u8]) -> Result<Self, CredentialsError> {
        let config: Config = serde_json::from_slice(json)
            .map_err(|error| CredentialsError::Malformed { line: error.line(), column: error.column() })?;
        let mut entries = Vec::new();
        for (registry, stored) in config.auths {
            let login = stored.login().map_err(|Damaged| CredentialsError::Auth(registry.clone()))?;
            // `docker login` leaves an entry without anything when a helper keeps the rest.
            let secret = login.map(Secret::Login).or(config.creds_store.clone().map(Secret::Helper));
            entries.extend(secret.map(|secret| Entry::new(&registry, secret)));
        }
        let helpers = config.cred_helpers.into_iter();
        entries.extend(helpers.map(|(registry, helper)| Entry::new(&registry, Secret::Helper(helper))));
        Ok(Self { entries })
    }

    /// These and those. Where both have something equally fitting, these win.
    #[must_use]
    pub fn or(mut self, those: Self) -> Self {
        self.entries.extend(those.entries);
        self
    }

    /// The login for this reference, if there is one.
    pub(super) fn find(&self, reference: &Reference) -> Result<Option<&Login>, Problem> {
        let fitting = self.entries.iter().rev().filter(|entry| entry.fits(reference));
        match fitting.max_by_key(|entry| entry.path.len()).map(|entry| &entry.secret) {
            Some(Secret::Login(login)) => Ok(Some(login)),
            Some(Secret::Helper(helper)) => Err(Problem::CredentialHelper(helper.clone())),
            None => Ok(None),
        }
    }
}

impl Stored {
    fn login(self) -> Result<Option<Login>, Damaged> {
        if let (Some(username), Some(password)) = (self.username, self.password) {
            return Ok(Some(Login { username, password }));
        }
        let Some(auth) = self.auth.filter(|auth| !auth.is_empty()) else { return Ok(None) };
        let text = STANDARD.decode(auth.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(Damaged)?;
        let (username, password) = text.split_once(':').ok_or(Damaged)?;
        Ok(Some(Login { username: username.to_owned(), password: password.to_owned() }))
    }
}

impl Entry {
    /// By the key of an entry: `ghcr.io`, `*.example.com:5000/team`, `https://index.docker.io/v1/`.
    fn new(key: &str, secret: Secret) -> Self {
        let key = key.split_once("://").map_or(key, |(_, key)| key).trim_end_matches('/');
        let (host, path) = key.split_once('/').unwrap_or((key, ""));
        // Docker's names for its own registry, and the version that old entries end with.
        let host = if matches!(host, "index.docker.io" | "registry-1.docker.io") { "docker.io" } else { host };
        let path = if matches!(path, "v1" | "v2") { "" } else { path };
        Self { host: host.to_ascii_lowercase(), path: path.to_owned(), secret }
    }

    fn fits(&self, reference: &Reference) -> bool {
        let below = reference.repository().strip_prefix(self.path.as_str());
        below.is_some_and(|rest| self.path.is_empty() || rest.is_empty() || rest.starts_with('/'))
            && host_fits(&self.host, reference.registry())
    }
}

/// Whether a host is meant: label by label, and with the same port.
fn host_fits(pattern: &str, host: &str) -> bool {
    let ((pattern, pattern_port), (host, port)) = (with_port(pattern), with_port(host));
    let (patterns, labels) = (pattern.split('.'), host.split('.'));
    pattern_port == port
        && patterns.clone().count() == labels.clone().count()
        && patterns.zip(labels).all(|(pattern, label)| label_fits(pattern, label))
}

fn with_port(host: &str) -> (&str, Option<&str>) {
    host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)))
}

/// A `*` in a label stands for any part of it.
fn label_fits(pattern: &str, label: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == label };
    label.strip_prefix(head).is_some_and(|rest| rest.ends_with(tail))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const CONFIG: &str = r#"{
        "auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOmh1YnBhc3M="},
            "ghcr.io": {"username": "all", "password": "p"},
            "ghcr.io/team": {"auth": "dGVhbTpwOnc="},
            "*.example.com:5000": {"username": "glob", "password": "p"},
            "kept.example": {}
        },
        "credsStore": "desktop",
        "credHelpers": {"ecr.example": "ecr-login"}
    }"#;

    fn find(credentials: &Credentials, reference: &str) -> Result<Option<(String, String)>, String> {
        let login = credentials.find(&reference.parse().unwrap()).map_err(|problem| problem.to_string())?;
        Ok(login.map(|login| (login.username.clone(), login.password.clone())))
    }

    fn user(reference: &str) -> Option<String> {
        find(&Credentials::from_docker_config(CONFIG.as_bytes()).unwrap(), reference).unwrap().map(|(user, _)| user)
    }

    #[test]
    fn the_entry_with_the_longest_path_is_for_a_reference() {
        assert_eq!(user("docker.io/team/policy:1").as_deref(), Some("hub"));
        assert_eq!(user("ghcr.io/other/policy:1").as_deref(), Some("all"));
        assert_eq!(user("ghcr.io/team/policy:1").as_deref(), Some("team"));
        assert_eq!(user("ghcr.io/teams/policy:1").as_deref(), Some("all"));
        assert_eq!(user("eu.example.com:5000/policy:1").as_deref(), Some("glob"));
    }

    #[test]
    fn other_hosts_and_ports_get_no_credentials() {
        for reference in ["example.com:5000/a:1", "eu.example.com/a:1", "a.b.example.com:5000/a:1", "ghcr.io.evil/a:1"]
        {
            assert_eq!(user(reference), None, "{reference}");
        }
    }

    #[test]
    fn a_password_may_have_colons() {
        let credentials = Credentials::from_docker_config(CONFIG.as_bytes()).unwrap();
        assert_eq!(find(&credentials, "ghcr.io/team/policy:1").unwrap().unwrap().1, "p:w");
    }

    #[test]
    fn a_helper_is_named_and_not_run() {
        let credentials = Credentials::from_docker_config(CONFIG.as_bytes()).unwrap();
        for (reference, helper) in [("kept.example/a:1", "desktop"), ("ecr.example/a:1", "ecr-login")] {
            let problem = find(&credentials, reference).unwrap_err();
            assert!(problem.contains(&format!("`docker-credential-{helper}`")), "{problem}");
        }
    }

    #[test]
    fn the_first_of_several_secrets_wins() {
        let [one, two] = ["one", "two"].map(|user| Credentials::login("ghcr.io", user.to_owned(), String::new()));
        assert_eq!(find(&one.or(two), "ghcr.io/a:1").unwrap().unwrap().0, "one");
    }

    #[test]
    fn a_damaged_configuration_is_refused_without_repeating_it() {
        for json in [r#"{"auths": {"a": {"auth": "hunter2"}}}"#, r#"{"auths": {"a": "hunter2"}}"#, "hunter2"] {
            let error = Credentials::from_docker_config(json.as_bytes()).err().unwrap().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
