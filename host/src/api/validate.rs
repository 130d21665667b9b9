//! The rules for an `MCPServer` that are not in the CRD: pure, for the operator and the offline tool alike.
//!
//! Not in the CRD is what CEL cannot check within the API server's cost budget (CIDRs), what must not stop the update
//! of an object that was stored before the rule (names), and what depends on more than the shape (references). A few
//! rules of the CRD are repeated, because servers stored under an earlier operator's CRD never met them: the image
//! reference, the TLS options, the network peers.
//!
//! Whether referenced objects exist is not checked here; that needs the cluster.

pub(crate) mod image;
mod metadata;
mod network;
mod references;

pub(crate) use self::network::peer;
use super::{MCPServer, Violation};

/// The warning about a server that anybody may answer for.
pub const INSECURE_TLS: &str = "spec.transport.tls.insecureSkipVerify: the server's certificate is not checked, so anybody on the way can answer for it";

/// Every rule that `server` breaks, in the order of its fields. Empty when it may be rendered.
pub fn validate(server: &MCPServer) -> Vec<Violation> {
    let mut violations = metadata::violations(server);
    if let Some(image) = &server.spec.source.container_image {
        violations.extend(image::violation(&image.reference));
    }
    violations.extend(references::violations(&server.spec.config));
    violations.extend(server.spec.network.iter().flat_map(network::violations));
    violations.extend(tls(server));
    violations
}

/// What is accepted but will not do what its author may hope: one sentence each, for the message of `Accepted`.
pub fn warnings(server: &MCPServer) -> Vec<String> {
    let spec = &server.spec;
    let mut warnings = Vec::new();
    let egress_open = |network: &&super::spec::Network| network.egress_to.is_empty() && network.egress_ports.is_empty();
    if spec.network.as_ref().filter(egress_open).is_some_and(|network| network.dns_egress_peer.is_some()) {
        warnings.push(
            "spec.network.dnsEgressPeer has no effect without egressTo or egressPorts: all connections are allowed"
                .to_owned(),
        );
    }
    let tls = spec.transport.as_ref().and_then(|transport| transport.tls.as_ref());
    if tls.is_some_and(|tls| !tls.enabled && (tls.ca_bundle_secret.is_some() || tls.insecure_skip_verify)) {
        warnings.push("spec.transport.tls has no effect while tls.enabled is false".to_owned());
    }
    if tls.is_some_and(|tls| tls.enabled && tls.insecure_skip_verify) {
        warnings.push(INSECURE_TLS.to_owned());
    }
    if spec.gateway.is_some() {
        warnings.push("spec.gateway is not acted upon yet: the server is not published through a gateway".to_owned());
    }
    warnings
}

fn tls(server: &MCPServer) -> Option<Violation> {
    let tls = server.spec.transport.as_ref()?.tls.as_ref()?;
    (tls.ca_bundle_secret.is_some() && tls.insecure_skip_verify).then(|| {
        let message = "cannot be true when caBundleSecret is given: choose one";
        Violation::new("spec.transport.tls.insecureSkipVerify", message)
    })
}

#[cfg(test)]
mod tests {
    use super::super::spec::{Gateway, Network, SecretReference, Tls, Transport};
    use super::*;
    use k8s_openapi::api::networking::v1::NetworkPolicyPeer;

    fn with_tls(tls: Tls) -> MCPServer {
        let mut server = MCPServer::default();
        server.metadata.name = Some("weather".to_owned());
        server.spec.transport = Some(Transport { tls: Some(tls) });
        server
    }

    #[test]
    fn trusting_a_bundle_and_trusting_everybody_exclude_each_other() {
        let ca_bundle_secret = Some(SecretReference { name: "ca".to_owned() });
        let server = with_tls(Tls { enabled: true, ca_bundle_secret, insecure_skip_verify: true });
        let paths: Vec<String> = validate(&server).into_iter().map(|violation| violation.path).collect();
        assert_eq!(paths, ["spec.transport.tls.insecureSkipVerify"]);
    }

    #[test]
    fn nothing_unusual_gives_no_warning() {
        assert_eq!(warnings(&with_tls(Tls { enabled: true, ..Tls::default() })), Vec::<String>::new());
    }

    #[test]
    fn fields_without_effect_are_named() {
        let mut server = with_tls(Tls { insecure_skip_verify: true, ..Tls::default() });
        server.spec.gateway = Some(Gateway::default());
        let peer = Some(NetworkPolicyPeer::default());
        server.spec.network = Some(Network { dns_egress_peer: peer, ..Network::default() });
        let fields: Vec<String> =
            warnings(&server).iter().filter_map(|w| w.split(' ').next().map(str::to_owned)).collect();
        assert_eq!(fields, ["spec.network.dnsEgressPeer", "spec.transport.tls", "spec.gateway"]);
    }
}
