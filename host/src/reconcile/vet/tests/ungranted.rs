//! What must pass without a grant: whatever the default plugin renders, and what policies are written for.

use std::fs;
use std::path::Path;

use super::*;
use crate::api::rules::cases;

fn accepted(inputs: &Inputs) -> Vetted {
    vet(inputs, render::chain(inputs).unwrap()).unwrap_or_else(|rejection| panic!("{rejection}"))
}

/// Every MCPServer of the examples.
fn examples() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let documents = files.flat_map(|text| serde_saphyr::from_multiple::<Value>(&text).unwrap());
    documents.filter(|document| document["kind"] == "MCPServer").collect()
}

#[test]
fn what_the_default_plugin_renders_for_the_examples_is_accepted() {
    let servers = examples();
    assert!(servers.len() >= 10);
    for mut server in servers {
        server["metadata"]["namespace"] = json!("default");
        let vetted = accepted(&inputs_of(&server));
        let kinds: Vec<_> = vetted.objects().iter().map(|object| object.kind().clone()).collect();
        assert_eq!(kinds, [Kind::NetworkPolicy, Kind::Service, Kind::Deployment]);
    }
}

/// Specs that ask for rights themselves.
fn privileged_specs() -> Vec<Value> {
    let security = |fields: Value| json!({"runtime": {"security": fields}});
    let container = |fields: Value| security(json!({ "securityContext": fields }));
    let pod = |fields: Value| security(json!({ "podSecurityContext": fields }));
    let probe = json!({"livenessProbe": {"httpGet": {"host": "10.0.0.1", "port": 80}},
                       "readinessProbe": {"tcpSocket": {"host": "localhost", "port": 80}}});
    vec![
        container(json!({})),
        container(json!({"privileged": true})),
        container(json!({"runAsUser": 0})),
        container(json!({"runAsNonRoot": false, "allowPrivilegeEscalation": true})),
        container(json!({"capabilities": {"add": ["SYS_ADMIN", "NET_RAW"]}})),
        container(json!({"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "readOnlyRootFilesystem": false})),
        container(json!({"procMount": "Unmasked", "seLinuxOptions": {"type": "spc_t"}})),
        container(json!({"seccompProfile": {"type": "Unconfined"}, "appArmorProfile": {"type": "Unconfined"}})),
        container(json!({"windowsOptions": {"hostProcess": true}})),
        pod(json!({"runAsUser": 0, "runAsNonRoot": false, "fsGroup": 0})),
        pod(json!({"sysctls": [{"name": "net.core.somaxconn", "value": "1024"}]})),
        pod(json!({"seccompProfile": {"type": "Unconfined"}, "appArmorProfile": {"type": "Unconfined"}})),
        pod(json!({"seLinuxOptions": {"level": "s0"}, "windowsOptions": {"runAsUserName": "x"}})),
        security(json!({"serviceAccountName": "admin", "securityContext": {}, "podSecurityContext": {"runAsUser": 0}})),
        json!({"runtime": {"health": probe}}),
        json!({"extraAnnotations": {"container.apparmor.security.beta.kubernetes.io/mcp-server": "unconfined"}}),
        json!({"extraLabels": {"app": "mine", "mcp-server": "mine", "team": "x"}}),
        json!({"source": {"containerImage": {"imagePullSecrets": [{"name": "registry"}]}}}),
        json!({"config": {"envFrom": [{"secretRef": {"name": "a"}}, {"configMapRef": {"name": "b"}}]}}),
        json!({"network": {"egressPorts": [{"port": 53}, {"port": "named", "protocol": "UDP"}]}}),
        json!({"network": {"ingressFrom": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}}),
        json!({"network": {"egressTo": [{"namespaceSelector": {}, "podSelector": {}}]}}),
    ]
}

#[test]
fn what_the_users_own_spec_asks_for_is_accepted() {
    for spec in &privileged_specs() {
        accepted(&inputs(spec));
    }
}

#[test]
fn what_the_default_plugin_renders_for_every_accepted_case_of_the_rules_is_accepted() {
    let mut count = 0;
    for case in cases::load() {
        if matches!(case.verdict, cases::Verdict::Accepted { .. }) {
            accepted(&inputs_of(&case.manifest));
            count += 1;
        }
    }
    assert!(count > 20, "only {count} cases");
}

/// What platform teams write policies for, and what a stricter policy does.
#[test]
fn what_policies_are_for_is_accepted() {
    let inputs = inputs(&json!({"config": {
        "storage": [{"path": "/s", "source": {"type": "Secret", "secret": {"secretName": "own"}}}],
    }}));
    let pod = "/spec/template/spec";
    let restricted = r#"{"allowPrivilegeEscalation": false, "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"}}"#;
    let sidecar = format!(r#"{{"name": "proxy", "image": "x", "securityContext": {restricted}}}"#);
    let changes = [
        ("workload", format!("{pod}/affinity"), r#"{"nodeAffinity": {}}"#),
        ("workload", format!("{pod}/tolerations"), r#"[{"operator": "Exists"}]"#),
        (
            "workload",
            format!("{pod}/topologySpreadConstraints"),
            r#"[{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]"#,
        ),
        ("workload", format!("{pod}/containers/-"), &sidecar),
        ("workload", format!("{pod}/initContainers/-"), &sidecar),
        ("workload", format!("{pod}/automountServiceAccountToken"), "false"),
        ("workload", format!("{pod}/runtimeClassName"), "\"gvisor\""),
        ("workload", format!("{pod}/securityContext"), r#"{"runAsUser": 1000, "runAsNonRoot": true}"#),
        ("workload", format!("{pod}/containers/0/securityContext/runAsUser"), "1000"),
        ("workload", format!("{pod}/containers/0/securityContext/capabilities/add"), r#"["NET_BIND_SERVICE"]"#),
        (
            "workload",
            format!("{pod}/containers/0/securityContext/seccompProfile"),
            r#"{"type": "Localhost", "localhostProfile": "x"}"#,
        ),
        (
            "workload",
            format!("{pod}/containers/0/env"),
            r#"[{"name": "T", "valueFrom": {"secretKeyRef": {"name": "own", "key": "k"}}}]"#,
        ),
        ("workload", format!("{pod}/volumes/-"), r#"{"name": "t", "emptyDir": {"sizeLimit": "1Gi"}}"#),
        ("workload", format!("{pod}/volumes/-"), r#"{"name": "c", "configMap": {"name": "any"}}"#),
        ("workload", format!("{pod}/volumes/-"), r#"{"name": "d", "downwardAPI": {"items": []}}"#),
        ("workload", "/metadata/labels/team".to_owned(), "\"x\""),
        ("workload", "/metadata/creationTimestamp".to_owned(), "null"),
        ("workload", "/metadata/namespace".to_owned(), "\"team-a\""),
        ("workload", "/spec/strategy".to_owned(), r#"{"type": "Recreate"}"#),
        ("workload", "/spec/replicas".to_owned(), "3"),
        ("service", "/metadata/annotations".to_owned(), r#"{"a": "b"}"#),
        ("service", "/spec/ports/-".to_owned(), r#"{"name": "metrics", "port": 9090}"#),
        ("network-policy", "/spec/egress".to_owned(), "[]"),
        ("network-policy", "/spec/ingress/0/from".to_owned(), r#"[{"podSelector": {}}]"#),
    ];
    for (slot, pointer, json) in changes {
        let value: Value = serde_json::from_str(json).unwrap();
        let outcome = vet_changed(&inputs, |objects| set(of_slot(objects, slot), &pointer, value));
        assert!(outcome.is_ok(), "{pointer} = {json}: {}", outcome.unwrap_err());
    }
}

#[test]
fn a_service_in_another_slot_needs_no_port_named_mcp() {
    let metrics = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "weather-metrics"},
        "spec": {"clusterIP": "None", "selector": {"mcp-server": "weather"}, "ports": [{"name": "metrics", "port": 9090}]},
    });
    let add = |objects: &mut Vec<Untrusted>| objects.push(Untrusted { slot: "metrics".into(), object: metrics });
    assert_eq!(vet_changed(&inputs(&json!({})), add).unwrap().objects().len(), 4);
}

#[test]
fn a_server_may_go_without_a_service() {
    let vetted = vet_changed(&inputs(&json!({})), |objects| objects.retain(|object| object.slot != "service"));
    assert_eq!(vetted.unwrap().objects().len(), 2);
}

/// Objects that a stage hands on may be of kinds that it does not declare, though nulls are gone on the way.
#[test]
fn a_stage_hands_on_what_it_does_not_declare() {
    let inputs = inputs(&json!({}));
    let mut rendered = render::chain(&inputs).unwrap();
    set(of_slot(&mut rendered.stages_mut()[0].objects, "service"), "/metadata/creationTimestamp", Value::Null);
    let mut second = render::chain(&inputs).unwrap().into_stages().remove(0);
    second.emits.retain(|kind| kind.kind == "Deployment");
    rendered.stages_mut().push(second);
    assert_eq!(vet(&inputs, rendered).unwrap().objects().len(), 3);
}

#[test]
fn the_host_stamps_namespace_owner_and_labels_and_digests_what_is_applied() {
    let vetted = accepted(&inputs(&json!({})));
    for object in vetted.objects() {
        let metadata = &object.manifest()["metadata"];
        assert_eq!(metadata["namespace"], "team-a");
        let owner = json!([{"apiVersion": "mcp.x-k8s.io/v1beta1", "kind": "MCPServer", "name": "weather",
            "uid": "uid-of-weather", "controller": true, "blockOwnerDeletion": true}]);
        assert_eq!(metadata["ownerReferences"], owner);
        assert_eq!(metadata["labels"], json!({"app": "mcp-server", "mcp-server": "weather"}));
        assert_eq!(object.digest(), canonical::digest(object.manifest()));
    }
}
