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
}

impl Request {
    /// Whether it was meant to change something. A review asks a question, by POST.
    pub fn writes(&self) -> bool {
        let verbs = ["create", "update", "patch", "delete", "deletecollection"];
        verbs.contains(&self.verb.as_str()) && !self.uri.contains("accessreviews")
    }
}

impl Lab {
    /// Every request that this test's operators made so far, oldest first.
    ///
    /// # Errors
    /// [`Skip`] when the cluster writes no audit log.
    pub fn requests(&self) -> Result<Vec<Request>> {
        let file = audit_log().ok_or(Skip("the cluster writes no audit log that can be read here"))?;
        let user = format!("system:serviceaccount:{}:operator", self.namespace());
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        // Requests of others are not parsed: the log is long.
        let lines = text.lines().filter(|line| line.contains(&user));
        let requests = lines.map(|line| {
            let entry: Value = serde_json::from_str(line)?;
            let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            Ok((entry["user"]["username"] == user.as_str())
                .then(|| Request { verb: text("verb"), uri: text("requestURI") }))
        });
        requests.filter_map(Result::transpose).collect()
    }
}

/// Beside the kubeconfig of a cluster that was started with `--audit`.
fn audit_log() -> Option<PathBuf> {
    let file = PathBuf::from(env::var_os("KUBECONFIG")?).with_file_name("audit.log");
    file.exists().then_some(file)
}
