//! The configuration hash: one digest over the contents of everything a server refers to. Pure.
//!
//! Its bytes are a contract: taking over from another operator must not roll a pod. Over each ConfigMap by sorted name,
//! then each Secret by sorted name, over sorted keys: `configmap/<name>/<key>=` or `secret/<name>/<key>=`, the raw
//! value, and a NUL.

#[cfg(test)]
mod golden;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::references::{Source, SourceKind};

/// Keys and raw values of one ConfigMap or Secret.
pub type Contents = BTreeMap<String, Vec<u8>>;

/// The hash in lower-case hex; `None` when there is nothing to hash. ConfigMaps sort before Secrets.
pub fn hash(contents: &BTreeMap<Source, Contents>) -> Option<String> {
    if contents.is_empty() {
        return None;
    }
    let mut hasher = Sha256::new();
    for (source, entries) in contents {
        let prefix = match source.kind {
            SourceKind::ConfigMap => "configmap",
            SourceKind::Secret => "secret",
        };
        for (key, value) in entries {
            hasher.update(format!("{prefix}/{}/{key}=", source.name));
            hasher.update(value);
            hasher.update([0]);
        }
    }
    Some(hex::encode(hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(kind: SourceKind, name: &str, entries: &[(&str, &[u8])]) -> (Source, Contents) {
        let contents = entries.iter().map(|(key, value)| ((*key).to_owned(), value.to_vec())).collect();
        (Source { kind, name: name.to_owned() }, contents)
    }

    fn sha256(bytes: &[u8]) -> String {
        hex::encode(Sha256::digest(bytes))
    }

    #[test]
    fn nothing_found_gives_no_hash() {
        assert_eq!(hash(&BTreeMap::new()), None);
    }

    #[test]
    fn config_maps_come_before_secrets_and_both_are_sorted() {
        let contents = BTreeMap::from([
            source(SourceKind::Secret, "a", &[("token", b"\xff\x00")]),
            source(SourceKind::ConfigMap, "z", &[("b", b"2"), ("a", "ä".as_bytes())]),
            source(SourceKind::ConfigMap, "b", &[("k", b"v")]),
        ]);
        let bytes = b"configmap/b/k=v\0configmap/z/a=\xc3\xa4\0configmap/z/b=2\0secret/a/token=\xff\x00\0";
        assert_eq!(hash(&contents), Some(sha256(bytes)));
    }

    #[test]
    fn an_empty_object_is_hashed_as_no_bytes() {
        let contents = BTreeMap::from([source(SourceKind::ConfigMap, "empty", &[])]);
        assert_eq!(hash(&contents), Some(sha256(b"")));
    }
}
