//! The parameters, as `parameters.schema.json` describes them.

use serde::Deserialize;

/// What a platform team can set.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Parameters {
    /// Where the server finds its storage.
    pub path: String,
    /// How much each pod gets, as a Kubernetes quantity.
    pub size: String,
    /// The kind of storage; the cluster's default if none.
    pub storage_class_name: Option<String>,
    /// The group that may write there, for servers whose spec names none.
    pub fs_group: i64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { path: "/data".to_owned(), size: "1Gi".to_owned(), storage_class_name: None, fs_group: 65532 }
    }
}
