//! Takes the values out of a server that may be secret, so that what stays is a server that the operator accepts. Pure.
//!
//! Those are the values of environment variables, arguments, and what health probes send or execute. Names, labels,
//! annotations and parameters stay.

use serde_json::Value;

/// What stands for a value that was taken out.
pub const PLACEHOLDER: &str = "REDACTED";
/// Shorter values are no secrets, and would be found everywhere.
const SHORTEST: usize = 4;

/// What was taken out.
#[derive(Debug, Default)]
pub struct Redaction {
    /// The fields.
    pub paths: Vec<String>,
    values: Vec<String>,
}

/// Takes values out of `server`, which is `request.server`.
pub fn redact(server: &mut Value) -> Redaction {
    let mut redaction = Redaction::default();
    let config = &mut server["spec"]["config"];
    redaction.each(config.get_mut("env"), "spec.config.env", |redaction, path, variable| {
        redaction.whole(variable.get_mut("value"), format!("{path}.value"));
    });
    redaction.each(config.get_mut("arguments"), "spec.config.arguments", Redaction::argument);
    for probe in ["livenessProbe", "readinessProbe"] {
        let path = format!("spec.runtime.health.{probe}");
        if let Some(probe) = server.pointer_mut(&format!("/{}", path.replace('.', "/"))) {
            redaction.probe(&path, probe);
        }
    }
    redaction
}

impl Redaction {
    /// The text without the values that were taken out: a plugin may have repeated them in a message.
    pub fn scrub(&self, text: &str) -> String {
        let mut values: Vec<_> = self.values.iter().filter(|value| value.len() >= SHORTEST).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.into_iter().fold(text.to_owned(), |text, value| text.replace(value.as_str(), PLACEHOLDER))
    }

    fn each(&mut self, list: Option<&mut Value>, path: &str, redact: impl Fn(&mut Self, String, &mut Value)) {
        let items = list.and_then(Value::as_array_mut).into_iter().flatten();
        items.enumerate().for_each(|(index, item)| redact(self, format!("{path}[{index}]"), item));
    }

    fn whole(&mut self, value: Option<&mut Value>, path: String) {
        if let Some(value) = value {
            self.end(value, path, 0);
        }
    }

    /// Takes out what follows the first bytes of a text.
    fn end(&mut self, value: &mut Value, path: String, kept: usize) {
        let Some((kept, secret)) = value.as_str().and_then(|text| text.split_at_checked(kept)) else { return };
        if secret.is_empty() || secret == PLACEHOLDER {
            return;
        }
        self.paths.push(path);
        self.values.push(secret.to_owned());
        *value = format!("{kept}{PLACEHOLDER}").into();
    }

    /// An option's name stays, its value goes; so does every other word.
    fn argument(&mut self, path: String, argument: &mut Value) {
        let kept = argument.as_str().map_or(0, option_name);
        self.end(argument, path, kept);
    }

    fn probe(&mut self, path: &str, probe: &mut Value) {
        if let Some(exec) = probe.get_mut("exec") {
            self.each(exec.get_mut("command"), &format!("{path}.exec.command"), Self::argument);
        }
        let Some(get) = probe.get_mut("httpGet") else { return };
        self.each(get.get_mut("httpHeaders"), &format!("{path}.httpGet.httpHeaders"), |redaction, path, header| {
            redaction.whole(header.get_mut("value"), format!("{path}.value"));
        });
        if let Some(url) = get.get_mut("path") {
            let query = url.as_str().and_then(|url| Some(url.find('?')? + 1));
            let kept = query.unwrap_or_else(|| url.as_str().map_or(0, str::len));
            self.end(url, format!("{path}.httpGet.path"), kept);
        }
    }
}

/// The length of what is an option and not its value: `--name`, `--name=` or `-n`.
fn option_name(argument: &str) -> usize {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let name = argument.split_once('=').map_or(argument, |(name, _)| name);
    match (name.strip_prefix("--"), name.strip_prefix('-')) {
        (Some(long), _) if is_name(long) => argument.len().min(name.len() + 1),
        (None, Some(short)) if short.len() == 1 => argument.len().min(name.len() + 1),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn values_go_and_names_stay() {
        let mut server = json!({"spec": {
            "config": {
                "port": 80,
                "env": [{"name": "TOKEN", "value": "s3cret"}, {"name": "EMPTY", "value": ""},
                    {"name": "REF", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                "arguments": ["serve", "--verbose", "--token=abc=def", "-p", "-ps3cret", "--", "--url=", "--a b=c"],
            },
            "runtime": {"health": {
                "livenessProbe": {"exec": {"command": ["check", "--password", "hunter2"]}},
                "readinessProbe": {"httpGet": {"path": "/ready?key=1", "port": 80,
                    "httpHeaders": [{"name": "Authorization", "value": "Bearer x"}]}},
            }},
        }});
        let redaction = redact(&mut server);
        let expected = json!({"spec": {
            "config": {
                "port": 80,
                "env": [{"name": "TOKEN", "value": "REDACTED"}, {"name": "EMPTY", "value": ""},
                    {"name": "REF", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                "arguments": ["REDACTED", "--verbose", "--token=REDACTED", "-p", "REDACTED", "--", "--url=", "REDACTED"],
            },
            "runtime": {"health": {
                "livenessProbe": {"exec": {"command": ["REDACTED", "--password", "REDACTED"]}},
                "readinessProbe": {"httpGet": {"path": "/ready?REDACTED", "port": 80,
                    "httpHeaders": [{"name": "Authorization", "value": "REDACTED"}]}},
            }},
        }});
        assert_eq!(server, expected);
        assert_eq!(redaction.paths[..2], ["spec.config.env[0].value", "spec.config.arguments[0]"]);
        assert_eq!(redaction.paths.len(), 9);
        assert_eq!(redact(&mut server).paths, Vec::<String>::new(), "there is nothing left");
    }

    #[test]
    fn a_value_that_a_plugin_repeats_goes_as_well() {
        let mut server = json!({"spec": {"config": {"arguments": ["s3cret", "s3cret-longer", "on"]}}});
        let redaction = redact(&mut server);
        assert_eq!(redaction.scrub("no s3cret-longer, no s3cret, but on"), "no REDACTED, no REDACTED, but on");
    }

    #[test]
    fn a_server_without_any_of_it_stays_as_it_is() {
        let server = json!({"spec": {"config": {"port": 80}}});
        let mut redacted = server.clone();
        assert!(redact(&mut redacted).paths.is_empty());
        assert_eq!(redacted, server);
    }
}
