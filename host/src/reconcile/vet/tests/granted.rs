//! What passes with a grant and not without, and what no grant lets pass.

use super::*;
use crate::api::render_plugin::{GrantedKind, NetworkPolicyGrant, PodSecurity};

const POD: &str = "/spec/template/spec";

fn kinds(names: &[(&str, &str)]) -> Grants {
    let kind = |(api_version, kind): &(&str, &str)| GrantedKind {
        api_version: (*api_version).to_owned(),
        kind: (*kind).to_owned(),
    };
    Grants { kinds: names.iter().map(kind).collect(), ..Grants::default() }
}

fn security(level: PodSecurity) -> Grants {
    Grants { pod_security: Some(level), ..Grants::default() }
}

/// What the default plugin renders, after a change to its objects, as if it had these grants.
fn vet_granted(grants: &Grants, change: impl FnOnce(&mut Vec<Untrusted>)) -> Result<Vetted, Rejection> {
    vet_stage(&inputs(&json!({})), |stage| {
        stage.grants = grants.clone();
        change(&mut stage.objects);
    })
}

fn added(slot: &str, object: Value) -> impl FnOnce(&mut Vec<Untrusted>) {
    let slot = slot.to_owned();
    move |objects| objects.push(Untrusted { slot, object })
}

fn in_pod(pointer: &'static str, json: &str) -> impl FnOnce(&mut Vec<Untrusted>) {
    let value: Value = serde_json::from_str(json).unwrap();
    move |objects| set(of_slot(objects, "workload"), &format!("{POD}{pointer}"), value)
}

/// An object of this server, with more fields.
fn object(api_version: &str, kind: &str, name: &str, more: &Value) -> Value {
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    merge(&mut object, more);
    object
}

fn disruption_budget(selector: &str) -> Value {
    let spec = json!({"minAvailable": 1, "selector": {"matchLabels": {"mcp-server": selector}}});
    object("policy/v1", "PodDisruptionBudget", "weather", &json!({ "spec": spec }))
}

fn autoscaler(target: &str) -> Value {
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": target});
    let spec = json!({"scaleTargetRef": target, "maxReplicas": 3});
    object("autoscaling/v2", "HorizontalPodAutoscaler", "weather", &json!({ "spec": spec }))
}

fn claim(spec: &Value) -> Value {
    object("v1", "PersistentVolumeClaim", "weather-data", &json!({ "spec": spec }))
}

fn stateful(objects: &mut [Untrusted], more: &Value) {
    let workload = of_slot(objects, "workload");
    workload["kind"] = json!("StatefulSet");
    workload["spec"]["serviceName"] = json!("weather");
    merge(workload, more);
}

/// Each passes with the grant of its kind, and not without.
#[test]
fn further_kinds_pass_where_they_are_granted() {
    let objects = [
        disruption_budget("weather"),
        autoscaler("weather"),
        claim(&json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}})),
        object("v1", "ServiceAccount", "weather", &json!({})),
        object("v1", "ConfigMap", "weather-proxy", &json!({"data": {"a": "b"}})),
        object("gateway.networking.k8s.io/v1", "HTTPRoute", "weather", &json!({"spec": {"hostnames": ["a.example"]}})),
        object("monitoring.coreos.com/v1", "ServiceMonitor", "weather", &json!({"spec": {"endpoints": []}})),
    ];
    for object in objects {
        let ObjectKind { api_version, kind } = kind_of(&object).unwrap();
        let grants = kinds(&[(&api_version, &kind)]);
        let refused = vet_granted(&Grants::default(), added("more", object.clone())).unwrap_err();
        assert_eq!(refused.path(), Some("kind"), "{refused}");
        let vetted = vet_granted(&grants, added("more", object)).unwrap_or_else(|refused| panic!("{kind}: {refused}"));
        assert_eq!(vetted.objects().len(), 4);
    }
}

#[test]
fn a_stateful_set_may_be_the_workload_where_it_is_granted() {
    let grants = kinds(&[("apps/v1", "StatefulSet")]);
    let template = json!({"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}});
    let more = json!({"spec": {"volumeClaimTemplates": [template]}});
    let vetted = vet_granted(&grants, |objects| stateful(objects, &more)).unwrap();
    assert_eq!(vetted.objects().last().unwrap().kind(), &Kind::StatefulSet);
    for (more, path) in [
        (
            json!({"spec": {"volumeClaimTemplates": [{"spec": {"volumeName": "other"}}]}}),
            "spec.volumeClaimTemplates[0].spec.volumeName",
        ),
        (
            json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}}),
            "spec.persistentVolumeClaimRetentionPolicy.whenDeleted",
        ),
        (json!({"spec": {"template": {"spec": {"hostPID": true}}}}), "spec.template.spec.hostPID"),
        (json!({"spec": {"selector": {"matchLabels": {"mcp-server": "other"}}}}), "spec.selector"),
    ] {
        let refused = vet_granted(&grants, |objects| stateful(objects, &more)).unwrap_err();
        assert_eq!(refused.path(), Some(path), "{refused}");
    }
}

/// What a granted object may refer to.
#[test]
fn granted_objects_are_about_this_server_alone() {
    let attacks = [
        (disruption_budget("other"), "spec.selector"),
        (autoscaler("other"), "spec.scaleTargetRef"),
        (claim(&json!({"volumeName": "other"})), "spec.volumeName"),
        (claim(&json!({"selector": {"matchLabels": {"of": "other"}}})), "spec.selector"),
        (claim(&json!({"dataSource": {"kind": "PersistentVolumeClaim", "name": "other"}})), "spec.dataSource"),
        (
            object("v1", "ServiceAccount", "weather", &json!({"imagePullSecrets": [{"name": "other"}]})),
            "imagePullSecrets[0]",
        ),
        (object("v1", "ServiceAccount", "weather", &json!({"secrets": [{"name": "other"}]})), "secrets"),
        (object("v1", "ConfigMap", "other", &json!({})), "metadata.name"),
        (object("example.com/v1", "Route", "other", &json!({})), "metadata.name"),
        (
            object("example.com/v1", "Route", "weather", &json!({"metadata": {"finalizers": ["x"]}})),
            "metadata.finalizers",
        ),
        (
            object("example.com/v1", "Route", "weather", &json!({"metadata": {"namespace": "other"}})),
            "metadata.namespace",
        ),
        (object("example.com/v1", "Route", "weather", &json!({"status": {"ready": true}})), "status"),
    ];
    for (object, path) in attacks {
        let ObjectKind { api_version, kind } = kind_of(&object).unwrap();
        let refused = vet_granted(&kinds(&[(&api_version, &kind)]), added("more", object)).unwrap_err();
        assert_eq!(refused.path(), Some(path), "{refused}");
    }
}

#[test]
fn some_kinds_are_refused_though_they_were_granted() {
    for (api_version, kind) in [
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
        ("v1", "Secret"),
        ("v1", "Pod"),
        ("v1", "Namespace"),
        ("batch/v1", "Job"),
        ("discovery.k8s.io/v1", "EndpointSlice"),
        ("mcp.x-k8s.io/v1beta1", "MCPServer"),
    ] {
        let object = object(api_version, kind, "weather", &json!({}));
        let refused = vet_granted(&kinds(&[(api_version, kind)]), added("more", object)).unwrap_err();
        assert!(refused.to_string().contains("is never a plugin's to write"), "{refused}");
    }
}

#[test]
fn pods_may_run_as_an_account_and_mount_a_claim_that_come_with_them() {
    let grants = kinds(&[("v1", "ServiceAccount"), ("v1", "PersistentVolumeClaim")]);
    let account = object("v1", "ServiceAccount", "weather", &json!({}));
    let change = |account_name: &'static str, claim_name: &'static str| {
        let account = account.clone();
        move |objects: &mut Vec<Untrusted>| {
            added("account", account)(objects);
            added("claim", claim(&json!({"accessModes": ["ReadWriteOnce"]})))(objects);
            in_pod("/serviceAccountName", &format!("{account_name:?}"))(objects);
            let volume = format!(r#"[{{"name": "d", "persistentVolumeClaim": {{"claimName": {claim_name:?}}}}}]"#);
            in_pod("/volumes", &volume)(objects);
        }
    };
    vet_granted(&grants, change("weather", "weather-data")).unwrap();
    let refused = vet_granted(&grants, change("admin", "weather-data")).unwrap_err();
    assert_eq!(refused.path(), Some("spec.template.spec.serviceAccountName"));
    let refused = vet_granted(&grants, change("weather", "other")).unwrap_err();
    assert_eq!(refused.path(), Some("spec.template.spec.volumes[0].persistentVolumeClaim.claimName"));
}

/// Each line: what is asked for, and the level from which on it passes; none: it never does.
#[test]
fn pod_security_passes_up_to_the_level_that_was_granted() {
    use PodSecurity::{Baseline, Privileged, Restricted};
    let sidecar = r#"{"name": "helper", "securityContext": {"runAsUser": 0, "capabilities": {"add": ["CHOWN"]}}}"#;
    let rights = [
        ("/securityContext", r#"{"runAsUser": 0}"#, Some(Baseline)),
        ("/containers/-", sidecar, Some(Baseline)),
        ("/containers/0/securityContext", "{}", Some(Baseline)),
        ("/containers/0/securityContext/capabilities/add", r#"["NET_ADMIN"]"#, Some(Privileged)),
        ("/containers/0/securityContext/privileged", "true", Some(Privileged)),
        ("/containers/0/securityContext/seccompProfile", r#"{"type": "Unconfined"}"#, Some(Privileged)),
        ("/hostNetwork", "true", Some(Privileged)),
        ("/volumes", r#"[{"name": "h", "hostPath": {"path": "/"}}]"#, Some(Privileged)),
        ("/containers/0/ports/0/hostPort", "80", Some(Privileged)),
        ("/resourceClaims", r#"[{"name": "gpu", "resourceClaimName": "x"}]"#, Some(Privileged)),
        ("/serviceAccountName", "\"admin\"", None),
        ("/imagePullSecrets", r#"[{"name": "other"}]"#, None),
        ("/volumes", r#"[{"name": "s", "secret": {"secretName": "other"}}]"#, None),
        ("/nodeName", "\"node-1\"", None),
    ];
    for (pointer, json, needed) in rights {
        for level in [Restricted, Baseline, Privileged] {
            let outcome = vet_granted(&security(level), in_pod(pointer, json));
            assert_eq!(
                outcome.is_ok(),
                needed.is_some_and(|needed| level >= needed),
                "{pointer} = {json} with {level:?}"
            );
        }
    }
}

#[test]
fn the_network_policy_may_be_widened_or_left_out_where_that_is_granted() {
    let grants = Grants { network_policy: Some(NetworkPolicyGrant::Any), ..Grants::default() };
    let wider = |objects: &mut Vec<Untrusted>| {
        set(of_slot(objects, "network-policy"), "/spec/ingress/-", json!({"ports": [{"port": 9000}]}));
    };
    assert!(vet_granted(&Grants::default(), wider).is_err());
    vet_granted(&grants, wider).unwrap();
    let without = |objects: &mut Vec<Untrusted>| objects.retain(|object| object.slot != "network-policy");
    assert!(vet_granted(&Grants::default(), without).is_err());
    assert_eq!(vet_granted(&grants, without).unwrap().objects().len(), 2);
    let others = |objects: &mut Vec<Untrusted>| {
        set(of_slot(objects, "network-policy"), "/spec/podSelector", json!({}));
    };
    assert_eq!(vet_granted(&grants, others).unwrap_err().path(), Some("spec.podSelector"));
}

/// A stage hands on what the one before it was granted; it adds and changes nothing of that kind without a grant of its own.
#[test]
fn a_grant_is_for_one_plugin_and_for_handing_on() {
    let inputs = inputs(&json!({}));
    let chain = |change: fn(&mut Value)| {
        let mut rendered = render::chain(&inputs).unwrap();
        let first = &mut rendered.stages_mut()[0];
        first.grants = kinds(&[("policy/v1", "PodDisruptionBudget")]);
        added("budget", disruption_budget("weather"))(&mut first.objects);
        first.emits.extend(kind_of(&disruption_budget("weather")));
        let mut second = render::chain(&inputs).unwrap().into_stages().remove(0);
        second.stage = "second".into();
        second.objects = first.objects.clone();
        second.emits = first.emits.clone();
        change(of_slot(&mut second.objects, "budget"));
        rendered.stages_mut().push(second);
        vet(&inputs, rendered)
    };
    assert_eq!(chain(|_| {}).unwrap().objects().len(), 4);
    let refused = chain(|budget| budget["spec"]["minAvailable"] = json!(2)).unwrap_err();
    assert!(refused.to_string().starts_with("plugin second, slot budget"), "{refused}");
    assert_eq!(refused.path(), Some("kind"));
}

/// Two stages: the first has these grants and does the first change, the second has none and does the second.
fn vet_after(
    grants: &Grants,
    first: impl FnOnce(&mut Vec<Untrusted>),
    second: impl FnOnce(&mut Vec<Untrusted>),
) -> Result<Vetted, Rejection> {
    let inputs = inputs(&json!({}));
    let mut rendered = render::chain(&inputs).unwrap();
    let mut later = render::chain(&inputs).unwrap().into_stages().remove(0);
    later.stage = "later".into();
    let earlier = &mut rendered.stages_mut()[0];
    earlier.grants = grants.clone();
    first(&mut earlier.objects);
    later.objects = earlier.objects.clone();
    second(&mut later.objects);
    rendered.stages_mut().push(later);
    vet(&inputs, rendered)
}

/// What the first plugin may do with a container, volume or pod, a later one may hand on and not use.
#[test]
fn a_stage_hands_on_what_the_one_before_was_granted_and_cannot_use_it() {
    let agent = r#"{"name": "agent", "image": "a", "securityContext": {"privileged": true},
        "volumeMounts": [{"name": "root", "mountPath": "/host"}]}"#;
    let root = r#"[{"name": "root", "hostPath": {"path": "/"}}]"#;
    let granted = |objects: &mut Vec<Untrusted>| {
        in_pod("/containers/-", agent)(objects);
        in_pod("/volumes", root)(objects);
    };
    let harmless = [("/nodeSelector", r#"{"disk": "fast"}"#), ("/containers/0/image", "\"other\"")];
    let security = r#"{"allowPrivilegeEscalation": false, "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"}}"#;
    let sidecar = format!(r#"{{"name": "proxy", "image": "x", "securityContext": {security}}}"#);
    let spy = format!(
        r#"{{"name": "spy", "image": "x", "securityContext": {security},
            "volumeMounts": [{{"name": "root", "mountPath": "/host"}}]}}"#
    );
    let privileged = self::security(PodSecurity::Privileged);
    for (pointer, json) in harmless.into_iter().chain([("/containers/-", sidecar.as_str())]) {
        vet_after(&privileged, granted, in_pod(pointer, json)).unwrap_or_else(|refused| panic!("{pointer}: {refused}"));
    }
    let uses = [
        ("/containers/1/image", "\"mine\"", "containers[1].volumeMounts"),
        ("/containers/1/command", r#"["mine"]"#, "containers[1].volumeMounts"),
        ("/containers/1/volumeMounts", "null", "containers[1].securityContext.privileged"),
        ("/containers/-", spy.as_str(), "containers[2].volumeMounts"),
        ("/containers/0/securityContext/privileged", "true", "containers[0].securityContext.privileged"),
        ("/initContainers", &format!("[{agent}]"), "containers[1].volumeMounts"),
        ("/volumes/-", r#"{"name": "etc", "hostPath": {"path": "/etc"}}"#, "volumes[1].hostPath"),
        ("/volumes/0/hostPath/path", "\"/etc\"", "volumes[0].hostPath"),
        ("/hostNetwork", "true", "hostNetwork"),
    ];
    for (pointer, json, path) in uses {
        let refused = vet_after(&privileged, granted, in_pod(pointer, json)).unwrap_err();
        assert_eq!(refused.path(), Some(format!("spec.template.spec.{path}").as_str()), "{pointer}: {refused}");
        assert_eq!(refused.plugin(), "later");
    }
    // The network of the node is every container's: none may come to it, and none may become another.
    let on_the_node = in_pod("/hostNetwork", "true");
    vet_after(&privileged, on_the_node, in_pod("/nodeSelector", r#"{"disk": "fast"}"#)).unwrap();
    for (pointer, json) in [("/containers/-", sidecar.as_str()), ("/containers/0/image", "\"mine\"")] {
        let refused = vet_after(&privileged, in_pod("/hostNetwork", "true"), in_pod(pointer, json)).unwrap_err();
        assert_eq!(refused.path(), Some("spec.template.spec.hostNetwork"));
    }
}

#[test]
fn a_stage_hands_on_a_wider_network_policy_and_does_not_widen_it() {
    let grants = Grants { network_policy: Some(NetworkPolicyGrant::Any), ..Grants::default() };
    let wider = |port: u16| {
        move |objects: &mut Vec<Untrusted>| {
            set(of_slot(objects, "network-policy"), "/spec/ingress/-", json!({"ports": [{"port": port}]}));
        }
    };
    let label = |objects: &mut Vec<Untrusted>| {
        set(of_slot(objects, "network-policy"), "/metadata/labels/team", json!("x"));
    };
    let without = |objects: &mut Vec<Untrusted>| objects.retain(|object| object.slot != "network-policy");
    vet_after(&grants, wider(9000), label).unwrap();
    vet_after(&grants, without, |_| {}).unwrap();
    let refused = vet_after(&grants, wider(9000), wider(9001)).unwrap_err();
    assert_eq!((refused.plugin(), refused.path()), ("later", Some("spec.ingress[1]")));
    let refused = vet_after(&grants, |_| {}, without).unwrap_err();
    assert!(refused.to_string().contains("slot network-policy is missing"), "{refused}");
}

#[test]
fn data_gets_no_owner() {
    let grants = kinds(&[("v1", "PersistentVolumeClaim")]);
    let vetted = vet_granted(&grants, added("claim", claim(&json!({"accessModes": ["ReadWriteOnce"]})))).unwrap();
    let owner = |kind: &Kind| {
        let object = vetted.objects().iter().find(|object| object.kind() == kind).unwrap();
        object.manifest()["metadata"]["ownerReferences"].clone()
    };
    assert!(owner(&Kind::PersistentVolumeClaim).is_null());
    assert!(owner(&Kind::Deployment).is_array());
}
