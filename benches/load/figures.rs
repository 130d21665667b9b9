//! Everything that was measured, in one run or several.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::beside::Beside;
use crate::creation::Creation;
use crate::growth::Growth;
use crate::machine::{self, Machine};
use crate::small::Small;

/// What was measured; none is what was left out.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Figures {
    /// Where.
    pub machine: Option<Machine>,
    /// The revision of each part.
    pub revisions: BTreeMap<String, String>,
    /// The programs.
    pub small: Option<Small>,
    /// Creation beside a bare client.
    pub creation: Option<Creation>,
    /// More and more servers.
    pub growth: Vec<Growth>,
    /// What the number of servers alone costs.
    #[serde(default)]
    pub beside: Option<Beside>,
}

impl Figures {
    /// Notes that a part was measured, of the revision that is there now.
    pub fn measured(&mut self, part: &str) -> Result<()> {
        self.revisions.insert(part.to_owned(), machine::revision()?);
        Ok(())
    }

    /// These, and of what they have none, the earlier ones.
    #[must_use]
    pub fn or(self, earlier: Self) -> Self {
        Self {
            machine: self.machine.or(earlier.machine),
            revisions: earlier.revisions.into_iter().chain(self.revisions).collect(),
            small: self.small.or(earlier.small),
            creation: self.creation.or(earlier.creation),
            growth: if self.growth.is_empty() { earlier.growth } else { self.growth },
            beside: self.beside.or(earlier.beside),
        }
    }
}
