//! What the objects of one stage are judged by: the server's own spec, the grants, and which objects there are besides. Pure.

use std::collections::BTreeSet;

use super::kinds::Kind;
use crate::api::render_plugin::{Grants, NetworkPolicyGrant, PodSecurity};
use crate::reconcile::gather::Inputs;
use crate::reconcile::render::Untrusted;

/// What a stage may return for a server.
pub(super) struct Permit<'a> {
    /// The server.
    pub inputs: &'a Inputs,
    /// What this stage and those before it were granted.
    pub grants: &'a Grants,
    /// Names of the ServiceAccounts among the stage's own objects: pods may run as one of them.
    pub accounts: BTreeSet<&'a str>,
    /// Names of the PersistentVolumeClaims among them: pods may mount them.
    pub claims: BTreeSet<&'a str>,
    /// The workload among them, by kind and name.
    pub workload: Option<(Kind, &'a str)>,
}

impl<'a> Permit<'a> {
    pub(super) fn new(inputs: &'a Inputs, grants: &'a Grants, untrusted: &'a [Untrusted]) -> Self {
        let named =
            |o: &'a Untrusted| Some((Kind::of(&o.object, grants).ok()?, o.object["metadata"]["name"].as_str()?));
        let objects: Vec<_> = untrusted.iter().filter_map(named).collect();
        let of_kind =
            |wanted: &Kind| objects.iter().filter(|(kind, _)| kind == wanted).map(|(_, name)| *name).collect();
        Self {
            inputs,
            grants,
            accounts: of_kind(&Kind::ServiceAccount),
            claims: of_kind(&Kind::PersistentVolumeClaim),
            workload: objects.iter().find(|(kind, _)| kind.is_workload()).cloned(),
        }
    }

    /// How far pods may be raised.
    pub(super) fn pod_security(&self) -> PodSecurity {
        self.grants.pod_security.unwrap_or_default()
    }

    /// Whether NetworkPolicies may allow more than the server's spec does, or be absent.
    pub(super) fn any_network_policy(&self) -> bool {
        self.grants.network_policy == Some(NetworkPolicyGrant::Any)
    }
}
