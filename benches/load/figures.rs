//! Everything that was measured in one run.

use serde::{Deserialize, Serialize};

use crate::creation::Creation;
use crate::growth::Growth;
use crate::machine::Machine;
use crate::small::Small;

/// What was measured; none is what was left out.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Figures {
    /// Where.
    pub machine: Option<Machine>,
    /// The programs.
    pub small: Option<Small>,
    /// Creation beside a bare client.
    pub creation: Option<Creation>,
    /// More and more servers.
    pub growth: Vec<Growth>,
}

impl Figures {
    /// These, and of what they have none, the earlier ones.
    #[must_use]
    pub fn or(self, earlier: Self) -> Self {
        Self {
            machine: self.machine.or(earlier.machine),
            small: self.small.or(earlier.small),
            creation: self.creation.or(earlier.creation),
            growth: if self.growth.is_empty() { earlier.growth } else { self.growth },
        }
    }
}
