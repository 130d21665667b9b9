//! What the objects of one stage are judged by: the server's own spec, the grants, and which objects there are besides. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::kinds::Kind;
use crate::api::render_plugin::{Grants, NetworkPolicyGrant, PodSecurity};
use crate::reconcile::gather::Inputs;
use crate::reconcile::render::Untrusted;

/// What a stage may return for a server.
pub(super) struct Permit<'a> {
    /// The server.
    pub inputs: &'a Inputs,
    /// What this stage and those before it were granted: the kinds that there may be.
    pub grants: &'a Grants,
    /// What this stage was granted: what it may raise pods to, and do with NetworkPolicies.
    own: &'a Grants,
    /// The objects of the stage before, which may have more than this one could give them.
    base: &'a [Untrusted],
    /// Names of the ServiceAccounts among the stage's own objects: pods may run as one of them.
    pub accounts: BTreeSet<&'a str>,
    /// Names of the PersistentVolumeClaims among them: pods may mount them.
    pub claims: BTreeSet<&'a str>,
    /// The workload among them, by kind and name.
    pub workload: Option<(Kind, &'a str)>,
}

impl<'a> Permit<'a> {
    pub(super) fn new(
        inputs: &'a Inputs,
        grants: &'a Grants,
        own: &'a Grants,
        base: &'a [Untrusted],
        untrusted: &'a [Untrusted],
    ) -> Self {
        let named =
            |o: &'a Untrusted| Some((Kind::of(&o.object, grants).ok()?, o.object["metadata"]["name"].as_str()?));
        let objects: Vec<_> = untrusted.iter().filter_map(named).collect();
        let of_kind =
            |wanted: &Kind| objects.iter().filter(|(kind, _)| kind == wanted).map(|(_, name)| *name).collect();
        Self {
            inputs,
            grants,
            own,
            base,
            accounts: of_kind(&Kind::ServiceAccount),
            claims: of_kind(&Kind::PersistentVolumeClaim),
            workload: objects.iter().find(|(kind, _)| kind.is_workload()).cloned(),
        }
    }

    /// How far this stage may raise pods.
    pub(super) fn pod_security(&self) -> PodSecurity {
        self.own.pod_security.unwrap_or_default()
    }

    /// Whether this stage may let NetworkPolicies allow more than the server's spec does, or leave them out.
    pub(super) fn any_network_policy(&self) -> bool {
        self.own.network_policy == Some(NetworkPolicyGrant::Any)
    }

    /// The object that the stage before had in this slot.
    pub(super) fn before(&self, slot: &str) -> Option<&'a Value> {
        self.base.iter().find(|before| before.slot == slot).map(|before| &before.object)
    }

    /// Whether the stage before left this slot empty, by a grant of its own.
    pub(super) fn came_without(&self, slot: &str) -> bool {
        !self.base.is_empty() && self.before(slot).is_none()
    }
}
