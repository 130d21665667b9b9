//! One line per attack: what is changed, and at which path it is refused with which words.

use super::*;

/// Slot, place, JSON, path of the refusal, words in the message.
type Attack = (&'static str, &'static str, &'static str, &'static str, &'static str);

const POD: &str = "/spec/template/spec";
const CONTAINER: &str = "/spec/template/spec/containers/0";

/// Changes below the pod's spec, on a server that asks for nothing but one Secret as a volume and one in `env`.
const POD_ATTACKS: &[Attack] = &[
    ("workload", "/hostNetwork", "true", "hostNetwork", "must not be true"),
    ("workload", "/hostPID", "true", "hostPID", "must not be true"),
    ("workload", "/hostIPC", "true", "hostIPC", "must not be true"),
    ("workload", "/nodeName", "\"node-1\"", "nodeName", "scheduler"),
    ("workload", "/serviceAccountName", "\"admin\"", "serviceAccountName", "spec.runtime.security.serviceAccountName"),
    ("workload", "/serviceAccount", "\"admin\"", "serviceAccount", "spec.runtime.security.serviceAccountName"),
    ("workload", "/imagePullSecrets", r#"[{"name": "x"}]"#, "imagePullSecrets[0]", "not in the server's spec"),
    ("workload", "/ephemeralContainers", r#"[{"name": "x"}]"#, "ephemeralContainers", "cannot be in a template"),
    ("workload", "/securityContext/runAsNonRoot", "false", "securityContext.runAsNonRoot", "must not be false"),
    ("workload", "/securityContext/runAsUser", "0", "securityContext.runAsUser", "must not be 0"),
    ("workload", "/securityContext/sysctls", r#"[{"name": "a", "value": "b"}]"#, "securityContext.sysctls", "not in"),
    ("workload", "/securityContext/seccompProfile", r#"{"type": "Unconfined"}"#, "securityContext.seccompProfile", ""),
    (
        "workload",
        "/securityContext/appArmorProfile",
        r#"{"type": "Unconfined"}"#,
        "securityContext.appArmorProfile",
        "",
    ),
    ("workload", "/securityContext/seLinuxOptions", r#"{"type": "x"}"#, "securityContext.seLinuxOptions", "not those"),
    ("workload", "/securityContext/windowsOptions", r#"{"hostProcess": true}"#, "securityContext.windowsOptions", ""),
    ("workload", "/volumes/-", r#"{"name": "h", "hostPath": {"path": "/"}}"#, "volumes[1].hostPath", "needs the grant"),
    ("workload", "/volumes/-", r#"{"name": "c", "csi": {"driver": "x"}}"#, "volumes[1].csi", "needs the grant"),
    (
        "workload",
        "/volumes/-",
        r#"{"name": "n", "nfs": {"path": "/", "server": "x"}}"#,
        "volumes[1].nfs",
        "needs the grant",
    ),
    (
        "workload",
        "/volumes/-",
        r#"{"name": "p", "persistentVolumeClaim": {"claimName": "x"}}"#,
        "volumes[1].persistentVolumeClaim.claimName",
        "needs a grant",
    ),
    (
        "workload",
        "/volumes/-",
        r#"{"name": "s", "secret": {"secretName": "foreign"}}"#,
        "volumes[1].secret.secretName",
        "does not refer to this Secret",
    ),
    (
        "workload",
        "/volumes/-",
        r#"{"name": "p", "projected": {"sources": [{"configMap": {"name": "a"}}, {"secret": {"name": "foreign"}}]}}"#,
        "volumes[1].projected.sources[1].secret.name",
        "does not refer to this Secret",
    ),
    (
        "workload",
        "/volumes/-",
        r#"{"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}"#,
        "volumes[1].projected.sources[0].serviceAccountToken",
        "needs the grant",
    ),
    (
        "workload",
        "/containers/-",
        r#"{"name": "helper"}"#,
        "containers[1].securityContext.allowPrivilegeEscalation",
        "",
    ),
    (
        "workload",
        "/initContainers",
        r#"[{"name": "mcp-server", "securityContext": {"privileged": true}}]"#,
        "initContainers[0].securityContext.privileged",
        "must not be true",
    ),
];

/// Changes below the server's container.
const CONTAINER_ATTACKS: &[Attack] = &[
    ("workload", "/securityContext/privileged", "true", "securityContext.privileged", "must not be true"),
    (
        "workload",
        "/securityContext/allowPrivilegeEscalation",
        "true",
        "securityContext.allowPrivilegeEscalation",
        "must be false",
    ),
    ("workload", "/securityContext", "null", "securityContext.allowPrivilegeEscalation", "must be false"),
    (
        "workload",
        "/securityContext/readOnlyRootFilesystem",
        "false",
        "securityContext.readOnlyRootFilesystem",
        "must stay true",
    ),
    (
        "workload",
        "/securityContext/capabilities/add",
        r#"["NET_BIND_SERVICE", "SYS_ADMIN"]"#,
        "securityContext.capabilities.add",
        "must not have SYS_ADMIN",
    ),
    (
        "workload",
        "/securityContext/capabilities/drop",
        r#"["NET_RAW"]"#,
        "securityContext.capabilities.drop",
        "must have ALL",
    ),
    ("workload", "/securityContext/runAsNonRoot", "null", "securityContext.runAsNonRoot", "must be true"),
    ("workload", "/securityContext/runAsUser", "0", "securityContext.runAsUser", "must not be 0"),
    ("workload", "/securityContext/procMount", "\"Unmasked\"", "securityContext.procMount", "must be Default"),
    ("workload", "/securityContext/seccompProfile", "null", "securityContext.seccompProfile", "RuntimeDefault"),
    (
        "workload",
        "/securityContext/seccompProfile/type",
        "\"Unconfined\"",
        "securityContext.seccompProfile",
        "RuntimeDefault",
    ),
    (
        "workload",
        "/securityContext/appArmorProfile",
        r#"{"type": "Unconfined"}"#,
        "securityContext.appArmorProfile",
        "RuntimeDefault",
    ),
    ("workload", "/securityContext/seLinuxOptions", r#"{"user": "x"}"#, "securityContext.seLinuxOptions", ""),
    ("workload", "/ports/0/hostPort", "80", "ports", "hostPort"),
    ("workload", "/imagePullpolicy", "\"Always\"", "imagePullpolicy", "check its spelling"),
    ("workload", "/ports/0/containerPort", "\"many\"", "ports[0].containerPort", "invalid type"),
    (
        "workload",
        "/env/-",
        r#"{"name": "X", "valueFrom": {"secretKeyRef": {"name": "foreign", "key": "k"}}}"#,
        "env[1].valueFrom.secretKeyRef.name",
        "does not refer to this Secret",
    ),
    (
        "workload",
        "/envFrom",
        r#"[{"secretRef": {"name": "foreign"}}]"#,
        "envFrom[0].secretRef.name",
        "does not refer to this Secret",
    ),
    (
        "workload",
        "/readinessProbe/tcpSocket/host",
        "\"169.254.169.254\"",
        "readinessProbe.tcpSocket.host",
        "must be unset",
    ),
    (
        "workload",
        "/lifecycle",
        r#"{"preStop": {"httpGet": {"host": "10.0.0.1", "port": 80}}}"#,
        "lifecycle.preStop.httpGet.host",
        "must be unset",
    ),
];

/// Changes anywhere in an object.
const OBJECT_ATTACKS: &[Attack] = &[
    ("workload", "/kind", "\"DaemonSet\"", "kind", "apps/v1 DaemonSet is never a plugin's to write"),
    (
        "workload",
        "/apiVersion",
        "\"apps/v1beta1\"",
        "kind",
        "apps/v1beta1 Deployment can be had in another version only",
    ),
    ("workload", "/kind", "7", "kind", "is missing or not text"),
    ("service", "/metadata", "null", "metadata", "is missing"),
    ("service", "/metadata/name", "\"other\"", "metadata.name", "must be weather or begin with weather-"),
    ("service", "/metadata/name", "\"weatherman\"", "metadata.name", "must be weather or begin with weather-"),
    ("service", "/metadata/name", "\"weather-Ä\"", "metadata.name", "lower-case"),
    ("service", "/metadata/name", "\"weather-\"", "metadata.name", "lower-case"),
    ("service", "/metadata/name", "7", "metadata.name", "not text"),
    ("service", "/metadata/namespace", "\"kube-system\"", "metadata.namespace", "own namespace team-a"),
    ("service", "/metadata/ownerReferences", r#"[{"uid": "other"}]"#, "metadata.ownerReferences", "set by the host"),
    ("service", "/metadata/finalizers", r#"["x.example.com/y"]"#, "metadata.finalizers", "set by the host"),
    ("service", "/metadata/generateName", "\"weather-\"", "metadata.generateName", "set by the host"),
    ("service", "/metadata/uid", "\"u\"", "metadata.uid", "set by the host"),
    ("service", "/metadata/managedFields", "[]", "metadata.managedFields", "set by the host"),
    ("service", "/metadata/labels/app", "\"other\"", "metadata.labels[app]", "must be mcp-server"),
    ("service", "/metadata/labels/mcp-server", "\"other\"", "metadata.labels[mcp-server]", "must be weather"),
    ("service", "/status", r#"{"loadBalancer": {}}"#, "status", "set by the API server"),
    ("service", "/spec/sesionAffinity", "\"None\"", "spec.sesionAffinity", "check its spelling"),
    ("service", "/spec/selector/mcp-server", "\"other\"", "spec.selector", "finds this server's pods and no other"),
    ("service", "/spec/selector/more", "\"x\"", "spec.selector", "finds this server's pods and no other"),
    ("service", "/spec/type", "\"LoadBalancer\"", "spec.type", "must be ClusterIP"),
    ("service", "/spec/type", "\"NodePort\"", "spec.type", "must be ClusterIP"),
    ("service", "/spec/type", "\"ExternalName\"", "spec.type", "must be ClusterIP"),
    ("service", "/spec/externalIPs", r#"["8.8.8.8"]"#, "spec.externalIPs", "must be empty"),
    ("service", "/spec/ports/0/name", "\"http\"", "spec.ports", "needs a port named mcp"),
    ("service", "/spec/ports/0/port", "80", "spec.ports[0].port", "must be 8080"),
    ("workload", "/spec/selector/matchLabels/mcp-server", "\"other\"", "spec.selector", "a selector cannot change"),
    ("workload", "/spec/selector/matchLabels/more", "\"x\"", "spec.selector", "a selector cannot change"),
    (
        "workload",
        "/spec/template/metadata/labels/mcp-server",
        "\"other\"",
        "spec.template.metadata.labels[mcp-server]",
        "must be weather",
    ),
    (
        "workload",
        "/spec/template/metadata/finalizers",
        r#"["x.example.com/y"]"#,
        "spec.template.metadata.finalizers",
        "not for templates",
    ),
    ("workload", "/spec/template/metadata/namespace", "\"x\"", "spec.template.metadata.namespace", "not for templates"),
    (
        "workload",
        "/spec/template/metadata/annotations",
        r#"{"container.apparmor.security.beta.kubernetes.io/mcp-server": "unconfined"}"#,
        "spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/mcp-server]",
        "use securityContext",
    ),
    ("workload", "/spec/template/spec", "null", "spec.template.spec", "is missing"),
    ("network-policy", "/spec/podSelector", "{}", "spec.podSelector", "protects this server"),
    ("network-policy", "/spec/podSelector/matchLabels/mcp-server", "\"x\"", "spec.podSelector", "protects this server"),
    ("network-policy", "/spec/policyTypes", r#"["Ingress"]"#, "spec.policyTypes", "both Ingress and Egress"),
    ("network-policy", "/spec/policyTypes", "null", "spec.policyTypes", "both Ingress and Egress"),
    (
        "network-policy",
        "/spec/ingress/0/ports",
        "null",
        "spec.ingress[0]",
        "widening the policy needs the grant networkPolicy: Any",
    ),
    ("network-policy", "/spec/ingress/0/ports/0/endPort", "9000", "spec.ingress[0]", "widening"),
    ("network-policy", "/spec/ingress/0/ports/-", r#"{"port": 22, "protocol": "TCP"}"#, "spec.ingress[0]", "widening"),
    ("network-policy", "/spec/ingress/-", "{}", "spec.ingress[1]", "widening"),
];

fn assert_refused(inputs: &Inputs, attacks: &[Attack], place: &str, path: &str) {
    for (slot, pointer, json, refused_at, words) in attacks {
        let pointer = format!("{place}{pointer}");
        let value = serde_json::from_str(json).unwrap();
        let outcome = vet_changed(inputs, |objects| set(of_slot(objects, slot), &pointer, value));
        let rejection = outcome.map(|_| ()).expect_err(&format!("{slot}: {pointer} = {json} was accepted"));
        let (message, refused_at) = (rejection.to_string(), format!("{path}{refused_at}"));
        assert_eq!(rejection.path(), Some(refused_at.as_str()), "{slot}: {pointer} = {json}: {message}");
        assert!(message.contains(words), "{slot}: {pointer} = {json}: {message}");
        assert!(message.starts_with(&format!("plugin default, slot {slot} (")), "{message}");
    }
}

fn server_with_secrets() -> Inputs {
    inputs(&json!({"config": {
        "storage": [{"path": "/s", "source": {"type": "Secret", "secret": {"secretName": "own"}}}],
        "env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "own-too", "key": "k"}}}],
    }}))
}

#[test]
fn every_attack_on_an_object_is_refused_at_its_path() {
    let inputs = server_with_secrets();
    assert_refused(&inputs, OBJECT_ATTACKS, "", "");
    assert_refused(&inputs, POD_ATTACKS, POD, "spec.template.spec.");
    assert_refused(&inputs, CONTAINER_ATTACKS, CONTAINER, "spec.template.spec.containers[0].");
}

/// Attacks on the set of objects: what is done, words in the message.
type SetAttack = (fn(&mut Vec<Untrusted>), &'static str);

const SET_ATTACKS: &[SetAttack] = &[
    (
        |objects| objects.retain(|object| object.slot != "workload"),
        "slot workload is missing: every server has a Deployment",
    ),
    (|objects| objects.retain(|object| object.slot != "network-policy"), "slot network-policy is missing"),
    (Vec::clear, "slot workload is missing"),
    (|objects| copy(objects, "workload", "second", "weather-2"), "is a second workload"),
    (|objects| copy(objects, "workload", "workload", "weather-2"), "slot workload appears twice"),
    (|objects| copy(objects, "service", "again", "weather"), "Service weather appears twice"),
    (
        |objects| {
            let [service, policy] = ["service", "network-policy"].map(|slot| of_slot(objects, slot).clone());
            *of_slot(objects, "service") = policy;
            *of_slot(objects, "network-policy") = service;
        },
        "slot service holds a NetworkPolicy; it must hold a Service",
    ),
    (
        |objects| {
            let object = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": {"name": "weather-admin"},
            });
            objects.push(Untrusted { slot: "extra".into(), object });
        },
        "slot extra (ClusterRoleBinding weather-admin), kind: rbac.authorization.k8s.io/v1 ClusterRoleBinding is never a plugin's to write",
    ),
    (
        |objects| {
            let many = "x".repeat(600 << 10);
            for slot in ["service", "workload"] {
                set(of_slot(objects, slot), "/metadata/annotations/a", json!(many));
            }
        },
        "1048576 are allowed",
    ),
];

fn copy(objects: &mut Vec<Untrusted>, from: &str, slot: &str, name: &str) {
    let mut object = of_slot(objects, from).clone();
    object["metadata"]["name"] = json!(name);
    objects.push(Untrusted { slot: slot.to_owned(), object });
}

#[test]
fn every_attack_on_the_set_of_objects_is_refused() {
    let inputs = inputs(&json!({}));
    for (index, (change, words)) in SET_ATTACKS.iter().enumerate() {
        let outcome = vet_changed(&inputs, change);
        let message = outcome.map(|_| ()).expect_err(&format!("attack {index} was accepted")).to_string();
        assert!(message.contains(words), "attack {index}: {message}");
    }
}

#[test]
fn a_network_policy_that_the_spec_narrows_cannot_be_widened() {
    let peer = |app: &str| json!({"podSelector": {"matchLabels": {"app": app}}});
    let inputs = inputs(&json!({"network": {
        "ingressFrom": [peer("client")], "egressTo": [peer("database")],
        "egressPorts": [{"port": 5432, "protocol": "TCP"}], "dnsEgressPeer": peer("dns"),
    }}));
    let attacks: &[Attack] = &[
        ("network-policy", "/spec/ingress/0/from", "null", "spec.ingress[0]", "widening"),
        ("network-policy", "/spec/ingress/0/from", "[]", "spec.ingress[0]", "widening"),
        ("network-policy", "/spec/ingress/0/from/-", r#"{"namespaceSelector": {}}"#, "spec.ingress[0]", "widening"),
        ("network-policy", "/spec/ingress/0/from/0/podSelector", "{}", "spec.ingress[0]", "widening"),
        ("network-policy", "/spec/ingress/0/from/0/namespaceSelector", "{}", "spec.ingress[0]", "widening"),
        ("network-policy", "/spec/egress/0/to", "null", "spec.egress[0]", "widening"),
        ("network-policy", "/spec/egress/0/ports/0/port", "443", "spec.egress[0]", "widening"),
        ("network-policy", "/spec/egress/1/ports", "null", "spec.egress[1]", "widening"),
        ("network-policy", "/spec/egress/1/to", "null", "spec.egress[1]", "widening"),
        ("network-policy", "/spec/egress/-", "{}", "spec.egress[2]", "widening"),
    ];
    assert_refused(&inputs, attacks, "", "");
    let wide = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "weather-wide"},
        "spec": {"podSelector": {"matchLabels": {"mcp-server": "weather"}}, "policyTypes": ["Ingress", "Egress"],
                 "egress": [{}]},
    });
    let second = vet_changed(&inputs, |objects| objects.push(Untrusted { slot: "wide".into(), object: wide }));
    assert_eq!(second.unwrap_err().path(), Some("spec.egress[0]"));
}

#[test]
fn a_restriction_that_the_user_asked_for_cannot_be_taken_away() {
    let container = json!({"capabilities": {"drop": ["NET_RAW"]}, "runAsUser": 1000, "readOnlyRootFilesystem": true,
        "seLinuxOptions": {"level": "s0:c1"}, "appArmorProfile": {"type": "Localhost", "localhostProfile": "mine"}});
    let pod = json!({"seccompProfile": {"type": "Localhost", "localhostProfile": "mine.json"}});
    let security = json!({"serviceAccountName": "weather", "securityContext": container, "podSecurityContext": pod});
    let inputs = inputs(&json!({"runtime": {"security": security}}));
    let attacks: &[Attack] = &[
        ("workload", "/capabilities/drop", "[]", "capabilities.drop", "must have NET_RAW"),
        ("workload", "/runAsUser", "null", "runAsUser", "the image may run as root"),
        ("workload", "/readOnlyRootFilesystem", "null", "readOnlyRootFilesystem", "must stay true"),
        ("workload", "/seLinuxOptions", "null", "seLinuxOptions", "those of the server's spec"),
        ("workload", "/appArmorProfile", "null", "appArmorProfile", "that of the server's spec"),
        ("workload", "/appArmorProfile/localhostProfile", "\"lax\"", "appArmorProfile", "that of the server's spec"),
        ("workload", "/seccompProfile", r#"{"type": "RuntimeDefault"}"#, "seccompProfile", "that of the server's spec"),
        ("workload", "/privileged", "true", "privileged", "must not be true"),
    ];
    let place = format!("{CONTAINER}/securityContext");
    assert_refused(&inputs, attacks, &place, "spec.template.spec.containers[0].securityContext.");
    let inherited: &[Attack] = &[
        ("workload", "/securityContext", "null", "containers[0].securityContext.seccompProfile", "must be"),
        ("workload", "/serviceAccountName", "null", "serviceAccountName", "must not be dropped"),
    ];
    assert_refused(&inputs, inherited, POD, "spec.template.spec.");
}

#[test]
fn rights_of_the_users_container_are_not_those_of_another() {
    let context = json!({"privileged": true, "runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}});
    let inputs = inputs(&json!({"runtime": {"security": {"securityContext": context}}}));
    let sidecar = json!({"name": "helper", "securityContext": context});
    let added = vet_changed(&inputs, |objects| {
        set(of_slot(objects, "workload"), &format!("{POD}/containers/-"), sidecar.clone());
    });
    let refused_at = "spec.template.spec.containers[1].securityContext.privileged";
    assert_eq!(added.unwrap_err().path(), Some(refused_at));
    let initial = vet_changed(&inputs, |objects| {
        let container = json!({"name": "mcp-server", "securityContext": {"runAsUser": 0}});
        set(of_slot(objects, "workload"), &format!("{POD}/initContainers"), json!([container]));
    });
    assert!(initial.unwrap_err().path().unwrap().starts_with("spec.template.spec.initContainers[0].securityContext."));
}

#[test]
fn a_stage_in_the_middle_is_judged_and_blamed() {
    let inputs = inputs(&json!({}));
    let mut rendered = render::chain(&inputs).unwrap();
    let mut greedy = render::chain(&inputs).unwrap().into_stages().remove(0);
    greedy.stage = "greedy".into();
    set(of_slot(&mut greedy.objects, "workload"), &format!("{POD}/hostPID"), json!(true));
    rendered.stages_mut().insert(0, greedy);
    let message = vet(&inputs, rendered).unwrap_err().to_string();
    assert!(message.starts_with("plugin greedy, slot workload (Deployment weather), "), "{message}");
}
