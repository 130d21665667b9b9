//! The repository's `examples/`: what every plugin has to be able to render, in the operator's self-test and offline.

/// Each file's name and text.
pub const FILES: [(&str, &str); 10] = [
    ("environment.yaml", include_str!("../../examples/environment.yaml")),
    ("gateway.yaml", include_str!("../../examples/gateway.yaml")),
    ("health-and-security.yaml", include_str!("../../examples/health-and-security.yaml")),
    ("minimal.yaml", include_str!("../../examples/minimal.yaml")),
    ("network-policy.yaml", include_str!("../../examples/network-policy.yaml")),
    ("private-registry.yaml", include_str!("../../examples/private-registry.yaml")),
    ("scale-to-zero.yaml", include_str!("../../examples/scale-to-zero.yaml")),
    ("stateless.yaml", include_str!("../../examples/stateless.yaml")),
    ("storage.yaml", include_str!("../../examples/storage.yaml")),
    ("tls.yaml", include_str!("../../examples/tls.yaml")),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_example_of_the_repository_is_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "yaml"));
        let mut names: Vec<_> = files.map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        assert_eq!(FILES.map(|(name, _)| name).to_vec(), names);
    }
}
