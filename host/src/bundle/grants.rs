//! Grants as they stand in a bundle: like `spec.grants` of a RenderPlugin, but one that this version does not know is not
//! passed over. Pure.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::api::render_plugin::Grants;
use crate::reconcile::vet;

pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Grants, D::Error> {
    let given = Value::deserialize(deserializer)?;
    let grants: Grants = serde_json::from_value(given.clone()).map_err(D::Error::custom)?;
    match vet::lost(&given, &json!(grants)) {
        Some(path) => Err(D::Error::custom(format!("unknown field `{path}`"))),
        None => Ok(grants),
    }
}

pub(super) fn are_none(grants: &Grants) -> bool {
    *grants == Grants::default()
}
