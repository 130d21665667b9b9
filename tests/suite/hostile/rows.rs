//! The table: what the plugin answers for a server, and how that is refused.

use cluster_tests::manifests;
use serde_json::{Value, json};

use super::answer::Answer;

/// One answer to one server.
pub struct Row {
    /// What it is about; the server's name as well.
    pub name: &'static str,
    /// What is different from the default plugin's answer.
    pub change: fn(&mut Answer),
    /// What becomes of it.
    pub verdict: Verdict,
    spec: &'static str,
}

/// What becomes of an answer.
pub enum Verdict {
    /// Nothing is written for the server.
    Refused {
        /// The reason of the condition `Rendered`.
        reason: &'static str,
        /// What follows the plugin's name in the message: slot, object, path, and what is wrong. `NAME` is the server's name.
        message: &'static str,
    },
    /// It is applied: the server's own spec asks for it.
    Allowed,
}

impl Row {
    pub fn is_allowed(&self) -> bool {
        matches!(self.verdict, Verdict::Allowed)
    }

    /// The reason of its refusal.
    pub fn reason(&self) -> &'static str {
        match self.verdict {
            Verdict::Refused { reason, .. } => reason,
            Verdict::Allowed => "",
        }
    }

    /// Its server. It has no pods: they would take time, and nothing here is about them.
    pub fn server(&self) -> Value {
        let mut spec: Value = serde_json::from_str(self.spec).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        json_patch::merge(&mut spec, &json!({ "runtime": { "replicas": 0 } }));
        manifests::server(self.name, &spec)
    }
}

/// Vetting refuses it.
const fn row(name: &'static str, change: fn(&mut Answer), message: &'static str) -> Row {
    Row { name, change, verdict: Verdict::Refused { reason: "RenderRejected", message }, spec: "{}" }
}

/// The sandbox does not even take it for an answer.
const fn nonsense(name: &'static str, change: fn(&mut Answer), message: &'static str) -> Row {
    Row { name, change, verdict: Verdict::Refused { reason: "RenderFailed", message }, spec: "{}" }
}

/// The server has this spec.
const fn with(spec: &'static str, row: Row) -> Row {
    Row { spec, ..row }
}

/// The server has this spec, and the answer may be applied.
const fn allowed(name: &'static str, spec: &'static str, change: fn(&mut Answer)) -> Row {
    Row { name, change, verdict: Verdict::Allowed, spec }
}

/// What no plugin gets without a grant, and what no plugin gets at all.
pub fn all() -> Vec<Row> {
    let parts =
        [pods(), security(), identity(), metadata(), selectors(), network(), kinds(), sets(), forms(), own_spec()];
    parts.into_iter().flatten().collect()
}

/// The node.
fn pods() -> Vec<Row> {
    vec![
        row(
            "host-path",
            |a| a.pod("/volumes", r#"[{"name": "h", "hostPath": {"path": "/"}}]"#),
            ", slot workload (Deployment NAME), spec.template.spec.volumes[0].hostPath: a volume of this type needs the grant podSecurity: Privileged",
        ),
        row(
            "host-network",
            |a| a.pod("/hostNetwork", "true"),
            ", slot workload (Deployment NAME), spec.template.spec.hostNetwork: must not be true",
        ),
        row(
            "host-pid",
            |a| a.pod("/hostPID", "true"),
            ", slot workload (Deployment NAME), spec.template.spec.hostPID: must not be true",
        ),
        row(
            "host-ipc",
            |a| a.pod("/hostIPC", "true"),
            ", slot workload (Deployment NAME), spec.template.spec.hostIPC: must not be true",
        ),
        row(
            "host-port",
            |a| a.container("/ports/0/hostPort", "80"),
            ", slot workload (Deployment NAME), spec.template.spec.containers[0].ports: must not have a hostPort",
        ),
        row(
            "host-of-a-probe",
            |a| a.container("/readinessProbe/tcpSocket/host", r#""169.254.169.254""#),
            ", slot workload (Deployment NAME), spec.template.spec.containers[0].readinessProbe.tcpSocket.host: must be unset",
        ),
        row(
            "node-name",
            |a| a.pod("/nodeName", r#""node-1""#),
            ", slot workload (Deployment NAME), spec.template.spec.nodeName: would pass the scheduler by",
        ),
        row(
            "nfs-volume",
            |a| a.pod("/volumes", r#"[{"name": "n", "nfs": {"path": "/", "server": "x"}}]"#),
            ", slot workload (Deployment NAME), spec.template.spec.volumes[0].nfs: a volume of this type needs the grant",
        ),
    ]
}

/// What pods may do.
fn security() -> Vec<Row> {
    vec![
        row(
            "privileged",
            |a| a.container("/securityContext/privileged", "true"),
            ", slot workload (Deployment NAME), spec.template.spec.containers[0].securityContext.privileged: must not be true",
        ),
        row(
            "added-capability",
            |a| a.container("/securityContext/capabilities/add", r#"["SYS_ADMIN"]"#),
            ", slot workload (Deployment NAME), spec.template.spec.containers[0].securityContext.capabilities.add: must not have SYS_ADMIN",
        ),
        row(
            "kept-capabilities",
            |a| a.container("/securityContext/capabilities/drop", "[]"),
            ", slot workload (Deployment NAME), spec.template.spec.containers[0].securityContext.capabilities.drop: must have ALL",
        ),
        row(
            "privilege-escalation",
            |a| a.container("/securityContext/allowPrivilegeEscalation", "true"),
            ", slot workload (Deployment NAME), spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation: must be false",
        ),
        row(
            "root-user",
            |a| a.pod("/securityContext/runAsUser", "0"),
            ", slot workload (Deployment NAME), spec.template.spec.securityContext.runAsUser: must not be 0",
        ),
        row(
            "writable-root",
            |a| a.container("/securityContext/readOnlyRootFilesystem", "false"),
            ", slot workload (Deployment NAME), spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem: must stay true",
        ),
        row(
            "unconfined",
            |a| a.container("/securityContext/seccompProfile/type", r#""Unconfined""#),
            ", slot workload (Deployment NAME), spec.template.spec.containers[0].securityContext.seccompProfile: must be RuntimeDefault",
        ),
        row(
            "no-security-context",
            |a| a.container("/securityContext", "null"),
            ", slot workload (Deployment NAME), spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation: must be false",
        ),
        row(
            "unrestricted-sidecar",
            |a| a.pod("/containers/-", r#"{"name": "helper", "image": "x"}"#),
            ", slot workload (Deployment NAME), spec.template.spec.containers[1].securityContext.allowPrivilegeEscalation: must be false",
        ),
        row(
            "privileged-start",
            |a| {
                a.pod(
                    "/initContainers",
                    r#"[{"name": "mcp-server", "image": "x", "securityContext": {"privileged": true}}]"#,
                );
            },
            ", slot workload (Deployment NAME), spec.template.spec.initContainers[0].securityContext.privileged: must not be true",
        ),
        row(
            "sysctl",
            |a| a.pod("/securityContext/sysctls", r#"[{"name": "kernel.shm_rmid_forced", "value": "0"}]"#),
            ", slot workload (Deployment NAME), spec.template.spec.securityContext.sysctls: are not in the server's spec",
        ),
    ]
}

/// Whose accounts and Secrets pods use.
fn identity() -> Vec<Row> {
    vec![
        row(
            "service-account",
            |a| a.pod("/serviceAccountName", r#""admin""#),
            ", slot workload (Deployment NAME), spec.template.spec.serviceAccountName: must be what spec.runtime.security.serviceAccountName of the server says",
        ),
        row(
            "service-account-by-its-old-name",
            |a| a.pod("/serviceAccount", r#""admin""#),
            ", slot workload (Deployment NAME), spec.template.spec.serviceAccount: must be what spec.runtime.security.serviceAccountName of the server says",
        ),
        with(
            r#"{"runtime": {"security": {"serviceAccountName": "own"}}}"#,
            row(
                "another-service-account",
                |a| a.pod("/serviceAccountName", r#""admin""#),
                ", slot workload (Deployment NAME), spec.template.spec.serviceAccountName: must be what spec.runtime.security.serviceAccountName of the server says",
            ),
        ),
        with(
            r#"{"runtime": {"security": {"serviceAccountName": "own"}}}"#,
            row(
                "dropped-service-account",
                |a| a.pod("/serviceAccountName", "null"),
                ", slot workload (Deployment NAME), spec.template.spec.serviceAccountName: the server's spec names one; it must not be dropped",
            ),
        ),
        row(
            "service-account-token",
            |a| {
                a.pod(
                    "/volumes",
                    r#"[{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]"#,
                );
            },
            ", slot workload (Deployment NAME), spec.template.spec.volumes[0].projected.sources[0].serviceAccountToken: a projection of this type needs the grant",
        ),
        row(
            "pull-secret",
            |a| a.pod("/imagePullSecrets", r#"[{"name": "other"}]"#),
            ", slot workload (Deployment NAME), spec.template.spec.imagePullSecrets[0]: is not in the server's spec",
        ),
        row(
            "secret-as-volume",
            |a| a.pod("/volumes", r#"[{"name": "s", "secret": {"secretName": "other"}}]"#),
            ", slot workload (Deployment NAME), spec.template.spec.volumes[0].secret.secretName: the server's spec does not refer to this Secret",
        ),
        row(
            "secret-as-variable",
            |a| a.container("/env", r#"[{"name": "X", "valueFrom": {"secretKeyRef": {"name": "other", "key": "k"}}}]"#),
            ", slot workload (Deployment NAME), spec.template.spec.containers[0].env[0].valueFrom.secretKeyRef.name: the server's spec does not refer to this Secret",
        ),
        row(
            "secret-as-variables",
            |a| a.container("/envFrom", r#"[{"secretRef": {"name": "other"}}]"#),
            ", slot workload (Deployment NAME), spec.template.spec.containers[0].envFrom[0].secretRef.name: the server's spec does not refer to this Secret",
        ),
        row(
            "claim-of-others",
            |a| a.pod("/volumes", r#"[{"name": "c", "persistentVolumeClaim": {"claimName": "other"}}]"#),
            ", slot workload (Deployment NAME), spec.template.spec.volumes[0].persistentVolumeClaim.claimName: must be one that the plugin returns besides",
        ),
    ]
}

/// Where objects are, whose they are, and what only the API server says.
fn metadata() -> Vec<Row> {
    vec![
        row(
            "other-namespace",
            |a| a.set("service", "/metadata/namespace", r#""kube-system""#),
            ", slot service (Service NAME), metadata.namespace: must be the server's own namespace",
        ),
        row(
            "other-owner",
            |a| {
                a.set(
                    "service",
                    "/metadata/ownerReferences",
                    r#"[{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u"}]"#,
                );
            },
            ", slot service (Service NAME), metadata.ownerReferences: is set by the host or the API server alone",
        ),
        row(
            "finalizers",
            |a| a.set("service", "/metadata/finalizers", r#"["example.com/stay"]"#),
            ", slot service (Service NAME), metadata.finalizers: is set by the host or the API server alone",
        ),
        row(
            "managed-fields",
            |a| a.set("service", "/metadata/managedFields", "[]"),
            ", slot service (Service NAME), metadata.managedFields: is set by the host or the API server alone",
        ),
        row(
            "uid",
            |a| a.set("service", "/metadata/uid", r#""u""#),
            ", slot service (Service NAME), metadata.uid: is set by the host or the API server alone",
        ),
        row(
            "resource-version",
            |a| a.set("service", "/metadata/resourceVersion", r#""1""#),
            ", slot service (Service NAME), metadata.resourceVersion: is set by the host or the API server alone",
        ),
        row(
            "generated-name",
            |a| a.set("service", "/metadata/generateName", r#""x-""#),
            ", slot service (Service NAME), metadata.generateName: is set by the host or the API server alone",
        ),
        row(
            "deletion",
            |a| a.set("service", "/metadata/deletionTimestamp", r#""2026-01-01T00:00:00Z""#),
            ", slot service (Service NAME), metadata.deletionTimestamp: is set by the host or the API server alone",
        ),
        row(
            "status",
            |a| a.set("workload", "/status", r#"{"readyReplicas": 7}"#),
            ", slot workload (Deployment NAME), status: is set by the API server alone",
        ),
        row(
            "name-of-another",
            |a| a.set("service", "/metadata/name", r#""bystander""#),
            ", slot service (Service bystander), metadata.name: must be NAME or begin with NAME-",
        ),
        row(
            "longer-name",
            |a| a.set("service", "/metadata/name", r#""longer-names""#),
            ", slot service (Service longer-names), metadata.name: must be NAME or begin with NAME-",
        ),
        row(
            "shorter-name",
            |a| a.set("service", "/metadata/name", r#""shorter""#),
            ", slot service (Service shorter), metadata.name: must be NAME or begin with NAME-",
        ),
        row(
            "label-of-another",
            |a| a.set("service", "/metadata/labels/mcp-server", r#""bystander""#),
            ", slot service (Service NAME), metadata.labels[mcp-server]: must be NAME",
        ),
        row(
            "finalizers-of-pods",
            |a| a.set("workload", "/spec/template/metadata/finalizers", r#"["example.com/stay"]"#),
            ", slot workload (Deployment NAME), spec.template.metadata.finalizers: is not for templates",
        ),
    ]
}

/// Which pods are meant.
fn selectors() -> Vec<Row> {
    vec![
        row(
            "pods-of-another",
            |a| a.set("service", "/spec/selector/mcp-server", r#""bystander""#),
            ", slot service (Service NAME), spec.selector: must be {\"mcp-server\":\"NAME\"}",
        ),
        row(
            "service-for-all",
            |a| a.set("service", "/spec/selector", "{}"),
            ", slot service (Service NAME), spec.selector: must be {\"mcp-server\":\"NAME\"}",
        ),
        row(
            "workload-selector",
            |a| a.set("workload", "/spec/selector/matchLabels/mcp-server", r#""bystander""#),
            ", slot workload (Deployment NAME), spec.selector: must be {\"matchLabels\":{\"mcp-server\":\"NAME\"}}",
        ),
        row(
            "further-selector",
            |a| a.set("workload", "/spec/selector/matchLabels/more", r#""x""#),
            ", slot workload (Deployment NAME), spec.selector: must be {\"matchLabels\":{\"mcp-server\":\"NAME\"}}",
        ),
        row(
            "pods-labelled-as-another",
            |a| a.set("workload", "/spec/template/metadata/labels/mcp-server", r#""bystander""#),
            ", slot workload (Deployment NAME), spec.template.metadata.labels[mcp-server]: must be NAME",
        ),
        row(
            "policy-for-another",
            |a| a.set("network-policy", "/spec/podSelector/matchLabels/mcp-server", r#""bystander""#),
            ", slot network-policy (NetworkPolicy NAME), spec.podSelector: must be {\"matchLabels\":{\"mcp-server\":\"NAME\"}}",
        ),
        row(
            "policy-for-all",
            |a| a.set("network-policy", "/spec/podSelector", "{}"),
            ", slot network-policy (NetworkPolicy NAME), spec.podSelector: must be {\"matchLabels\":{\"mcp-server\":\"NAME\"}}",
        ),
    ]
}

/// Who is let in, and where to.
fn network() -> Vec<Row> {
    vec![
        row(
            "load-balancer",
            |a| a.set("service", "/spec/type", r#""LoadBalancer""#),
            ", slot service (Service NAME), spec.type: must be ClusterIP",
        ),
        row(
            "node-port",
            |a| a.set("service", "/spec/type", r#""NodePort""#),
            ", slot service (Service NAME), spec.type: must be ClusterIP",
        ),
        row(
            "external-name",
            |a| a.set("service", "/spec/type", r#""ExternalName""#),
            ", slot service (Service NAME), spec.type: must be ClusterIP",
        ),
        row(
            "external-address",
            |a| a.set("service", "/spec/externalIPs", r#"["8.8.8.8"]"#),
            ", slot service (Service NAME), spec.externalIPs: must be empty",
        ),
        row(
            "service-without-mcp",
            |a| a.set("service", "/spec/ports/0/name", r#""http""#),
            ", slot service (Service NAME), spec.ports: needs a port named mcp",
        ),
        row(
            "other-port",
            |a| a.set("service", "/spec/ports/0/port", "80"),
            ", slot service (Service NAME), spec.ports[0].port: must be 8080",
        ),
        row(
            "wider-ingress",
            |a| a.set("network-policy", "/spec/ingress/-", "{}"),
            ", slot network-policy (NetworkPolicy NAME), spec.ingress[1]: allows more than the server's spec.network does",
        ),
        row(
            "one-way-policy",
            |a| a.set("network-policy", "/spec/policyTypes", r#"["Ingress"]"#),
            ", slot network-policy (NetworkPolicy NAME), spec.policyTypes: must have both Ingress and Egress",
        ),
        with(
            r#"{"network": {"egressTo": [{"podSelector": {}}]}}"#,
            row(
                "wider-egress",
                |a| a.set("network-policy", "/spec/egress/-", "{}"),
                ", slot network-policy (NetworkPolicy NAME), spec.egress[2]: allows more than the server's spec.network does",
            ),
        ),
        row("dropped-policy", |a| a.drop("network-policy"), ": slot network-policy is missing"),
    ]
}

/// Kinds that nobody is granted, and kinds that this plugin was not granted.
#[allow(clippy::too_many_lines, reason = "a table")]
fn kinds() -> Vec<Row> {
    vec![
        row(
            "role",
            |a| a.add("rbac.authorization.k8s.io/v1", "Role", "{}"),
            ", slot extra (Role NAME), kind: rbac.authorization.k8s.io/v1 Role is never a plugin's to write",
        ),
        row(
            "role-binding",
            |a| {
                a.add(
                    "rbac.authorization.k8s.io/v1",
                    "RoleBinding",
                    r#"{"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"}}"#,
                );
            },
            ", slot extra (RoleBinding NAME), kind: rbac.authorization.k8s.io/v1 RoleBinding is never a plugin's to write",
        ),
        row(
            "cluster-role",
            |a| a.add("rbac.authorization.k8s.io/v1", "ClusterRole", "{}"),
            ", slot extra (ClusterRole NAME), kind: rbac.authorization.k8s.io/v1 ClusterRole is never a plugin's to write",
        ),
        row(
            "cluster-role-binding",
            |a| a.add("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "{}"),
            ", slot extra (ClusterRoleBinding NAME), kind: rbac.authorization.k8s.io/v1 ClusterRoleBinding is never a plugin's to write",
        ),
        row(
            "validating-webhook",
            |a| a.add("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "{}"),
            ", slot extra (ValidatingWebhookConfiguration NAME), kind: admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration is never a plugin's to write",
        ),
        row(
            "mutating-webhook",
            |a| a.add("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "{}"),
            ", slot extra (MutatingWebhookConfiguration NAME), kind: admissionregistration.k8s.io/v1 MutatingWebhookConfiguration is never a plugin's to write",
        ),
        row(
            "admission-policy",
            |a| a.add("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "{}"),
            ", slot extra (ValidatingAdmissionPolicy NAME), kind: admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy is never a plugin's to write",
        ),
        row(
            "definition",
            |a| a.add("apiextensions.k8s.io/v1", "CustomResourceDefinition", "{}"),
            ", slot extra (CustomResourceDefinition NAME), kind: apiextensions.k8s.io/v1 CustomResourceDefinition is never a plugin's to write",
        ),
        row(
            "api-service",
            |a| a.add("apiregistration.k8s.io/v1", "APIService", "{}"),
            ", slot extra (APIService NAME), kind: apiregistration.k8s.io/v1 APIService is never a plugin's to write",
        ),
        row(
            "certificate-request",
            |a| a.add("certificates.k8s.io/v1", "CertificateSigningRequest", "{}"),
            ", slot extra (CertificateSigningRequest NAME), kind: certificates.k8s.io/v1 CertificateSigningRequest is never a plugin's to write",
        ),
        row(
            "namespace",
            |a| a.add("v1", "Namespace", "{}"),
            ", slot extra (Namespace NAME), kind: v1 Namespace is never a plugin's to write",
        ),
        row(
            "node",
            |a| a.add("v1", "Node", "{}"),
            ", slot extra (Node NAME), kind: v1 Node is never a plugin's to write",
        ),
        row(
            "persistent-volume",
            |a| a.add("v1", "PersistentVolume", "{}"),
            ", slot extra (PersistentVolume NAME), kind: v1 PersistentVolume is never a plugin's to write",
        ),
        row(
            "another-server",
            |a| a.add("mcp.x-k8s.io/v1beta1", "MCPServer", "{}"),
            ", slot extra (MCPServer NAME), kind: mcp.x-k8s.io/v1beta1 MCPServer is never a plugin's to write",
        ),
        row(
            "another-plugin",
            |a| a.add("render.mcp.x-k8s.io/v1alpha1", "RenderPlugin", "{}"),
            ", slot extra (RenderPlugin NAME), kind: render.mcp.x-k8s.io/v1alpha1 RenderPlugin is never a plugin's to write",
        ),
        row(
            "secret",
            |a| a.add("v1", "Secret", "{}"),
            ", slot extra (Secret NAME), kind: v1 Secret is never a plugin's to write",
        ),
        row("pod", |a| a.add("v1", "Pod", "{}"), ", slot extra (Pod NAME), kind: v1 Pod is never a plugin's to write"),
        row(
            "job",
            |a| a.add("batch/v1", "Job", "{}"),
            ", slot extra (Job NAME), kind: batch/v1 Job is never a plugin's to write",
        ),
        row(
            "daemon-set",
            |a| a.add("apps/v1", "DaemonSet", "{}"),
            ", slot extra (DaemonSet NAME), kind: apps/v1 DaemonSet is never a plugin's to write",
        ),
        row(
            "endpoints",
            |a| a.add("v1", "Endpoints", "{}"),
            ", slot extra (Endpoints NAME), kind: v1 Endpoints is never a plugin's to write",
        ),
        row(
            "older-version",
            |a| a.add("apps/v1beta1", "Deployment", "{}"),
            ", slot extra (Deployment NAME), kind: apps/v1beta1 Deployment can be had in another version only",
        ),
        row(
            "disruption-budget",
            |a| a.add("policy/v1", "PodDisruptionBudget", "{}"),
            ", slot extra (PodDisruptionBudget NAME), kind: policy/v1 PodDisruptionBudget was not granted to this plugin",
        ),
        row(
            "config-map",
            |a| a.add("v1", "ConfigMap", "{}"),
            ", slot extra (ConfigMap NAME), kind: v1 ConfigMap was not granted to this plugin",
        ),
        row(
            "service-account-object",
            |a| a.add("v1", "ServiceAccount", "{}"),
            ", slot extra (ServiceAccount NAME), kind: v1 ServiceAccount was not granted to this plugin",
        ),
        row(
            "claim",
            |a| a.add("v1", "PersistentVolumeClaim", "{}"),
            ", slot extra (PersistentVolumeClaim NAME), kind: v1 PersistentVolumeClaim was not granted to this plugin",
        ),
        row(
            "autoscaler",
            |a| a.add("autoscaling/v2", "HorizontalPodAutoscaler", "{}"),
            ", slot extra (HorizontalPodAutoscaler NAME), kind: autoscaling/v2 HorizontalPodAutoscaler was not granted to this plugin",
        ),
        row(
            "endpoint-slice",
            |a| a.add("discovery.k8s.io/v1", "EndpointSlice", "{}"),
            ", slot extra (EndpointSlice NAME), kind: discovery.k8s.io/v1 EndpointSlice is never a plugin's to write",
        ),
        row(
            "route",
            |a| a.add("gateway.networking.k8s.io/v1", "HTTPRoute", "{}"),
            ", slot extra (HTTPRoute NAME), kind: gateway.networking.k8s.io/v1 HTTPRoute was not granted to this plugin",
        ),
        row(
            "storage-class",
            |a| a.add("storage.k8s.io/v1", "StorageClass", "{}"),
            ", slot extra (StorageClass NAME), kind: storage.k8s.io/v1 StorageClass was not granted to this plugin",
        ),
        row(
            "priority-class",
            |a| a.add("scheduling.k8s.io/v1", "PriorityClass", "{}"),
            ", slot extra (PriorityClass NAME), kind: scheduling.k8s.io/v1 PriorityClass was not granted to this plugin",
        ),
        row(
            "stateful-set",
            |a| a.set("workload", "/kind", r#""StatefulSet""#),
            ", slot workload (StatefulSet NAME), kind: apps/v1 StatefulSet was not granted to this plugin",
        ),
    ]
}

/// What a server's objects are together, and what of the stage before was changed in silence.
fn sets() -> Vec<Row> {
    vec![
        row("dropped-workload", |a| a.drop("workload"), ": slot workload is missing: every server has a Deployment"),
        row("second-workload", |a| a.copy("workload", "second", "-2"), ": Deployment NAME-2 is a second workload"),
        row("renamed-workload", |a| a.rename("workload", "other"), ": slot workload is missing"),
        row(
            "service-as-policy",
            |a| {
                a.drop("network-policy");
                a.copy("service", "network-policy", "-2");
            },
            ": slot network-policy holds a Service; it must hold a NetworkPolicy",
        ),
        row(
            "no-objects",
            |a| ["workload", "service", "network-policy"].map(|slot| a.drop(slot)).into_iter().collect(),
            ": slot workload is missing",
        ),
        row("duplicate-names", |a| a.copy("service", "again", ""), ": Service NAME appears twice"),
        row(
            "misspelt-field",
            |a| a.container("/imagePullpolicy", r#""Always""#),
            ", slot workload (Deployment NAME), spec.template.spec.containers[0].imagePullpolicy: is no field of this kind; check its spelling",
        ),
        row(
            "wrong-type",
            |a| a.container("/ports/0/containerPort", r#""many""#),
            ", slot workload (Deployment NAME), spec.template.spec.containers[0].ports[0].containerPort: invalid type",
        ),
        row("a-mebibyte-with-owners", |a| a.grow_to((1 << 20) - 300), ": all objects together are 104"),
    ]
}

/// What is no answer.
fn forms() -> Vec<Row> {
    vec![
        nonsense(
            "many-objects",
            |a| (0..62).for_each(|number| a.copy("service", &format!("s-{number}"), &format!("-{number}"))),
            ": the plugin's answer is too large: 65 objects; its limit is 64",
        ),
        nonsense(
            "a-mebibyte",
            |a| a.grow_to((11 << 20) / 10),
            ": the plugin's answer is too large: it has 1.1 MiB; its limit is 1 MiB",
        ),
        nonsense(
            "deep-json",
            |a| a.replace("service", format!("{{\"a\":{}", "[".repeat(5000))),
            ": the plugin's answer is not valid at service: a[0]",
        ),
        nonsense(
            "duplicate-keys",
            |a| a.replace("service", r#"{"spec": {"ports": [{"name": "a", "name": "b"}]}}"#),
            ": the plugin's answer is not valid at service: spec.ports[0]: the key \"name\" is there twice",
        ),
        nonsense(
            "invalid-utf8",
            |a| a.replace("service", b"{\"a\": \"\xff\"}"),
            ": the plugin's answer is not valid at the boundary of the component: its bytes cannot be read: invalid utf-8",
        ),
        nonsense(
            "half-json",
            |a| a.replace("service", r#"{"spec": {"#),
            ": the plugin's answer is not valid at service: spec",
        ),
        nonsense(
            "two-documents",
            |a| a.replace("service", "{} {}"),
            ": the plugin's answer is not valid at service: .: trailing characters",
        ),
        nonsense(
            "no-object",
            |a| a.replace("service", "[]"),
            ": the plugin's answer is not valid at service: .: this is JSON but no object",
        ),
        nonsense(
            "duplicate-slots",
            |a| a.copy("service", "service", "-2"),
            ": the plugin's answer is not valid at service: slot: two objects have this slot",
        ),
        nonsense(
            "bad-slot",
            |a| a.copy("service", "Extra Slot", "-2"),
            ": the plugin's answer is not valid at objects[3].slot: \"Extra Slot\" is no slot name",
        ),
    ]
}

/// What the server's own spec asks for is not the plugin's sin.
fn own_spec() -> Vec<Row> {
    vec![
        allowed("unchanged", "{}", |_| ()),
        allowed(
            "asks-for-privileged",
            r#"{"runtime": {"security": {"securityContext": {"privileged": true}}}}"#,
            |_| (),
        ),
        allowed(
            "asks-for-a-capability",
            r#"{"runtime": {"security": {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}}}"#,
            |_| (),
        ),
        allowed(
            "asks-for-root",
            r#"{"runtime": {"security": {"securityContext": {}, "podSecurityContext": {"runAsUser": 0}}}}"#,
            |_| (),
        ),
        allowed("asks-for-an-account", r#"{"runtime": {"security": {"serviceAccountName": "admin"}}}"#, |_| ()),
        allowed(
            "asks-for-a-secret",
            r#"{"config": {"env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "own", "key": "k", "optional": true}}}]}}"#,
            |a| a.container("/envFrom", r#"[{"secretRef": {"name": "own", "optional": true}}]"#),
        ),
        allowed(
            "asks-for-a-pull-secret",
            r#"{"source": {"containerImage": {"imagePullSecrets": [{"name": "login"}]}}}"#,
            |_| (),
        ),
        allowed("asks-for-egress", r#"{"network": {"egressTo": [{"podSelector": {}}]}}"#, |_| ()),
    ]
}
