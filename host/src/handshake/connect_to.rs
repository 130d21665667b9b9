//! Where to connect instead of where a URL points, in the notation of curl's `--connect-to`.
//!
//! For an operator that runs outside the cluster, where Service names do not resolve. Only the connection goes elsewhere:
//! the `Host` header, the TLS server name and the certificate check stay with the URL. Pure.

use std::fmt;
use std::str::FromStr;

/// One rule, `HOST1:PORT1:HOST2:PORT2`: what would connect to HOST1:PORT1 connects to HOST2:PORT2.
///
/// An empty HOST1 or PORT1 matches anything, an empty HOST2 or PORT2 keeps what the URL says. IPv6 addresses stand in
/// brackets. Source: curl(1), `--connect-to`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectTo {
    from_host: Option<String>,
    from_port: Option<u16>,
    to_host: Option<String>,
    to_port: Option<u16>,
}

impl ConnectTo {
    /// Where a connection to `host` and `port` goes by the first of `rules` that matches; `None` when none does.
    ///
    /// Hosts are compared without regard to case and carry no brackets, neither here nor in the answer.
    pub(super) fn destination(rules: &[Self], host: &str, port: u16) -> Option<(String, u16)> {
        let rule = rules.iter().find(|rule| rule.matches(host, port))?;
        Some((rule.to_host.clone().unwrap_or_else(|| host.to_owned()), rule.to_port.unwrap_or(port)))
    }

    fn matches(&self, host: &str, port: u16) -> bool {
        self.from_host.as_ref().is_none_or(|from| from.eq_ignore_ascii_case(host))
            && self.from_port.is_none_or(|from| from == port)
    }
}

/// Why a text is no [`ConnectTo`] rule, with the way to write one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{rule}` is no connect-to rule: {why}. Write HOST1:PORT1:HOST2:PORT2: what would connect to HOST1:PORT1 then \
     connects to HOST2:PORT2; an empty HOST1 or PORT1 matches anything, an IPv6 address stands in brackets. \
     `::127.0.0.1:8080` sends every connection to 127.0.0.1:8080"
)]
pub struct InvalidRule {
    rule: String,
    why: String,
}

impl FromStr for ConnectTo {
    type Err = InvalidRule;

    fn from_str(rule: &str) -> Result<Self, InvalidRule> {
        parse(rule).map_err(|why| InvalidRule { rule: rule.to_owned(), why })
    }
}

fn parse(rule: &str) -> Result<ConnectTo, String> {
    let parts = split(rule)?;
    let [from_host, from_port, to_host, to_port] = parts.as_slice() else {
        return Err(format!("it has {} parts between colons instead of 4", parts.len()));
    };
    Ok(ConnectTo {
        from_host: host(from_host)?,
        from_port: port(from_port)?,
        to_host: host(to_host)?,
        to_port: port(to_port)?,
    })
}

/// Splits at colons outside brackets.
fn split(rule: &str) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let mut rest = rule;
    loop {
        let end = if rest.starts_with('[') {
            let bracket = rest.find(']').ok_or("a bracket is opened and not closed")?;
            bracket + 1
        } else {
            rest.find(':').unwrap_or(rest.len())
        };
        let (part, tail) = rest.split_at(end);
        parts.push(part);
        match tail.strip_prefix(':') {
            Some(next) => rest = next,
            None if tail.is_empty() => return Ok(parts),
            None => return Err(format!("`{tail}` stands between `{part}` and a colon")),
        }
    }
}

fn host(text: &str) -> Result<Option<String>, String> {
    if let Some(address) = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        let address: std::net::Ipv6Addr = address.parse().map_err(|_| format!("`{text}` holds no IPv6 address"))?;
        return Ok(Some(address.to_string()));
    }
    if let Some(odd) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || "-._".contains(*c))) {
        return Err(format!("a host name cannot contain `{odd}`"));
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

fn port(text: &str) -> Result<Option<u16>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse() {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(format!("`{text}` is no port from 1 to 65535")),
    }
}

impl fmt::Display for ConnectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |host: &Option<String>| match host {
            Some(address) if address.contains(':') => format!("[{address}]"),
            Some(name) => name.clone(),
            None => String::new(),
        };
        let port = |port: Option<u16>| port.map(|port| port.to_string()).unwrap_or_default();
        let Self { from_host, from_port, to_host, to_port } = self;
        write!(f, "{}:{}:{}:{}", host(from_host), port(*from_port), host(to_host), port(*to_port))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn rules(texts: &[&str]) -> Vec<ConnectTo> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn destination(texts: &[&str], host: &str, port: u16) -> Option<(String, u16)> {
        ConnectTo::destination(&rules(texts), host, port)
    }

    #[test]
    fn a_full_rule_maps_its_host_and_port_and_nothing_else() {
        let rule = ["echo.default.svc:8080:127.0.0.1:1234"];
        assert_eq!(destination(&rule, "echo.default.svc", 8080), Some(("127.0.0.1".into(), 1234)));
        assert_eq!(destination(&rule, "ECHO.default.SVC", 8080), Some(("127.0.0.1".into(), 1234)));
        assert_eq!(destination(&rule, "echo.default.svc", 8081), None);
        assert_eq!(destination(&rule, "other.default.svc", 8080), None);
    }

    #[test]
    fn empty_parts_match_anything_and_keep_the_rest() {
        assert_eq!(destination(&["::127.0.0.1:1234"], "any", 1), Some(("127.0.0.1".into(), 1234)));
        assert_eq!(destination(&[":80::1234"], "any", 80), Some(("any".into(), 1234)));
        assert_eq!(destination(&["any::[::1]:"], "any", 80), Some(("::1".into(), 80)));
    }

    #[test]
    fn the_first_matching_rule_wins() {
        let texts = ["a:::1", "::b:2"];
        assert_eq!(destination(&texts, "a", 9), Some(("a".into(), 1)));
        assert_eq!(destination(&texts, "c", 9), Some(("b".into(), 2)));
    }

    #[test]
    fn a_rule_prints_as_it_was_written() {
        for text in ["a:1:b:2", ":::", "::127.0.0.1:8080", "[::1]:80:[fe80::2]:", "a.b-c_d:::9"] {
            assert_eq!(text.parse::<ConnectTo>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_wrong_rule_says_what_is_wrong_and_how_to_write_it() {
        for (text, why) in [
            ("", "it has 1 parts"),
            ("a:1:b", "it has 3 parts"),
            ("::fe80::1:80", "it has 6 parts"),
            ("a:x:b:2", "`x` is no port"),
            ("a:0:b:2", "`0` is no port"),
            ("a:70000:b:2", "`70000` is no port"),
            ("[::1:80:b:2", "not closed"),
            ("[::1]x:80:b:2", "`x:80:b:2` stands between"),
            ("[zz]:80:b:2", "no IPv6 address"),
            ("http://a:80:b:2", "it has 5 parts"),
            ("a/b:80:b:2", "cannot contain `/`"),
        ] {
            let error = text.parse::<ConnectTo>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(error.contains("HOST1:PORT1:HOST2:PORT2"), "{error}");
        }
    }
}
