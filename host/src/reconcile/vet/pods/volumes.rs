//! What pods may mount: nothing of the node, and of the namespace what the server's spec names or the plugin returns.

use k8s_openapi::api::core::v1::Volume;
use serde_json::{Value, json};

use super::{Allowed, Rejection, refuse};

impl Allowed<'_> {
    /// Volumes that cannot reach the node, and Secrets only where the spec names them.
    pub(super) fn volume(&self, path: &str, volume: &Volume) -> Result<(), Rejection> {
        let document = json!(volume);
        let kinds =
            document.as_object().into_iter().flatten().filter(|(key, value)| *key != "name" && !value.is_null());
        for (kind, source) in kinds {
            let at = format!("{path}.{kind}");
            match kind.as_str() {
                "configMap" | "emptyDir" | "downwardAPI" => {}
                "secret" => self.secret(&format!("{at}.secretName"), source["secretName"].as_str())?,
                "persistentVolumeClaim" => self.claim(&format!("{at}.claimName"), source["claimName"].as_str())?,
                "projected" => {
                    for (index, source) in source["sources"].as_array().into_iter().flatten().enumerate() {
                        self.projection(&format!("{at}.sources[{index}]"), source)?;
                    }
                }
                _ if self.owns_node() => {}
                _ => {
                    let problem = "a volume of this type needs the grant podSecurity: Privileged; configMap, emptyDir and \
                                   downwardAPI need none";
                    return refuse(&at, problem);
                }
            }
        }
        Ok(())
    }

    fn claim(&self, path: &str, name: Option<&str>) -> Result<(), Rejection> {
        match name {
            Some(name) if self.permit.claims.contains(name) => Ok(()),
            _ => refuse(
                path,
                "must be one that the plugin returns besides, which needs a grant for v1 PersistentVolumeClaim",
            ),
        }
    }

    fn projection(&self, path: &str, source: &Value) -> Result<(), Rejection> {
        for (kind, source) in source.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            match kind.as_str() {
                "configMap" | "downwardAPI" => {}
                "secret" => self.secret(&format!("{path}.secret.name"), source["name"].as_str())?,
                _ if self.owns_node() => {}
                _ => {
                    let problem = "a projection of this type needs the grant podSecurity: Privileged";
                    return refuse(&format!("{path}.{kind}"), problem);
                }
            }
        }
        Ok(())
    }

    pub(super) fn secret(&self, path: &str, name: Option<&str>) -> Result<(), Rejection> {
        match name {
            Some(name) if self.secrets.contains(name) => Ok(()),
            _ => refuse(path, "the server's spec does not refer to this Secret"),
        }
    }
}
