//! Grants as they stand in a bundle: like `spec.grants` of a RenderPlugin, but one that this version does not know is not
//! passed over. Pure.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::api::render_plugin::Grants;
use crate::strict;

pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Grants, D::Error> {
    let given = Value::deserialize(deserializer)?;
    strict::read(&given).map(|(grants, _)| grants).map_err(D::Error::custom)
}

pub(super) fn are_none(grants: &Grants) -> bool {
    *grants == Grants::default()
}
