//! The strict schema check: an object goes through its Kubernetes type and back, and must not lose a field.
//!
//! This catches what a lenient reader would drop in silence, such as a misspelt field. Another spelling of the same
//! scalar, dropped nulls and added empty defaults are no loss. Kinds that this program has no type of go through as they
//! are: the API server's own schema is the judge of those.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Rejection;
use super::kinds::Kind;
use crate::canonical;
use crate::strict::{self, Misfit};

/// The object as its type serialises it, canonical.
pub(super) fn round_trip(kind: &Kind, object: &Value) -> Result<Value, Rejection> {
    match kind {
        Kind::NetworkPolicy => through::<NetworkPolicy>(object),
        Kind::ServiceAccount => through::<ServiceAccount>(object),
        Kind::ConfigMap => through::<ConfigMap>(object),
        Kind::PersistentVolumeClaim => through::<PersistentVolumeClaim>(object),
        Kind::Service => through::<Service>(object),
        Kind::PodDisruptionBudget => through::<PodDisruptionBudget>(object),
        Kind::Deployment => through::<Deployment>(object),
        Kind::StatefulSet => through::<StatefulSet>(object),
        Kind::HorizontalPodAutoscaler => through::<HorizontalPodAutoscaler>(object),
        Kind::Other(_) => Ok(canonical::value(object)),
    }
}

fn through<K: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, Rejection> {
    let unknown = || "is no field of this kind; check its spelling and its place".to_owned();
    match strict::read::<K>(object) {
        Ok((_, kept)) => Ok(kept),
        Err(Misfit { path, problem }) => Err(Rejection::field(path, problem.unwrap_or_else(unknown))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(pod: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
            "spec": {"selector": {}, "template": {"spec": pod}},
        })
    }

    fn path_lost(pod: &Value) -> String {
        round_trip(&Kind::Deployment, &deployment(pod)).unwrap_err().path().unwrap().to_owned()
    }

    #[test]
    fn a_misspelt_field_is_named_with_its_path() {
        let pod = json!({"containers": [{"name": "c", "imagePullpolicy": "Always"}]});
        assert_eq!(path_lost(&pod), "spec.template.spec.containers[0].imagePullpolicy");
    }

    #[test]
    fn a_wrong_type_is_named_with_its_path() {
        let pod = json!({"containers": [{"name": "c", "ports": [{"containerPort": "many"}]}]});
        assert_eq!(path_lost(&pod), "spec.template.spec.containers[0].ports[0].containerPort");
    }

    #[test]
    fn nulls_empty_objects_and_other_spellings_of_a_number_are_no_loss() {
        let pod = json!({
            "containers": [{"name": "c", "image": null, "resources": {"limits": {"cpu": 1}}}],
            "volumes": [{"name": "v", "emptyDir": {}}],
        });
        let kept = round_trip(&Kind::Deployment, &deployment(&pod)).unwrap();
        let pod = &kept["spec"]["template"]["spec"];
        assert_eq!(pod["containers"][0], json!({"name": "c", "resources": {"limits": {"cpu": "1"}}}));
        assert_eq!(pod["volumes"][0], json!({"name": "v", "emptyDir": {}}));
    }
}
