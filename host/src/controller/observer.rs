//! Who is a server: what the watch of MCPServers says, and what ends with a server.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;

use kube::ResourceExt;
use kube::runtime::watcher::Event;

use super::Guarded;
use crate::cache::sources::ServerName;
use crate::reconcile::Context;

/// Keeps the list of servers, and drops what is remembered of those that are gone.
pub(super) struct Observer {
    ctx: Arc<Context>,
    namespace: Option<String>,
    listed: HashSet<ServerName>,
}

impl Observer {
    /// Of one namespace, or of all.
    pub(super) fn new(ctx: Arc<Context>, namespace: Option<String>) -> Self {
        Self { ctx, namespace, listed: HashSet::new() }
    }

    /// Takes over what the watch says.
    pub(super) fn observe(&mut self, event: &Event<Guarded>) {
        let name = |server: &Guarded| (server.namespace().unwrap_or_default(), server.name_any());
        let known = &self.ctx.cache.servers;
        if let Event::Apply(server) | Event::InitApply(server) = event {
            self.ctx.metrics.known(name(server));
        }
        let news = match event {
            Event::Init => {
                self.listed.clear();
                false
            }
            Event::InitApply(server) => {
                self.listed.insert(name(server));
                known.observe(name(server), server.labels().clone())
            }
            Event::Apply(server) => {
                if let Ok(server) = &server.0 {
                    self.ctx.cache.statuses.seen(server);
                }
                known.observe(name(server), server.labels().clone())
            }
            Event::InitDone => {
                let gone = known.retain(self.namespace.as_deref(), &mem::take(&mut self.listed));
                for server in &gone {
                    self.ctx.metrics.forget(server);
                }
                !gone.is_empty()
            }
            Event::Delete(server) => {
                forget(server, &self.ctx);
                known.forget(&name(server))
            }
        };
        if news {
            self.ctx.plugin_news.notify_one();
        }
    }
}

/// Drops everything that is remembered of a deleted server.
fn forget(server: &Guarded, ctx: &Context) {
    let (namespace, name) = (server.namespace().unwrap_or_default(), server.name_any());
    let uid = server.uid().unwrap_or_default();
    ctx.cache.sources.forget_server(&namespace, &name);
    ctx.cache.statuses.forget(&uid);
    ctx.cache.applied_from.forget(&uid);
    ctx.verifier.forget(&uid);
    ctx.backoff.forget(&uid);
    ctx.plugins.succeeded(&uid, &[]);
    ctx.metrics.forget(&(namespace, name));
}
