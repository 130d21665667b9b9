//! Step 5, status: turns either outcome into conditions with one pure function, [`status`], and writes them if they
//! differ.
//!
//! [`report`] is the effectful shell: it looks at the pods, asks the verifier, writes, and publishes events.

mod conditions;
#[cfg(test)]
mod tests;
mod workload;
mod write;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::runtime::controller::Action;

use self::conditions::Conditions;
pub(crate) use self::conditions::shortened;
use self::workload::Serving;
use super::error::{Error, Retry, Unreachable};
use super::gather::references;
use super::vet::{SERVICE, WORKLOAD};
use super::{Applied, Context, Identity, Kind};
use crate::api::spec::Network;
use crate::api::status::{Address, Capabilities, MCPServerStatus, ObjectStatus, Phase, RenderStatus, ServerInfo};
use crate::api::{self, MCPServer};
use crate::cache::children::ChildKey;
use crate::cache::pods::Pod;
use crate::cache::workload::Workload;
use crate::handshake::{self, Answer, Outcome};
use crate::verification::{Subject, Verdict};

/// Everything that a status is made of.
pub struct Observation<'a> {
    /// The server with its last status.
    pub server: &'a MCPServer,
    /// How the attempt to bring it in line went.
    pub outcome: &'a Result<Applied, Error>,
    /// Its workload, if there is one.
    pub workload: Option<&'a Workload>,
    /// Its pods, sorted by name.
    pub pods: &'a [Pod],
    /// Whether handshakes are made at all.
    pub verify: bool,
    /// The last handshake since the operator started.
    pub handshake: Option<&'a Outcome>,
    /// Whether the server lets in only some, and nobody said that the operator is among them.
    pub may_be_kept_out: bool,
    /// Its endpoint.
    pub url: &'a str,
    /// The time of a condition that changes now.
    pub now: Time,
}

/// The status that an observation amounts to. Pure.
pub fn status(seen: &Observation<'_>) -> MCPServerStatus {
    let none = MCPServerStatus::default();
    let previous = seen.server.status.as_ref().unwrap_or(&none);
    let render = match seen.outcome {
        Ok(applied) => Some(applied.render().clone()),
        // What came before the object that failed was applied, and has to be remembered.
        Err(Error::Child { objects, .. }) if !objects.is_empty() => {
            Some(RenderStatus { objects: objects.clone(), ..previous.render.clone().unwrap_or_default() })
        }
        Err(_) => previous.render.clone(),
    };
    let serving = Serving::of(seen, previous);
    let conditions = Conditions::of(seen, &serving);
    let published = conditions.url_is_published(seen.verify);
    MCPServerStatus {
        phase: Some(phase(seen, &serving, &conditions)),
        observed_generation: seen.server.metadata.generation,
        deployment_name: name_of(render.as_ref(), WORKLOAD),
        service_name: name_of(render.as_ref(), SERVICE),
        address: published.then(|| Address { url: Some(seen.url.to_owned()) }),
        server_info: server_info(seen, &conditions, previous),
        replicas: seen.workload.map(|workload| workload.desired),
        ready_replicas: seen.workload.map(|workload| workload.ready),
        selector: Some(format!("{}={}", api::SERVER_LABEL, Identity::of(seen.server).name)),
        conditions: conditions.into_list(&previous.conditions, seen.server.metadata.generation, &seen.now),
        render,
    }
}

fn phase(seen: &Observation<'_>, serving: &Serving, conditions: &Conditions) -> Phase {
    let serves = serving.serves();
    match seen.outcome {
        Err(Error::Invalid(_)) => Phase::Invalid,
        Err(Error::Child { .. }) => Phase::Failed,
        Err(_) if serves => Phase::Degraded,
        Err(_) => Phase::Failed,
        Ok(applied) if !applied.setbacks().is_empty() && !matches!(serving, Serving::No(_)) => Phase::Degraded,
        Ok(_) => match serving {
            Serving::ScaledToZero => Phase::ScaledToZero,
            Serving::No(_) => Phase::Failed,
            Serving::Partly(_) => Phase::Degraded,
            Serving::Yes(_) if conditions.is_ready() => Phase::Running,
            Serving::Yes(_) if conditions.endpoint_failed() => Phase::Degraded,
            Serving::NotYet(_) | Serving::Yes(_) => Phase::Pending,
        },
    }
}

fn name_of(render: Option<&RenderStatus>, slot: &str) -> Option<String> {
    in_slot(render, slot).map(|object| object.name.clone())
}

fn in_slot<'a>(render: Option<&'a RenderStatus>, slot: &str) -> Option<&'a ObjectStatus> {
    render?.objects.iter().find(|object| object.slot == slot)
}

/// What the server says about itself, while it is known to say it.
fn server_info(seen: &Observation<'_>, conditions: &Conditions, previous: &MCPServerStatus) -> Option<ServerInfo> {
    match seen.handshake {
        _ if !conditions.is_verified() => None,
        Some(Ok(Answer::Verified { info, .. })) => Some(info_status(info)),
        Some(Ok(Answer::AuthRequired)) => None,
        _ => previous.server_info.clone(),
    }
}

fn info_status(info: &handshake::ServerInfo) -> ServerInfo {
    let handshake::Capabilities { tools, resources, prompts, logging, completions } = info.capabilities;
    ServerInfo {
        name: info.name.clone(),
        version: info.version.clone(),
        protocol_version: Some(info.protocol_version.clone()),
        instructions: info.instructions.clone(),
        capabilities: Some(Capabilities { tools, resources, prompts, logging, completions }),
    }
}

/// Observes, decides, writes if it differs, publishes events; tells when to look again.
pub async fn report(
    server: &MCPServer,
    outcome: &Result<Applied, Error>,
    ctx: &Context,
) -> Result<Action, Unreachable> {
    let identity = Identity::of(server);
    let previous = server.status.as_ref().and_then(|status| status.render.as_ref());
    let render = outcome.as_ref().map_or(previous, |applied| Some(applied.render()));
    let workload = in_slot(render, WORKLOAD).and_then(|object| {
        let kind = Kind::named(&object.api_version, &object.kind);
        let key = ChildKey { kind, namespace: identity.namespace.clone(), name: object.name.clone() };
        ctx.cache.children.get(&key)?.workload.clone()
    });
    let pods = ctx.cache.pods.of(&identity.namespace, &identity.name);
    let url = url(server, render, &ctx.surroundings.cluster_domain);
    let has_endpoint = workload.as_ref().is_some_and(Workload::serves);
    let verdict = match (outcome, has_endpoint) {
        (Ok(_), true) if ctx.settings.verify => verify(server, &identity, subject(server, &url, &pods), ctx).await?,
        _ => Verdict::default(),
    };
    if !has_endpoint {
        ctx.verifier.forget(identity.uid.as_deref().unwrap_or_default());
    }
    let next = status(&Observation {
        server,
        outcome,
        workload: workload.as_ref(),
        pods: &pods,
        verify: ctx.settings.verify,
        handshake: verdict.last.as_deref(),
        may_be_kept_out: ctx.surroundings.verify_from.is_none() && lets_in_only_some(server),
        url: &url,
        now: Time(k8s_openapi::jiff::Timestamp::now()),
    });
    write::if_different(server, next, ctx).await?;
    Ok(soonest(verdict.next, outcome.as_ref().err().map(Error::retry)))
}

fn lets_in_only_some(server: &MCPServer) -> bool {
    server.spec.network.as_ref().is_some_and(Network::lets_in_only_some)
}

/// What is known of the endpoint, after starting a handshake if one is due.
async fn verify(
    server: &MCPServer,
    identity: &Identity,
    subject: Subject,
    ctx: &Context,
) -> Result<Verdict, Unreachable> {
    let uid = identity.uid.as_deref().unwrap_or_default();
    if ctx.verifier.is_due(uid, &subject) {
        let tls = tls(server, identity, ctx).await?;
        ctx.verifier.ask(uid, (identity.namespace.clone(), identity.name.clone()), subject, tls);
    }
    Ok(ctx.verifier.verdict(uid))
}

fn subject(server: &MCPServer, url: &str, pods: &[Pod]) -> Subject {
    Subject {
        url: url.to_owned(),
        pods: pods.iter().filter(|pod| pod.ready).map(|pod| (pod.uid.clone(), pod.restarts)).collect(),
        generation: server.metadata.generation.unwrap_or_default(),
    }
}

fn soonest(handshake: Option<std::time::Duration>, retry: Option<Retry>) -> Action {
    let retry = match retry {
        Some(Retry::After(delay)) => Some(delay),
        Some(Retry::Soon) => Some(std::time::Duration::from_secs(1)),
        Some(Retry::OnChange) | None => None,
    };
    handshake.into_iter().chain(retry).min().map_or_else(Action::await_change, Action::requeue)
}

/// `http://<service>.<namespace>.svc.<domain>:<port><path>`.
fn url(server: &MCPServer, render: Option<&RenderStatus>, domain: &str) -> String {
    let Identity { namespace, name, .. } = Identity::of(server);
    let service = name_of(render, SERVICE).unwrap_or(name);
    let tls = server.spec.transport.as_ref().and_then(|transport| transport.tls.as_ref());
    let scheme = if tls.is_some_and(|tls| tls.enabled) { "https" } else { "http" };
    let config = &server.spec.config;
    format!("{scheme}://{service}.{namespace}.svc.{domain}:{}{}", config.port, config.path)
}

/// How the handshake checks the server's certificate.
async fn tls(server: &MCPServer, identity: &Identity, ctx: &Context) -> Result<handshake::Tls, Unreachable> {
    let tls = server.spec.transport.as_ref().and_then(|transport| transport.tls.as_ref());
    if tls.is_some_and(|tls| tls.enabled && tls.insecure_skip_verify) {
        return Ok(handshake::Tls::SkipVerify);
    }
    let Some(source) = references::ca_bundle(&server.spec) else { return Ok(handshake::Tls::SystemRoots) };
    let secret = super::gather::read(&identity.namespace, &source, ctx).await?;
    let pem = secret.and_then(|mut secret| secret.remove(super::gather::CA_KEY));
    Ok(handshake::Tls::Roots(pem.unwrap_or_default()))
}
