//! Whether the operator can keep what a plugin was granted: the kind may be granted and exists, the operator has the rights
//! for it, and its objects are watched. Reads only.

use kube::discovery::{self, Scope as KindScope};

use super::prepare::{Phase, Setback};
use crate::controller::{GrantedKinds, Scope};
use crate::operator::rbac;
use crate::reconcile::gather::Stage;
use crate::reconcile::{Kind, call};

/// What grants are checked against.
#[derive(Clone)]
pub struct Grounds {
    /// Asks which kinds there are, and which rights we have.
    pub client: kube::Client,
    /// Where the rights are needed.
    pub scope: Scope,
    /// Watches the kinds that are granted.
    pub kinds: GrantedKinds,
}

/// The further kinds that a stage was granted, if it may have them.
pub(super) fn kinds(stage: &Stage) -> Result<Vec<Kind>, Setback> {
    let granted = stage.grants.kinds.iter().map(|granted| Kind::named(&granted.api_version, &granted.kind));
    let granted: Vec<_> = granted.filter(|kind| !Kind::UNGRANTED.contains(kind)).collect();
    for kind in &granted {
        if let Some(why) = kind.forbidden() {
            return Err(refused("KindForbidden", format!("spec.grants.kinds: {} {why}", kind.full_name())));
        }
    }
    Ok(granted)
}

impl Grounds {
    /// Sees that the operator can write, and watches, each of these kinds.
    pub(super) async fn prepare(&self, kinds: Vec<Kind>) -> Result<(), Setback> {
        for kind in kinds {
            self.exists(&kind).await?;
            self.has_rights(&kind).await?;
            if !self.kinds.watch(kind.clone()).await {
                let message = format!("objects of {} could not be listed in time; it is tried again", kind.full_name());
                return Err(passing("KindUnlisted", message));
            }
        }
        Ok(())
    }

    async fn exists(&self, kind: &Kind) -> Result<(), Setback> {
        let name = kind.full_name();
        let gvk = kind.gvk();
        let found = call("find a kind", discovery::pinned_kind(&self.client, &gvk)).await;
        let (resource, capabilities) = match found.map_err(|error| passing("Unreachable", error.to_string()))? {
            Ok(found) => found,
            Err(refusal) if refusal.code == 404 => return Err(unknown(&name)),
            Err(refusal) => return Err(passing("Unreachable", refusal.message.clone())),
        };
        if capabilities.scope == KindScope::Cluster {
            let message =
                format!("spec.grants.kinds: {name} belongs to no namespace; a server's objects are in its own");
            return Err(refused("KindForbidden", message));
        }
        let guessed = kind.resource().plural;
        if resource.plural != guessed {
            let message = format!("{name} is kept as {}, where this operator expects {guessed}", resource.plural);
            return Err(refused("KindForbidden", message));
        }
        Ok(())
    }

    async fn has_rights(&self, kind: &Kind) -> Result<(), Setback> {
        let resource = kind.resource();
        let mut denied = Vec::new();
        for namespace in self.scope.places() {
            for verb in rbac::OWN {
                let allowed = rbac::is_allowed(&self.client, namespace, &resource.group, &resource.plural, verb).await;
                if !allowed.map_err(|error| passing("Unreachable", format!("{error:#}")))? && !denied.contains(verb) {
                    denied.push(verb);
                }
            }
        }
        if denied.is_empty() {
            return Ok(());
        }
        Err(passing("RightsMissing", rights_missing(kind, &denied)))
    }
}

fn rights_missing(kind: &Kind, denied: &[&str]) -> String {
    let resource = kind.resource();
    let (group, plural) = (&resource.group, &resource.plural);
    format!(
        "the operator may not {} {plural}; give it this rule, in a ClusterRole with the label {}: \"true\": \
         {{apiGroups: [\"{group}\"], resources: [{plural}], verbs: [{}]}}",
        denied.join(", "),
        rbac::AGGREGATION_LABEL,
        rbac::OWN.join(", "),
    )
}

fn unknown(name: &str) -> Setback {
    let advice = "install its definition, or take it out of spec.grants.kinds";
    passing("KindUnknown", format!("the cluster does not know the kind {name}; {advice}"))
}

fn refused(reason: &'static str, message: String) -> Setback {
    Setback { phase: Phase::Granted, reason, message, passes: false }
}

fn passing(reason: &'static str, message: String) -> Setback {
    Setback { passes: true, ..refused(reason, message) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use hostile_plugins::component;

    use super::*;
    use crate::api::render_plugin::{GrantedKind, Grants};
    use crate::sandbox::{Limits, Sandbox};

    fn granted(api_version: &str, kind: &str) -> Result<Vec<Kind>, Setback> {
        let plugin = Sandbox::new(1).unwrap().load(&component("passthrough"), Limits::default()).unwrap();
        let kinds = vec![GrantedKind { api_version: api_version.into(), kind: kind.into() }];
        super::kinds(&Stage { grants: Grants { kinds, ..Grants::default() }, ..Stage::new("p", plugin) })
    }

    #[test]
    fn what_gives_rights_cannot_be_granted() {
        let setback = granted("rbac.authorization.k8s.io/v1", "Role").unwrap_err();
        assert_eq!((setback.phase, setback.reason, setback.passes), (Phase::Granted, "KindForbidden", false));
    }

    #[test]
    fn what_every_plugin_may_return_needs_no_rights_of_its_own() {
        assert_eq!(granted("apps/v1", "Deployment").unwrap(), []);
        assert_eq!(granted("policy/v1", "PodDisruptionBudget").unwrap(), [Kind::PodDisruptionBudget]);
    }

    #[test]
    fn missing_rights_are_told_as_the_rule_to_add() {
        let message = rights_missing(&Kind::PodDisruptionBudget, &["create", "patch"]);
        assert_eq!(
            message,
            "the operator may not create, patch poddisruptionbudgets; give it this rule, in a ClusterRole with the label \
             render.mcp.x-k8s.io/aggregate-to-operator: \"true\": {apiGroups: [\"policy\"], resources: \
             [poddisruptionbudgets], verbs: [create, delete, get, list, patch, watch]}"
        );
    }
}
