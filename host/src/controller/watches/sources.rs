//! The watches of what servers refer to: versions of ConfigMaps and Secrets, never their contents.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;

use kube::ResourceExt;
use kube::api::ApiResource;
use kube::runtime::watcher::Event;

use super::{Scope, Start, by_page, projected, watch};
use crate::cache::sources::SourceVersion;
use crate::cache::views::MetadataView;
use crate::reconcile::gather::references::{Source, SourceKind};

impl Start<'_> {
    pub(super) fn sources(&mut self, scope: &Scope, kind: SourceKind, resource: &ApiResource) {
        for (namespace, api) in scope.apis(|namespace| projected::<MetadataView>(&self.ctx.client, namespace, resource))
        {
            let (ctx, signals) = (Arc::clone(self.ctx), Arc::clone(self.signals));
            let mut listed = HashSet::new();
            let key = move |object: &MetadataView| {
                (object.namespace().unwrap_or_default(), Source { kind, name: object.name_any() })
            };
            let objects = watch(api, by_page());
            self.follow(kind.as_str(), objects, move |event| {
                let observe = |object: &MetadataView| {
                    let (namespace, source) = key(object);
                    ctx.cache.sources.observe(&namespace, source, source_version(object))
                };
                let affected = match event {
                    Event::Init => {
                        listed.clear();
                        Vec::new()
                    }
                    Event::InitApply(object) => {
                        listed.insert(key(&object));
                        observe(&object)
                    }
                    Event::InitDone => ctx.cache.sources.retain(kind, namespace.as_deref(), &mem::take(&mut listed)),
                    Event::Apply(object) => observe(&object),
                    Event::Delete(object) => {
                        let (namespace, source) = key(&object);
                        ctx.cache.sources.forget(&namespace, source)
                    }
                };
                for server in affected {
                    signals.shared(server);
                }
            });
        }
    }
}

fn source_version(object: &MetadataView) -> SourceVersion {
    SourceVersion {
        uid: object.uid().unwrap_or_default(),
        resource_version: object.resource_version().unwrap_or_default(),
    }
}
