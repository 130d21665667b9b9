//! The API server's audit log: who asked for what.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{Lab, Skip};

/// One answered request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `create`, `patch`, …
    pub verb: String,
    /// Path and query.
    pub uri: String,
    /// The HTTP status of the answer.
    pub code: u64,
}

impl Request {
    /// Whether it was meant to change something. A review asks a question, by POST.
    pub fn writes(&self) -> bool {
        let verbs = ["create", "update", "patch", "delete", "deletecollection"];
        verbs.contains(&self.verb.as_str()) && !self.uri.contains("accessreviews")
    }

    /// API group and resource, with the subresource after a slash; none for what is no resource.
    pub fn resource(&self) -> Option<(String, String)> {
        let path = self.uri.split('?').next()?.trim_start_matches('/');
        let mut parts = path.split('/');
        let group = match (parts.next()?, parts.next()?) {
            ("api", _version) => "",
            ("apis", group) => {
                parts.next()?;
                group
            }
            _ => return None,
        };
        let rest: Vec<&str> = parts.collect();
        let in_namespace = rest.first() == Some(&"namespaces") && rest.len() > 2;
        let rest = if in_namespace { &rest[2..] } else { &rest[..] };
        let subresource = rest.get(2).map(|subresource| format!("/{subresource}")).unwrap_or_default();
        Some((group.to_owned(), format!("{}{subresource}", rest.first()?)))
    }
}

/// The requests of one user in the text of an audit log, oldest first.
pub fn requests(log: &str, user: &str) -> Result<Vec<Request>> {
    // Requests of others are not parsed: the log is long.
    let lines = log.lines().filter(|line| line.contains(user));
    let requests = lines.map(|line| {
        let entry: Value = serde_json::from_str(line)?;
        let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        Ok((entry["user"]["username"] == user).then(|| Request {
            verb: text("verb"),
            uri: text("requestURI"),
            code: entry["responseStatus"]["code"].as_u64().unwrap_or_default(),
        }))
    });
    requests.filter_map(Result::transpose).collect()
}

impl Lab {
    /// Every request that this test's operators made so far, oldest first.
    ///
    /// # Errors
    /// [`Skip`] when the cluster writes no audit log.
    pub fn requests(&self) -> Result<Vec<Request>> {
        let file = audit_log().ok_or(Skip("the cluster writes no audit log that can be read here"))?;
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        requests(&text, &format!("system:serviceaccount:{}:operator", self.namespace()))
    }
}

/// Beside the kubeconfig of a cluster that was started with `--audit`.
fn audit_log() -> Option<PathBuf> {
    let file = PathBuf::from(env::var_os("KUBECONFIG")?).with_file_name("audit.log");
    file.exists().then_some(file)
}
