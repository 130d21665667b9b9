//! A YAML (or JSON) document that remembers on which line each of its values stands. Pure.
//!
//! Scalars are read as `kubectl` reads them: `0440` is octal, an unquoted `yes` is a boolean, `<<` merges, and a key that
//! appears twice is an error.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Options, Spanned, budget, options};

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Located {
    line: u64,
    node: Node,
}

#[derive(Debug)]
enum Node {
    Scalar(Value),
    List(Vec<Located>),
    Object(Vec<(String, Located)>),
}

/// Why a text is no document: the line, when it is known, and the problem.
pub(super) type Malformed = (Option<u64>, String);

/// Reads one document. Lines are counted from 1 at the beginning of `text`, plus `offset`.
pub(super) fn parse(text: &str, offset: u64) -> Result<Located, Malformed> {
    let mut document: Located = serde_saphyr::from_str_with_options(text, as_kubectl()).map_err(|error| {
        let problem = error.without_snippet().to_string();
        (error.location().map(|location| location.line() + offset), problem)
    })?;
    document.shift(offset);
    Ok(document)
}

fn as_kubectl() -> Options {
    options! {
        legacy_octal_numbers: true,
        budget: budget! { max_nodes: 20_000_000, max_events: 50_000_000, max_depth: 128 },
    }
}

impl Located {
    /// The lines of a document that has only one.
    pub(super) fn in_one_line() -> Self {
        Self { line: 1, node: Node::Scalar(Value::Null) }
    }

    /// The line on which the value begins.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The document without its lines.
    pub(super) fn to_value(&self) -> Value {
        match &self.node {
            Node::Scalar(value) => value.clone(),
            Node::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Node::Object(fields) => {
                let field = |(key, value): &(String, Self)| (key.clone(), value.to_value());
                Value::Object(fields.iter().map(field).collect::<Map<_, _>>())
            }
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn into_items(self) -> Vec<Self> {
        match self.node {
            Node::List(items) => items,
            _ => Vec::new(),
        }
    }

    /// Takes one field out of an object.
    pub(super) fn into_field(self, name: &str) -> Option<Self> {
        match self.node {
            Node::Object(fields) => fields.into_iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The line of the value at a path such as `spec.config.storage[2].path` or `spec.extraLabels[example.com/team]`,
    /// or of the nearest value around it that the document has.
    pub(super) fn line_of(&self, path: &str) -> u64 {
        let mut here = self;
        let mut rest = path;
        while let Some((step, remaining)) = first_step(rest) {
            let Some(child) = here.child(step) else { break };
            (here, rest) = (child, remaining);
        }
        here.line
    }

    fn child(&self, step: &str) -> Option<&Self> {
        match &self.node {
            Node::Object(fields) => fields.iter().find(|(key, _)| key == step).map(|(_, value)| value),
            Node::List(items) => items.get(step.parse::<usize>().ok()?),
            Node::Scalar(_) => None,
        }
    }

    fn shift(&mut self, offset: u64) {
        self.line += offset;
        match &mut self.node {
            Node::Scalar(_) => {}
            Node::List(items) => items.iter_mut().for_each(|item| item.shift(offset)),
            Node::Object(fields) => fields.iter_mut().for_each(|(_, value)| value.shift(offset)),
        }
    }
}

/// Splits off the first field name or the first text in brackets.
fn first_step(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('.').unwrap_or(path);
    if let Some(inner) = path.strip_prefix('[') {
        return inner.split_once(']');
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    (!path.is_empty()).then(|| path.split_at(end))
}

impl<'de> Deserialize<'de> for Located {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Spanned::<Node>::deserialize(deserializer)?;
        Ok(Self { line: node.referenced.line(), node: node.value })
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("infinity and NaN are no JSON numbers"))?;
        Ok(Node::Scalar(number.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = map.next_key::<Located>()? {
            let key = match key.node {
                Node::Scalar(Value::String(text)) => text,
                Node::Scalar(scalar @ (Value::Bool(_) | Value::Number(_))) => scalar.to_string(),
                _ => return Err(A::Error::custom("a key must be text")),
            };
            fields.push((key, map.next_value()?));
        }
        Ok(Node::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        parse(text, 0).unwrap().to_value()
    }

    #[test]
    fn scalars_are_read_as_kubectl_reads_them() {
        let text =
            "mode: 0440\non: yes\nquoted: \"yes\"\nnumber: 8080\nratio: 0.5\nnothing:\ndate: 2026-01-02\n8080: port\n";
        let expected = json!({
            "mode": 288, "true": true, "quoted": "yes", "number": 8080, "ratio": 0.5, "nothing": null,
            "date": "2026-01-02", "8080": "port",
        });
        assert_eq!(value(text), expected);
        assert_eq!(value("a: &x {b: 1}\nc: {<<: *x, d: 2}"), json!({"a": {"b": 1}, "c": {"b": 1, "d": 2}}));
    }

    #[test]
    fn json_is_a_document_too() {
        assert_eq!(value("{\"a\": [1, \"yes\", null]}"), json!({"a": [1, "yes", null]}));
    }

    #[test]
    fn the_line_of_a_field_or_of_what_is_around_it_is_known() {
        let text = "spec:\n  list:\n    - path: /a\n    - path: /b\n  labels:\n    example.com/team: x\n";
        let document = parse(text, 10).unwrap();
        let paths = ["", "spec.list[1].path", "spec.labels[example.com/team]", "spec.list[7].path", "spec.absent.deep"];
        assert_eq!(paths.map(|path| document.line_of(path)), [11, 14, 16, 13, 12]);
    }

    #[test]
    fn what_stands_in_one_line_stands_in_the_first() {
        let document = parse(r#"{"spec": {"list": [{"path": "/a"}]}}"#, 0).unwrap();
        for path in ["", "spec.list[0].path", "spec.absent"] {
            assert_eq!(Located::in_one_line().line_of(path), document.line_of(path));
        }
    }

    #[test]
    fn a_key_that_appears_twice_is_an_error_with_its_line() {
        let (line, problem) = parse("a: 1\nb: 2\na: 3\n", 4).unwrap_err();
        assert_eq!(line, Some(7), "{problem}");
        assert!(problem.contains("duplicate"), "{problem}");
    }

    #[test]
    fn a_flood_of_aliases_is_refused() {
        let line = |level: usize| {
            let previous = if level == 0 { "x".to_owned() } else { format!("*a{}", level - 1) };
            format!("a{level}: &a{level} [{}]\n", vec![previous; 10].join(", "))
        };
        assert!(parse(&(0..12).map(line).collect::<String>(), 0).is_err());
    }
}
