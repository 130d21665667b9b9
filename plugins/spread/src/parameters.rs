//! The parameters, as `parameters.schema.json` describes them.

use serde::{Deserialize, Serialize};

/// What a platform team can set.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Parameters {
    /// Node labels: the pods are spread over the values of each.
    pub topology_keys: Vec<String>,
    /// By how many pods two values of a key may differ.
    pub max_skew: u32,
    /// What becomes of a pod for which that cannot be kept.
    pub when_unsatisfiable: WhenUnsatisfiable,
    /// How many pods may be missing while nodes are drained.
    pub max_unavailable: Amount,
    /// How long a pod that has to end keeps serving, in seconds.
    pub drain_seconds: u32,
    /// How long the server has after that to finish, in seconds.
    pub shutdown_seconds: u32,
}

/// A number of pods, or a share of all.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Amount {
    /// So many.
    Pods(u32),
    /// Such as `25%`.
    Share(String),
}

/// As a topology spread constraint spells it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub enum WhenUnsatisfiable {
    /// It runs all the same.
    ScheduleAnyway,
    /// It waits.
    DoNotSchedule,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            topology_keys: vec!["topology.kubernetes.io/zone".to_owned(), "kubernetes.io/hostname".to_owned()],
            max_skew: 1,
            when_unsatisfiable: WhenUnsatisfiable::ScheduleAnyway,
            max_unavailable: Amount::Pods(1),
            drain_seconds: 5,
            shutdown_seconds: 30,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mcp_render_plugin::{Fields, Plugin, Value};
    use serde::de::IntoDeserializer;

    use super::*;
    use crate::Spread;

    #[test]
    fn the_schema_has_the_same_parameters_and_defaults() {
        let schema: Value = Spread::INFO.parameters_schema.unwrap().parse().unwrap();
        let properties = schema.at("properties").as_object().unwrap();
        let defaults = properties.iter().map(|(name, schema)| (name.as_str(), schema["default"].clone()));
        let defaults: BTreeMap<_, _> = defaults.collect();
        assert_eq!(defaults.len(), 6);
        assert_eq!(Parameters::deserialize(defaults.into_deserializer()).unwrap(), Parameters::default());
    }
}
