//! The StatefulSet, made of the Deployment that the default plugin would render, and the Service that it needs.

use std::collections::BTreeMap;

use guest_default::metadata;
use guest_default::server::Server;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, PodSpec, Service, ServiceSpec, VolumeMount,
    VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use mcp_render_plugin::{Diagnostic, Failure};

use crate::parameters::Parameters;

/// The name of the claim, which is in the names of the pods' claims: `data-<pod>`.
const DATA: &str = "data";

/// The StatefulSet with the pods of `deployment`, each with storage of its own at the path of the parameters.
pub fn stateful(deployment: Deployment, server: &Server, parameters: &Parameters) -> Result<StatefulSet, Failure> {
    let taken = server.spec.config.storage.iter().position(|storage| storage.path == parameters.path);
    if let Some(index) = taken {
        let message = format!("{} is where this policy mounts storage; choose another path.", parameters.path);
        Err(Diagnostic::error("PathTaken", message).at(format!("spec.config.storage[{index}].path")))?;
    }
    let spec = deployment.spec.unwrap_or_default();
    let mut template = spec.template;
    mount(template.spec.get_or_insert_default(), parameters);
    Ok(StatefulSet {
        metadata: deployment.metadata,
        spec: Some(StatefulSetSpec {
            replicas: spec.replicas,
            selector: spec.selector,
            template,
            service_name: Some(pods_name(server)),
            // Servers do not wait for each other; and one that does not start must not keep a mended one from starting.
            pod_management_policy: Some("Parallel".to_owned()),
            volume_claim_templates: Some(vec![claim(parameters)]),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    })
}

/// The Service that gives each pod a name of its own.
pub fn pods_service(server: &Server) -> Service {
    Service {
        metadata: ObjectMeta { name: Some(pods_name(server)), ..metadata::child(server) },
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            selector: Some(metadata::identity(server)),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn pods_name(server: &Server) -> String {
    format!("{}-pods", server.name)
}

fn mount(pod: &mut PodSpec, parameters: &Parameters) {
    pod.security_context.get_or_insert_default().fs_group.get_or_insert(parameters.fs_group);
    let mount = VolumeMount { name: DATA.to_owned(), mount_path: parameters.path.clone(), ..VolumeMount::default() };
    for container in &mut pod.containers {
        container.volume_mounts.get_or_insert_default().push(mount.clone());
    }
}

fn claim(parameters: &Parameters) -> PersistentVolumeClaim {
    let storage = BTreeMap::from([("storage".to_owned(), Quantity(parameters.size.clone()))]);
    PersistentVolumeClaim {
        metadata: ObjectMeta { name: Some(DATA.to_owned()), ..ObjectMeta::default() },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(storage),
                ..VolumeResourceRequirements::default()
            }),
            storage_class_name: parameters.storage_class_name.clone(),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rendered(more: &Value) -> Result<Value, Failure> {
        let mut spec = json!({"source": {"containerImage": {"ref": "example.com/notes:1"}}, "config": {"port": 8080}});
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        let server = Server {
            name: "notes".to_owned(),
            namespace: "team-a".to_owned(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            spec: serde_json::from_value(spec).unwrap(),
        };
        let deployment = guest_default::deployment::render(&server, None);
        stateful(deployment, &server, &Parameters::default()).map(|set| serde_json::to_value(set).unwrap())
    }

    #[test]
    fn each_pod_gets_storage_at_the_path() {
        let set = rendered(&json!({})).unwrap();
        let claim = &set["spec"]["volumeClaimTemplates"][0];
        assert_eq!(claim["metadata"]["name"], "data");
        assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "1Gi");
        let pod = &set["spec"]["template"]["spec"];
        assert_eq!(pod["containers"][0]["volumeMounts"], json!([{"name": "data", "mountPath": "/data"}]));
        assert_eq!(pod["securityContext"]["fsGroup"], 65532);
    }

    #[test]
    fn what_the_server_says_stays() {
        let context = json!({"podSecurityContext": {"fsGroup": 7}});
        let set = rendered(&json!({"runtime": {"replicas": 3, "security": context}})).unwrap();
        assert_eq!(set["spec"]["replicas"], 3);
        assert_eq!(set["spec"]["template"]["spec"]["securityContext"]["fsGroup"], 7);
    }

    #[test]
    fn a_server_that_mounts_something_there_is_refused() {
        let storage = json!([{"path": "/data", "source": {"emptyDir": {}}}]);
        let config = json!({"port": 8080, "storage": storage});
        let Failure::Invalid(found) = rendered(&json!({"config": config})).unwrap_err() else { panic!("not refused") };
        assert_eq!(found[0].path.as_deref(), Some("spec.config.storage[0].path"));
    }
}
