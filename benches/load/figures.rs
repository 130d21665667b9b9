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
