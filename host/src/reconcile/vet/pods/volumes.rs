//! What pods may mount: nothing of the node, and of the namespace what the server's spec names or the plugin returns.

use k8s_openapi::api::core::v1::Volume;
use serde_json::{Value, json};

use super::{Allowed, Rejection, refuse};

/// Whether a volume is of a type that only a grant lets pods have.
pub(super) fn needs_grant(volume: &Volume) -> bool {
    let harmless = ["name", "configMap", "emptyDir", "downwardAPI", "secret", "persistentVolumeClaim"];
    let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let document = fields(&json!(volume));
    let sources = document.get("projected").and_then(|projected| projected["sources"].as_array());
    let projects = sources.into_iter().flatten().flat_map(fields).any(|(key, _)| !harmless.contains(&key.as_str()));
    projects || document.keys().any(|key| key != "projected" && !harmless.contains(&key.as_str()))
}

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
                    let known = self.owns_node() || self.before.had_volume(volume);
                    for (index, source) in source["sources"].as_array().into_iter().flatten().enumerate() {
                        self.projection(&format!("{at}.sources[{index}]"), source, known)?;
                    }
                }
                _ if self.owns_node() || self.before.had_volume(volume) => {}
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

    fn projection(&self, path: &str, source: &Value, known: bool) -> Result<(), Rejection> {
        for (kind, source) in source.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            match kind.as_str() {
                "configMap" | "downwardAPI" => {}
                "secret" => self.secret(&format!("{path}.secret.name"), source["name"].as_str())?,
                _ if known => {}
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
