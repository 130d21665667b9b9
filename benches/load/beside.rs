//! What the number of servers alone costs: an operator that has all of them and one that has a hundred, in namespaces of their
//! own on the same plane, whose servers are changed in turn.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::changes::{self, Edits};
use crate::growth::quiet;
use crate::servers::Servers;

/// How many servers the other one has.
const FEW: usize = 100;

/// Both.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Beside {
    /// How many servers each of the two has, and what a change cost it.
    pub operators: Vec<(usize, Edits)>,
}

/// Measures both, when nobody else has these servers.
pub async fn measure(bench: &Bench, many: &Servers) -> Result<Beside> {
    let few = bench.servers("few", FEW).await?;
    let cache = tempfile::tempdir().context("making a directory")?;
    let mut of_many = bench.operator("many", &["--namespaces", &many.namespace]).await?;
    let of_few = bench.operator_with_cache(cache.path(), "few", &["--namespaces", &few.namespace]).await?;
    few.create(0, FEW).await?;
    few.until_ready().await?;
    of_many.until_reconciled(many.count).await?;
    for operator in [&of_many, &of_few] {
        quiet(operator).await?;
    }
    let edits = changes::edits("beside", &[(&of_many, many), (&of_few, &few)]).await?;
    of_many.end().await?;
    of_few.end().await?;
    Ok(Beside { operators: [many.count, FEW].into_iter().zip(edits).collect() })
}
