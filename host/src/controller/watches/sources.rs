//! The watches of what servers refer to: versions of ConfigMaps and Secrets, never their contents.

use std::collections::HashSet;
use std::fmt::Debug;
use std::mem;
use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::{Scope, Start, by_page, namespaced, watch};
use crate::cache::sources::SourceVersion;
use crate::reconcile::gather::references::{Source, SourceKind};

impl Start<'_> {
    pub(super) fn sources<K>(&mut self, scope: &Scope, kind: SourceKind)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
    {
        for (namespace, api) in scope.apis(|namespace| namespaced::<PartialObjectMeta<K>>(&self.ctx.client, namespace))
        {
            let (ctx, signals) = (Arc::clone(self.ctx), Arc::clone(self.signals));
            let mut listed = HashSet::new();
            let key = move |object: &PartialObjectMeta<K>| {
                (object.namespace().unwrap_or_default(), Source { kind, name: object.name_any() })
            };
            let objects = watch(api, by_page());
            self.follow(kind.as_str(), objects, move |event| {
                let observe = |object: &PartialObjectMeta<K>| {
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

fn source_version<K>(object: &PartialObjectMeta<K>) -> SourceVersion
where
    K: Resource<DynamicType = ()>,
{
    SourceVersion {
        uid: object.uid().unwrap_or_default(),
        resource_version: object.resource_version().unwrap_or_default(),
    }
}
