//! Where the operator's handshakes come from, for servers that let in only some: a network that enforces their NetworkPolicy
//! would keep the operator out.

use std::str::FromStr;

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use serde_json::Value;

use crate::api::{MCPServerSpec, validate};
use crate::strict;

/// The operator as a peer of NetworkPolicies.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyFrom(NetworkPolicyPeer);

impl VerifyFrom {
    /// Adds the operator to those that the server lets in. A server that lets in anyone stays as it is.
    pub fn let_in(&self, spec: &mut MCPServerSpec) {
        let Some(network) = spec.network.as_mut().filter(|network| network.lets_in_only_some()) else { return };
        if !network.ingress_from.contains(&self.0) {
            network.ingress_from.push(self.0.clone());
        }
    }
}

impl FromStr for VerifyFrom {
    type Err = String;

    /// A `NetworkPolicyPeer` in JSON or YAML.
    fn from_str(text: &str) -> Result<Self, String> {
        let given: Value = serde_saphyr::from_str(text).map_err(|error| format!("this is not YAML: {error}"))?;
        let (peer, _) = strict::read(&given).map_err(|misfit| misfit.to_string())?;
        let violations: Vec<_> = validate::peer("the peer", &peer).iter().map(ToString::to_string).collect();
        if violations.is_empty() { Ok(Self(peer)) } else { Err(violations.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn spec(network: &Value) -> MCPServerSpec {
        let source = json!({"type": "ContainerImage", "containerImage": {"ref": "example.com/a:1"}});
        serde_json::from_value(json!({"source": source, "config": {"port": 80}, "network": network})).unwrap()
    }

    fn let_in(network: &Value) -> Value {
        let peer = "{podSelector: {matchLabels: {app: operator}}}";
        let mut spec = spec(network);
        peer.parse::<VerifyFrom>().unwrap().let_in(&mut spec);
        crate::canonical::value(&spec.network)
    }

    #[test]
    fn the_operator_joins_those_that_are_let_in_once() {
        let (gateway, operator) = (pods("gateway"), pods("operator"));
        let both = json!({"ingressFrom": [gateway, operator]});
        assert_eq!(let_in(&json!({"ingressFrom": [gateway]})), both);
        assert_eq!(let_in(&both), both);
    }

    #[test]
    fn a_server_that_lets_in_anyone_stays_as_it_is() {
        for network in [json!({}), json!({"egressTo": [pods("database")]})] {
            assert_eq!(let_in(&network), network);
        }
        assert_eq!(let_in(&Value::Null), Value::Null);
    }

    fn pods(app: &str) -> Value {
        json!({"podSelector": {"matchLabels": {"app": app}}})
    }

    #[test]
    fn what_is_no_peer_is_refused_with_a_reason() {
        for (text, word) in [
            ("{}", "must have podSelector, namespaceSelector or ipBlock"),
            ("{podselector: {}}", "unknown field `podselector`"),
            ("{ipBlock: {cidr: everywhere}}", "address range"),
            ("[", "not YAML"),
            ("operator", "expected"),
        ] {
            let error = text.parse::<VerifyFrom>().unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
