//! What a server says about itself, cut to sizes that fit a status. Pure.
//!
//! A server is not trusted: whatever it says is bounded here, because it ends up in etcd and in every watch.

use rmcp::model::{ServerCapabilities, ServerPeerInfo};
use serde::{Deserialize, Serialize};

/// Longest name, version and protocol version that are kept, in characters.
const MAX_NAME: usize = 128;
/// Longest instructions that are kept, in characters; what was cut ends in `…`, which counts.
const MAX_INSTRUCTIONS: usize = 1024;

/// What a server says about itself in its answer to `server/discover` or `initialize`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ServerInfo {
    /// The implementation's name, at most 128 characters. A stateless server need not tell it.
    pub name: Option<String>,
    /// The implementation's version, at most 128 characters. A stateless server need not tell it.
    pub version: Option<String>,
    /// The protocol revision the two agreed on, such as `2025-11-25`.
    pub protocol_version: String,
    /// The server's instructions for models, at most 1,024 characters.
    pub instructions: Option<String>,
    /// What the server offers.
    pub capabilities: Capabilities,
}

/// Which of the protocol's capabilities a server declares.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "five independent facts, named as in the protocol")]
pub struct Capabilities {
    /// It has tools.
    pub tools: bool,
    /// It has resources.
    pub resources: bool,
    /// It has prompts.
    pub prompts: bool,
    /// It sends log messages.
    pub logging: bool,
    /// It completes arguments.
    pub completions: bool,
}

impl From<&ServerPeerInfo> for ServerInfo {
    fn from(peer: &ServerPeerInfo) -> Self {
        let identity = peer.server_info.as_ref();
        Self {
            name: identity.and_then(|identity| cut(&identity.name, MAX_NAME)),
            version: identity.and_then(|identity| cut(&identity.version, MAX_NAME)),
            protocol_version: cut(peer.protocol_version.as_str(), MAX_NAME).unwrap_or_default(),
            instructions: peer.instructions.as_ref().and_then(|text| cut(text, MAX_INSTRUCTIONS)),
            capabilities: Capabilities::from(&peer.capabilities),
        }
    }
}

impl From<&ServerCapabilities> for Capabilities {
    fn from(declared: &ServerCapabilities) -> Self {
        Self {
            tools: declared.tools.is_some(),
            resources: declared.resources.is_some(),
            prompts: declared.prompts.is_some(),
            logging: declared.logging.is_some(),
            completions: declared.completions.is_some(),
        }
    }
}

/// At most `max` characters of `text`; nothing when there are none.
fn cut(text: &str, max: usize) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    if text.chars().nth(max).is_none() {
        return Some(text.to_owned());
    }
    Some(text.chars().take(max - 1).chain(['…']).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("", 3), None);
        assert_eq!(cut("äöü", 3).as_deref(), Some("äöü"));
        assert_eq!(cut("äöüß", 3).as_deref(), Some("äö…"));
    }

    #[test]
    fn what_a_server_may_leave_out_is_absent() {
        let peer = ServerPeerInfo::new(rmcp::model::ProtocolVersion::V_2026_07_28, ServerCapabilities::default());
        let info = ServerInfo::from(&peer);
        assert_eq!((info.name, info.version, info.instructions), (None, None, None));
        assert_eq!(info.protocol_version, "2026-07-28");
        assert_eq!(info.capabilities, Capabilities::default());
    }
}
