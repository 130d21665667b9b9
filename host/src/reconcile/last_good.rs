//! Steps 2 and 3 for a server in the cluster: renders and vets, and where a plugin's new version fails for this server,
//! does it again with the version that was good before.

use std::sync::Arc;

use super::gather::Inputs;
use super::vet::{self, Vetted};
use super::{Context, Error};
use crate::sandbox::Diagnostic;

/// What may be applied, what it was made of, and why not of the wanted versions where it was not.
pub(super) type Outcome = (Arc<Inputs>, Vetted, Vec<String>);

/// Renders and vets with the wanted versions or, where one fails, with the last good one. When that fails as well, the
/// first failure is the one to be told.
pub(super) async fn render(inputs: Inputs, ctx: &Context) -> Result<Outcome, Error> {
    let mut inputs = Arc::new(inputs);
    let (mut first, mut setbacks, mut blamed) = (None, Vec::new(), Vec::new());
    loop {
        let error = match attempt(&inputs, ctx).await {
            Ok(vetted) => {
                for stage in inputs.chain() {
                    let result = if blamed.contains(&stage.name) { "LastGood" } else { "Rendered" };
                    ctx.metrics.rendered(stage, result);
                }
                remember(&inputs, &blamed, ctx);
                for (plugin, Diagnostic { code, message, .. }) in vetted.diagnostics() {
                    tracing::debug!(plugin, code, message, "Plugin found something");
                }
                return Ok((inputs, vetted, setbacks));
            }
            Err(error) => error,
        };
        let next = error.failed_plugin().and_then(|plugin| {
            if let Some(stage) = inputs.chain().iter().find(|stage| stage.name == plugin) {
                ctx.metrics.rendered(stage, error.class());
            }
            blamed.push(plugin.to_owned());
            inputs.with_last_good(plugin)
        });
        let Some((with_last_good, replaced)) = next else {
            remember(&inputs, &blamed, ctx);
            return Err(first.unwrap_or(error));
        };
        blamed.extend(replaced.iter().cloned());
        setbacks.push(format!("rendered by the last good version of {}, because {error}", replaced.join(" and ")));
        first.get_or_insert(error);
        inputs = Arc::new(with_last_good);
    }
}

async fn attempt(inputs: &Arc<Inputs>, ctx: &Context) -> Result<Vetted, Error> {
    let rendered = ctx.timed("render", ctx.renderer.render(Arc::clone(inputs))).await?;
    for stage in rendered.stages() {
        ctx.metrics.render_took(&stage.stage, stage.usage.time);
    }
    Ok(ctx.timed("vet", async { vet::vet(inputs, rendered) }).await?)
}

/// Keeps the record of which plugins fail for whom: a version that fails for somebody never becomes a last good one.
fn remember(inputs: &Inputs, blamed: &[String], ctx: &Context) {
    let identity = inputs.identity();
    let uid = identity.uid.as_deref().unwrap_or_default();
    let server = (identity.namespace.clone(), identity.name.clone());
    let mut news = ctx.plugins.succeeded(uid, blamed);
    for plugin in blamed {
        news |= ctx.plugins.failed(plugin, uid, &server);
    }
    if news {
        ctx.plugin_news.notify_one();
    }
}
