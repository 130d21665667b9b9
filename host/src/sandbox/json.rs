//! Reads one JSON document strictly: no duplicate keys, nothing after the end, bounded depth. Pure.
//!
//! Which of two equal keys counts differs from parser to parser, so what was vetted might not be what is applied.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// What is wrong with a document, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// A path such as `spec.ports[0]`; `.` for the whole document.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
}

/// Reads a document.
pub(super) fn parse(text: &str) -> Result<Value, Fault> {
    // Keeping track of the path costs more than the reading; so it is only done for a document that is known to be wrong.
    serde_json::from_str(text).map(|Unique(value)| value).or_else(|_| parse_tracking(text))
}

fn parse_tracking(text: &str) -> Result<Value, Fault> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let Unique(value) = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| Fault { path: error.path().to_string(), problem: problem(error.inner()) })?;
    deserializer.end().map_err(|error| Fault { path: ".".to_owned(), problem: problem(&error) })?;
    Ok(value)
}

/// `serde_json` stops at a depth of 128, before the stack does.
fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.strip_prefix("recursion limit exceeded") {
        Some(place) => format!("nested deeper than 127 levels{place}"),
        None => text,
    }
}

/// A value whose objects have no key twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            match map.entry(key) {
                Entry::Occupied(found) => {
                    return Err(A::Error::custom(format_args!("the key {:?} is there twice", found.key())));
                }
                Entry::Vacant(free) => {
                    let Unique(value) = entries.next_value()?;
                    free.insert(value);
                }
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn documents_read_as_serde_json_reads_them() {
        for text in [
            r#"{"a":[1,-2,3.5,true,null,"x\u0041"],"b":{"c":{}}}"#,
            "[]",
            " 18446744073709551615 ",
            r#""text""#,
            &format!("{}{}", "[".repeat(127), "]".repeat(127)),
        ] {
            assert_eq!(parse(text).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn faults_name_their_place() {
        let deep = "[".repeat(200);
        for (text, path, words) in [
            (r#"{"spec":{"ports":[{},{"name":1,"name":2}]}}"#, "spec.ports[1]", "\"name\" is there twice"),
            (r#"{"a":1,"\u0061":2}"#, ".", "\"a\" is there twice"),
            (r#"{"spec":{"replicas":1,}}"#, "spec", "trailing comma"),
            ("{} {}", ".", "trailing characters"),
            ("", ".", "EOF"),
            (r#"{"n":1e999}"#, "n", "out of range"),
            (deep.as_str(), "[0][0]", "nested deeper than 127 levels"),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.path.starts_with(path) && fault.problem.contains(words), "{fault:?}");
        }
    }
}
