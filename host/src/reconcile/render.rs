//! Step 2, render: runs the chain of plugins. Touches nothing but WebAssembly; what comes out is not to be trusted.
//!
//! [`chain`] is synchronous and what the offline tool calls. [`Renderer`] is how the operator calls it: on a small,
//! bounded number of threads, and once more alone when a plugin ran out of time on a busy machine.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Semaphore;

use super::Error;
use super::gather::{Inputs, Stage};
use crate::api::render_plugin::Grants;
use crate::canonical;
use crate::sandbox::{Diagnostic, Failure, Log, ObjectKind, Request, Seed, SlotObject, Usage};

/// One object as a plugin returned it.
#[derive(Clone, Debug, PartialEq)]
pub struct Untrusted {
    /// What the object is for.
    pub slot: String,
    /// Any JSON.
    pub object: Value,
}

/// What one stage of the chain returned: always the complete set of objects.
pub struct StageOutput {
    /// The stage's name in the chain.
    pub stage: String,
    /// Digest of its component.
    pub digest: String,
    /// The kinds that it said it would add or change.
    pub emits: Vec<ObjectKind>,
    /// What it may return besides what every plugin may.
    pub grants: Grants,
    /// Its objects.
    pub objects: Vec<Untrusted>,
    /// What it found.
    pub diagnostics: Vec<Diagnostic>,
    /// What it logged, for its author.
    pub log: Log,
    /// What its call used.
    pub usage: Usage,
}

/// What the chain returned: data that nobody may trust before `vet` has seen it.
pub struct Rendered {
    stages: Vec<StageOutput>,
}

impl Rendered {
    /// The stages in order; never empty.
    pub fn stages(&self) -> &[StageOutput] {
        &self.stages
    }

    /// What a plugin could have returned instead.
    #[cfg(test)]
    pub(super) fn stages_mut(&mut self) -> &mut Vec<StageOutput> {
        &mut self.stages
    }

    /// Gives the stages away.
    pub fn into_stages(self) -> Vec<StageOutput> {
        self.stages
    }
}

/// Runs the chain: each stage gets the objects of the one before.
pub fn chain(inputs: &Inputs) -> Result<Rendered, Error> {
    chain_seeded(inputs, Seed::default())
}

/// The same under another clock and other random numbers, which must not matter.
pub fn chain_seeded(inputs: &Inputs, seed: Seed) -> Result<Rendered, Error> {
    let mut stages: Vec<StageOutput> = Vec::new();
    for stage in inputs.chain() {
        let base = stages.last().map(|previous| previous.objects.as_slice()).unwrap_or_default();
        let output = call(inputs, stage, base, seed)
            .map_err(|failure| Error::Render { plugin: stage.name.clone(), failure: Box::new(failure) })?;
        stages.push(output);
    }
    Ok(Rendered { stages })
}

/// The same, once more if a plugin ran out of time: a busy machine may have taken it away.
pub fn chain_again(inputs: &Inputs, seed: Seed) -> Result<Rendered, Error> {
    match chain_seeded(inputs, seed) {
        Err(Error::Render { failure, .. }) if matches!(*failure, Failure::Timeout { .. }) => chain_seeded(inputs, seed),
        outcome => outcome,
    }
}

fn call(inputs: &Inputs, stage: &Stage, base: &[Untrusted], seed: Seed) -> Result<StageOutput, Failure> {
    let base =
        base.iter().map(|o| SlotObject { slot: o.slot.clone(), object: canonical::text_of(&o.object) }).collect();
    let request = Request {
        server: inputs.server().to_owned(),
        base,
        parameters: stage.parameters.as_ref().map(canonical::text_of),
        facts: inputs.facts_for(&stage.plugin),
    };
    let output = stage.plugin.render_seeded(&request, seed)?;
    Ok(StageOutput {
        stage: stage.name.clone(),
        digest: stage.plugin.digest().to_string(),
        emits: stage.plugin.info().emits.clone(),
        grants: stage.grants.clone(),
        objects: output.objects.into_iter().map(|(slot, object)| Untrusted { slot, object }).collect(),
        diagnostics: output.diagnostics,
        log: output.log,
        usage: output.usage,
    })
}

/// Bounds how many chains run at a time.
#[derive(Clone)]
pub struct Renderer {
    slots: Arc<Semaphore>,
    concurrency: u32,
}

impl Renderer {
    /// At most `concurrency` renders at a time.
    pub fn new(concurrency: u32) -> Self {
        Self { slots: Arc::new(Semaphore::new(concurrency as usize)), concurrency }
    }

    /// Runs the chain on a thread of its own.
    ///
    /// A plugin has wall time, and a busy machine takes some of it away; so one that ran out of time gets a second
    /// chance with no other render beside it before it is blamed.
    pub async fn render(&self, inputs: Arc<Inputs>) -> Result<Rendered, Error> {
        match self.on_thread(Arc::clone(&inputs), 1).await {
            Err(Error::Render { failure, .. }) if matches!(*failure, Failure::Timeout { .. }) => {
                self.on_thread(inputs, self.concurrency).await
            }
            outcome => outcome,
        }
    }

    async fn on_thread(&self, inputs: Arc<Inputs>, slots: u32) -> Result<Rendered, Error> {
        let permit = Arc::clone(&self.slots).acquire_many_owned(slots).await.expect("the semaphore is never closed");
        tokio::task::spawn_blocking(move || {
            let rendered = chain(&inputs);
            drop(permit);
            rendered
        })
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}
