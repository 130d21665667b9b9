//! `spec.mcp`, `spec.transport` and `spec.gateway`: how the server is reached.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::SecretReference;

/// How the server uses the protocol.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mcp {
    /// The server keeps no sessions, so each request may go to any pod. Left out or false, a client's requests go to
    /// the same pod.
    #[serde(default)]
    pub stateless: bool,
}

/// How clients and the operator reach the server.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transport {
    /// TLS, terminated by the server itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// TLS, terminated by the server itself.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(has(self.caBundleSecret) && self.insecureSkipVerify)")
        .message("insecureSkipVerify cannot be true when caBundleSecret is given: choose one")
        .field_path(".insecureSkipVerify")
)]
pub struct Tls {
    /// The server speaks HTTPS: the URL in the status begins with `https`, and the operator verifies the server over
    /// TLS.
    #[serde(default)]
    pub enabled: bool,

    /// A Secret of the server's namespace with the certificates, in PEM under the key `ca.crt`, that the operator
    /// trusts for this server. Left out: the system's. Ignored while TLS is not enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle_secret: Option<SecretReference>,

    /// The operator does not check the server's certificate. For experiments only.
    #[serde(default)]
    pub insecure_skip_verify: bool,
}

/// Publishing the server through a gateway. Accepted for compatibility, not acted upon yet.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// The gateway implementation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub provider: Option<String>,

    /// Name of the implementation's own configuration object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_ref: Option<String>,
}
