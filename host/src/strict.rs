//! Reads JSON into a type and finds what got lost on the way: a field that the type does not know. Pure.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::canonical;

/// Why JSON is not of a type.
#[derive(Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The field.
    pub path: String,
    /// What is wrong with its value; none when the type has no such field.
    pub problem: Option<String>,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Some(problem) => f.write_str(problem),
            None => write!(f, "unknown field `{}`", self.path),
        }
    }
}

/// The value as the type has it, and as the type serialises it, canonical. Another spelling of the same scalar, dropped nulls
/// and added empty defaults are no loss.
pub fn read<T: DeserializeOwned + Serialize>(given: &Value) -> Result<(T, Value), Misfit> {
    // Keeping track of the path costs more than the reading; so it is only done for a value that is known not to fit.
    let typed = T::deserialize(given).or_else(|_| read_tracking(given))?;
    let kept = canonical::value(&typed);
    match lost(given, &kept) {
        None => Ok((typed, kept)),
        Some(path) => Err(Misfit { path, problem: None }),
    }
}

fn read_tracking<T: DeserializeOwned>(given: &Value) -> Result<T, Misfit> {
    serde_path_to_error::deserialize(given)
        .map_err(|error| Misfit { path: error.path().to_string(), problem: Some(error.inner().to_string()) })
}

/// The first path that `given` has and `kept` has not.
fn lost(given: &Value, kept: &Value) -> Option<String> {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => {
            given.iter().filter(|(_, value)| !value.is_null()).find_map(|(key, value)| match kept.get(key) {
                None => Some(key.clone()),
                Some(kept) => lost(value, kept).map(|path| join(key, &path)),
            })
        }
        (Value::Array(given), Value::Array(kept)) => given.iter().enumerate().find_map(|(index, value)| {
            let here = format!("[{index}]");
            match kept.get(index) {
                None => Some(here),
                Some(kept) => lost(value, kept).map(|path| join(&here, &path)),
            }
        }),
        (Value::Object(_) | Value::Array(_), _) => Some(String::new()),
        _ => None,
    }
}

fn join(parent: &str, child: &str) -> String {
    match child {
        "" => parent.to_owned(),
        child if child.starts_with('[') => format!("{parent}{child}"),
        child => format!("{parent}.{child}"),
    }
}
