//! The watches of what servers were rendered to: metadata of all kinds, and of workloads how their pods do.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;

use futures::Stream;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::watcher::{self, Event};

use super::{Scope, Start, by_page, projected, watch};
use crate::cache::children::{Child, ChildKey};
use crate::cache::views::MetadataView;
use crate::cache::workload::{Workload, WorkloadView};
use crate::reconcile::Kind;

impl Start<'_> {
    /// Watches the objects of one kind: their metadata and, where they run pods, how those do.
    pub(super) fn children(&mut self, scope: &Scope, kind: &Kind) {
        let (resource, client) = (kind.resource(), self.ctx.client.clone());
        if kind.is_workload() {
            for (namespace, api) in scope.apis(|namespace| projected::<WorkloadView>(&client, namespace, &resource)) {
                self.child_watch(kind, namespace, watch(api, by_page()), |object: WorkloadView| {
                    let workload = Workload::of(&object);
                    (object.metadata, Some(workload))
                });
            }
        } else {
            for (namespace, api) in scope.apis(|namespace| projected::<MetadataView>(&client, namespace, &resource)) {
                self.child_watch(kind, namespace, watch(api, by_page()), |object: MetadataView| {
                    (object.metadata, None)
                });
            }
        }
        self.ctx.cache.children.watch(kind.clone());
    }

    fn child_watch<T: Send + 'static>(
        &mut self,
        kind: &Kind,
        namespace: Option<String>,
        objects: impl Stream<Item = watcher::Result<Event<T>>> + Send + 'static,
        view: impl Fn(T) -> (ObjectMeta, Option<Workload>) + Send + 'static,
    ) {
        let (ctx, signals, kind) = (Arc::clone(self.ctx), Arc::clone(self.signals), kind.clone());
        let mut listed = HashSet::new();
        self.follow(kind.to_string(), objects, move |event| {
            let observe = |object, listed: Option<&mut HashSet<ChildKey>>| {
                let (metadata, workload) = view(object);
                let key = child_key(&kind, &metadata);
                let child = Arc::new(Child::of(&metadata, workload));
                if let Some(listed) = listed {
                    listed.insert(key.clone());
                }
                if ctx.cache.children.observe(key.clone(), Arc::clone(&child)) {
                    signals.child(&key, &child);
                }
            };
            match event {
                Event::Init => listed.clear(),
                Event::InitApply(object) => observe(object, Some(&mut listed)),
                Event::Apply(object) => observe(object, None),
                Event::InitDone => {
                    for (key, child) in ctx.cache.children.retain(&kind, namespace.as_deref(), &mem::take(&mut listed))
                    {
                        signals.child(&key, &child);
                    }
                }
                Event::Delete(object) => {
                    let (metadata, _) = view(object);
                    let key = child_key(&kind, &metadata);
                    if ctx.cache.children.forget(&key, metadata.uid.as_deref().unwrap_or_default()) {
                        signals.child(&key, &Child::of(&metadata, None));
                    }
                }
            }
        });
    }
}

fn child_key(kind: &Kind, metadata: &ObjectMeta) -> ChildKey {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    ChildKey { kind: kind.clone(), namespace: text(&metadata.namespace), name: text(&metadata.name) }
}
