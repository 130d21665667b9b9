//! Everything that was measured, and how it is told.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::creation::Creation;
use crate::growth::Growth;
use crate::small::Small;

/// What was measured in one run.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Figures {
    /// The programs.
    pub small: Option<Small>,
    /// Creation beside a bare client.
    pub creation: Option<Creation>,
    /// More and more servers.
    pub growth: Vec<Growth>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#?}")
    }
}
