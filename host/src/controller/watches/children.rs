//! The watches of what servers were rendered to: metadata of all kinds, and of Deployments how their pods do.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use futures::Stream;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::api::ApiResource;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use serde::de::DeserializeOwned;

use super::{Scope, Start, namespaced, projected, watch};
use crate::cache::children::{Child, ChildKey};
use crate::cache::workload::{DeploymentView, Workload};
use crate::reconcile::Kind;

impl Start<'_> {
    pub(super) fn deployments(&mut self, scope: &Scope) {
        let resource = ApiResource::erase::<Deployment>(&());
        for (namespace, api) in
            scope.apis(|namespace| projected::<DeploymentView>(&self.ctx.client, namespace, &resource))
        {
            let objects = watch(api, watcher::Config::default());
            let view = |object: DeploymentView| {
                let workload = Workload::of(&object);
                (object.metadata, Some(workload))
            };
            self.child_watch(Kind::Deployment, namespace, objects, view);
        }
    }

    pub(super) fn children<K>(&mut self, scope: &Scope, kind: Kind)
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
            let objects = watch(api, watcher::Config::default());
            self.child_watch(kind, namespace, objects, |object: PartialObjectMeta<K>| (object.metadata, None));
        }
    }

    fn child_watch<T: Send + 'static>(
        &mut self,
        kind: Kind,
        namespace: Option<String>,
        objects: impl Stream<Item = watcher::Result<Event<T>>> + Send + 'static,
        view: impl Fn(T) -> (ObjectMeta, Option<Workload>) + Send + 'static,
    ) {
        let (ctx, signals) = (Arc::clone(self.ctx), Arc::clone(self.signals));
        let mut listed = BTreeSet::new();
        self.follow(kind.as_str(), objects, move |event| {
            let observe = |object, listed: Option<&mut BTreeSet<ChildKey>>| {
                let (metadata, workload) = view(object);
                let key = child_key(kind, &metadata);
                let child = Child::of(&metadata, workload);
                if let Some(listed) = listed {
                    listed.insert(key.clone());
                }
                if ctx.cache.children.observe(key.clone(), child.clone()) {
                    signals.child(&key, &child);
                }
            };
            match event {
                Event::Init => listed.clear(),
                Event::InitApply(object) => observe(object, Some(&mut listed)),
                Event::Apply(object) => observe(object, None),
                Event::InitDone => {
                    for (key, child) in ctx.cache.children.retain(kind, namespace.as_deref(), &listed) {
                        signals.child(&key, &child);
                    }
                }
                Event::Delete(object) => {
                    let (metadata, _) = view(object);
                    let key = child_key(kind, &metadata);
                    if ctx.cache.children.forget(&key, metadata.uid.as_deref().unwrap_or_default()) {
                        signals.child(&key, &Child::of(&metadata, None));
                    }
                }
            }
        });
    }
}

fn child_key(kind: Kind, metadata: &ObjectMeta) -> ChildKey {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    ChildKey { kind, namespace: text(&metadata.namespace), name: text(&metadata.name) }
}
