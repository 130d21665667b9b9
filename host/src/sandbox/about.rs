//! Checks what a plugin says of itself when it is loaded. Pure.

use serde_json::Value;

use super::bindings::exports::mcp::render::info::PluginInfo;
use super::failure::Failure;
use super::json::{self, Fault};
use super::log::printable;
use super::output::invalid;

/// What a plugin says of itself, checked.
#[derive(Debug)]
pub(super) struct About {
    pub info: PluginInfo,
    /// `parameters-schema`, parsed. Whether it is a JSON Schema is for its user to find out.
    pub parameters_schema: Option<Value>,
}

/// The largest description of a plugin, in bytes.
const SIZE: usize = 256 << 10;

impl About {
    pub(super) fn new(mut info: PluginInfo) -> Result<Self, Failure> {
        let PluginInfo { name, version, description, emits, facts, parameters_schema } = &info;
        let schema = parameters_schema.as_deref().unwrap_or_default();
        let kinds = emits.iter().map(|kind| size_of_val(kind) + kind.api_version.len() + kind.kind.len());
        let facts = facts.iter().map(|fact| size_of_val(fact) + fact.len());
        let size = [name, version, description].map(String::len).iter().sum::<usize>() + schema.len();
        if size + kinds.sum::<usize>() + facts.sum::<usize>() > SIZE {
            return Err(invalid(None, "describe()", "this is more than 256 KiB"));
        }
        if !is_label(name) {
            let problem = format!("{:?} is no DNS label: write up to 63 of a-z, 0-9 and inner `-`", printable(name));
            return Err(invalid(None, "describe().name", &problem));
        }
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte)) {
            return Err(invalid(None, "describe().version", "write a semantic version such as `1.0.0`"));
        }
        if let Some(index) = emits.iter().position(|kind| kind.api_version.is_empty() || kind.kind.is_empty()) {
            let problem = "both `api-version` and `kind` are needed, such as `apps/v1` and `Deployment`";
            return Err(invalid(None, &format!("describe().emits[{index}]"), problem));
        }
        let parameters_schema = parameters_schema.as_deref().map(read_schema).transpose()?;
        info.description = printable(&info.description);
        Ok(Self { info, parameters_schema })
    }
}

fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

fn read_schema(text: &str) -> Result<Value, Failure> {
    match json::parse(text) {
        Ok(schema @ (Value::Object(_) | Value::Bool(_))) => Ok(schema),
        Ok(_) => Err(invalid(None, "describe().parameters-schema", "a JSON Schema is a JSON object")),
        Err(Fault { path, problem }) => {
            Err(invalid(None, &format!("describe().parameters-schema at {}", printable(&path)), &printable(&problem)))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::bindings::exports::mcp::render::info::ObjectKind;
    use super::*;

    type Change = fn(&mut PluginInfo);

    fn info(change: Change) -> PluginInfo {
        let mut info = PluginInfo {
            name: "spread".to_owned(),
            version: "1.0.0-rc.1+build".to_owned(),
            description: "Spreads pods\nover zones.".to_owned(),
            emits: vec![ObjectKind { api_version: "v1".to_owned(), kind: "Service".to_owned() }],
            facts: vec!["config.hash".to_owned()],
            parameters_schema: Some(r#"{"type":"object"}"#.to_owned()),
        };
        change(&mut info);
        info
    }

    #[test]
    fn a_sound_description_is_taken_over() {
        let about = About::new(info(|_| {})).unwrap();
        assert_eq!(about.info.description, "Spreads pods over zones.");
        assert_eq!(about.parameters_schema.unwrap()["type"], "object");
    }

    #[test]
    fn each_unsound_description_names_its_field() {
        let unsound: [(&str, Change); 7] = [
            ("describe().name", |info| info.name = "-spread".to_owned()),
            ("describe().version", |info| info.version = "one two".to_owned()),
            ("describe().emits[0]", |info| info.emits[0].kind.clear()),
            ("describe().parameters-schema", |info| info.parameters_schema = Some("3".to_owned())),
            ("parameters-schema at .", |info| info.parameters_schema = Some(r#"{"a":1,"a":2}"#.to_owned())),
            ("describe(): this is more", |info| info.description = "x".repeat(SIZE)),
            ("describe(): this is more", |info| info.facts = vec![String::new(); SIZE]),
        ];
        for (words, change) in unsound {
            let message = About::new(info(change)).unwrap_err().to_string();
            assert!(message.contains(words), "{words} is missing in: {message}");
        }
    }
}
