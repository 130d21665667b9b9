//! An MCPServer as its watch shows it: one that the types cannot read does not stop the watch of the others.
//!
//! Does what `kube::core::DeserializeGuard` does, which makes a JSON tree of each object first, its `managedFields` included.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::api::{MCPServer, MCPServerSpec, MCPServerStatus};
use crate::cache::previous;
use crate::cache::views::{Metadata, MetadataView};

/// A server, or what is known of one that cannot be read.
#[derive(Clone, Debug)]
pub struct Guarded(pub Result<MCPServer, Unreadable>);

/// An object that is no MCPServer as we know them.
#[derive(Clone, Debug)]
pub(super) struct Unreadable {
    /// Why not.
    pub error: String,
    metadata: ObjectMeta,
}

impl<'de> Deserialize<'de> for Guarded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Box::<RawValue>::deserialize(deserializer)?;
        match serde_json::from_str(object.get()) {
            Ok(Parts { mut metadata, spec, status }) => {
                previous::keep_only_status_writer(&mut metadata);
                Ok(Self(Ok(MCPServer { metadata, spec, status })))
            }
            Err(error) => {
                let MetadataView { metadata, .. } = serde_json::from_str(object.get()).map_err(D::Error::custom)?;
                Ok(Self(Err(Unreadable { error: error.to_string(), metadata })))
            }
        }
    }
}

/// Those of an MCPServer.
#[derive(Deserialize)]
struct Parts {
    #[serde(with = "Metadata")]
    metadata: ObjectMeta,
    spec: MCPServerSpec,
    status: Option<MCPServerStatus>,
}

impl Resource for Guarded {
    type DynamicType = <MCPServer as Resource>::DynamicType;
    type Scope = <MCPServer as Resource>::Scope;

    fn kind(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        MCPServer::kind(dynamic)
    }

    fn group(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        MCPServer::group(dynamic)
    }

    fn version(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        MCPServer::version(dynamic)
    }

    fn plural(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        MCPServer::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.as_ref().map_or_else(|unreadable| &unreadable.metadata, |server| &server.metadata)
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.as_mut().map_or_else(|unreadable| &mut unreadable.metadata, |server| &mut server.metadata)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use kube::ResourceExt;
    use serde_json::{Value, json};

    use super::*;
    use crate::api;

    fn read(spec: &Value) -> Guarded {
        let entry = |manager: &str| json!({"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": {}}});
        let managers = ["kubectl", api::PREVIOUS_STATUS_FIELD_MANAGER].map(entry);
        serde_json::from_value(json!({
            "apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer",
            "metadata": {"name": "a", "namespace": "maps", "uid": "u", "managedFields": managers}, "spec": spec,
        }))
        .unwrap()
    }

    #[test]
    fn of_managed_fields_only_is_kept_who_wrote_the_status() {
        let image = json!({"type": "ContainerImage", "containerImage": {"ref": "example.com/mcp:1"}});
        let guarded = read(&json!({"source": image, "config": {"port": 8080}}));
        let server = guarded.0.as_ref().unwrap();
        assert!(previous::wrote_status(&server.metadata));
        let entries = server.managed_fields();
        assert!(entries.len() == 1 && entries[0].fields_v1.is_none(), "{entries:?}");
    }

    #[test]
    fn a_server_that_cannot_be_read_keeps_its_name_and_says_why() {
        let guarded = read(&json!({"source": "example.com/mcp:1"}));
        assert_eq!((guarded.name_any(), guarded.uid().as_deref()), ("a".to_owned(), Some("u")));
        let error = guarded.0.unwrap_err().error;
        assert!(error.contains("example.com/mcp:1"), "{error}");
    }

    #[test]
    fn what_has_no_metadata_is_no_object() {
        assert!(serde_json::from_value::<Guarded>(json!({"kind": "MCPServer", "metadata": []})).is_err());
    }
}
