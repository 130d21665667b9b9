//! Kinds that have to be granted: what they may refer to. Pods are in `pods.rs`; a ConfigMap, and a kind without a type of
//! its own, may hold anything.

use serde_json::{Value, json};

use super::permit::Permit;
use super::pods::{pull_secrets, refuse};
use super::shape::selector;
use super::{Rejection, metadata};
use crate::reconcile::Identity;

/// New storage, not that of somebody else.
pub(super) fn check_claim(path: &str, claim: &Value) -> Result<(), Rejection> {
    for field in ["dataSource", "dataSourceRef", "selector", "volumeName"] {
        if !claim[field].is_null() {
            return refuse(&format!("{path}.{field}"), "must be unset: storage of others is not for a plugin to take");
        }
    }
    Ok(())
}

/// The claims of its pods, and that they stay: data outlives the policy that made room for it.
pub(super) fn check_stateful_set(object: &Value) -> Result<(), Rejection> {
    for (index, claim) in object["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten().enumerate() {
        let path = format!("spec.volumeClaimTemplates[{index}]");
        metadata::template(&format!("{path}.metadata"), &claim["metadata"], &["name", "labels", "annotations"])?;
        check_claim(&format!("{path}.spec"), &claim["spec"])?;
    }
    for field in ["whenDeleted", "whenScaled"] {
        if object["spec"]["persistentVolumeClaimRetentionPolicy"][field] == "Delete" {
            let path = format!("spec.persistentVolumeClaimRetentionPolicy.{field}");
            return refuse(&path, "must be Retain, or unset: data outlives the policy that made room for it");
        }
    }
    Ok(())
}

/// It protects this server's pods and no others.
pub(super) fn check_disruption_budget(identity: &Identity, object: &Value) -> Result<(), Rejection> {
    let expected = json!({ "matchLabels": selector(identity) });
    if object["spec"]["selector"] != expected {
        return refuse("spec.selector", &format!("must be {expected}, so that it is about this server's pods alone"));
    }
    Ok(())
}

/// It scales this server and nothing else.
pub(super) fn check_autoscaler(permit: &Permit<'_>, object: &Value) -> Result<(), Rejection> {
    let target = &object["spec"]["scaleTargetRef"];
    let named =
        |kind: &str, name: &str| target["apiVersion"] == "apps/v1" && target["kind"] == kind && target["name"] == name;
    match &permit.workload {
        Some((kind, name)) if named(kind.as_str(), name) => Ok(()),
        _ => refuse("spec.scaleTargetRef", "must be the workload that the plugin returns for this server, of apps/v1"),
    }
}

/// Pods that run as it get its pull secrets, so these are bounded as those of pods are.
pub(super) fn check_service_account(permit: &Permit<'_>, object: &Value) -> Result<(), Rejection> {
    let allowed = pull_secrets(permit.inputs.spec());
    for (index, secret) in object["imagePullSecrets"].as_array().into_iter().flatten().enumerate() {
        if !secret["name"].as_str().is_some_and(|name| allowed.contains(name)) {
            return refuse(&format!("imagePullSecrets[{index}]"), "is not in the server's spec");
        }
    }
    if object["secrets"].as_array().is_some_and(|secrets| !secrets.is_empty()) {
        return refuse("secrets", "must be unset: the server's spec says which Secrets its pods may have");
    }
    Ok(())
}
