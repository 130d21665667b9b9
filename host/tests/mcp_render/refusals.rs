//! What is wrong is told with file, document, line and field; all of it at once; and the exit code says how bad it is.

use crate::command::{documents, render, run, run_with_input, server};

#[test]
fn every_mistake_of_every_server_is_told_and_good_servers_are_rendered() {
    let bad = server("bad", "    prot: 1\n    arguments: [\"\"]\n");
    let worse = server("worse", "").replace("port: 8080", "port: many").replace("weather-mcp:1.4.2", "weather-mcp");
    let manifests = [server("good", ""), bad, worse, server("fine", "")].join("---\n");
    let ended = render(&manifests);
    let printed = documents(&ended.stdout);
    assert_eq!(printed.len(), 6);
    assert_eq!(printed[5]["metadata"]["name"], "fine");
    let lines = ended.complaints(1);
    let place =
        |document, line, name| format!("standard input, document {document} (line {line}): MCPServer default/{name}");
    assert_eq!(
        lines[..2],
        [
            format!("error: {}: spec.config.prot: unknown field; did you mean `port`?", place(2, 24, "bad")),
            format!("error: {}: spec.config.arguments[0]: must not be empty", place(2, 25, "bad")),
        ]
    );
    assert!(lines[2].starts_with(&format!("error: {}: spec.config.port: must be an integer", place(3, 37, "worse"))));
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[test]
fn rules_beyond_the_schema_are_checked_too() {
    let tagless = server("a", "").replace("weather-mcp:1.4.2", "weather-mcp");
    let lines = render(&tagless).complaints(1);
    assert!(lines[0].contains("(line 9): MCPServer default/a: spec.source.containerImage.ref: "), "{lines:?}");
    let long = server(&"a".repeat(64), "");
    let lines = render(&long).complaints(1);
    assert!(lines[0].contains("(line 4)") && lines[0].contains(": metadata.name: "), "{lines:?}");
}

#[test]
fn the_authorities_of_a_ca_bundle_are_checked_when_the_secret_is_given() {
    let server = server("a", "") + "  transport: {tls: {enabled: true, caBundleSecret: {name: ca}}}\n";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: ca}\nstringData: {ca.crt: nonsense}\n";
    let lines = render(&[&server, secret].join("---\n")).complaints(1);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("spec.transport.tls.caBundleSecret.name: Secret ca key ca.crt"), "{lines:?}");
}

#[test]
fn a_server_that_is_given_twice_is_refused_the_second_time() {
    let lines = render(&[server("a", ""), server("a", "")].join("---\n")).complaints(1);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("was given before, in standard input, document 1 (line 1)"), "{lines:?}");
}

#[test]
fn input_that_cannot_be_read_ends_with_2_and_hides_nothing() {
    let ended = run(["render", "-f", "no/such/file.yaml", "-f", "examples/minimal.yaml"]);
    assert_eq!(documents(&ended.stdout).len(), 3);
    let lines = ended.complaints(2);
    assert!(lines[0].starts_with("error: no/such/file.yaml: No such file"), "{lines:?}");

    let broken = [server("a", ""), "spec: [\n".to_owned(), server("b", "")].join("---\n");
    let ended = render(&broken);
    assert_eq!(documents(&ended.stdout).len(), 6);
    assert!(ended.complaints(2)[0].starts_with("error: standard input, document 2 (line "));

    let lines = render("just: text\n").complaints(2);
    assert!(lines[0].contains("this is no Kubernetes object: it needs an apiVersion and a kind"), "{lines:?}");
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    let lines = render(&server("a", "    port: 9090\n")).complaints(2);
    assert!(lines[0].contains("document 1 (line 12)") && lines[0].contains("duplicate"), "{lines:?}");
}

#[test]
fn no_server_at_all_is_a_mistake() {
    let lines = render("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n").complaints(2);
    let told =
        "there is no MCPServer in the input: standard input, document 1 (line 1) has Namespace of v1; name files";
    assert!(lines.last().unwrap().contains(told), "{lines:?}");
    let lines = render("# nothing\n").complaints(2);
    assert!(lines[0].contains("in the input: there is no manifest in standard input; name files"), "{lines:?}");
    let empty = tempfile::tempdir().unwrap();
    let lines = run(["render".as_ref(), "-f".as_ref(), empty.path().as_os_str()]).complaints(2);
    assert!(lines[0].contains("no file that ends in .yaml, .yml or .json; -R looks"), "{lines:?}");
}

#[test]
fn another_kind_behind_a_flag_for_config_maps_is_refused() {
    let arguments = ["render", "-f", "examples/minimal.yaml", "--config-map", "-"];
    let lines = run_with_input(arguments, &server("a", "")).complaints(2);
    assert!(lines[0].contains("--config-map takes manifests of ConfigMaps only"), "{lines:?}");
}

#[test]
fn wrong_usage_ends_with_2() {
    assert_eq!(run(["render"]).code, Some(2));
    assert_eq!(run(["render", "-f", "examples", "-o", "xml"]).code, Some(2));
    assert_eq!(run(["no-such-command"]).code, Some(2));
}

#[test]
fn help_teaches_with_examples() {
    for (arguments, word) in [
        (["render", "--help"], "kubectl get mcpservers"),
        (["test", "--help"], "expected.yaml"),
        (["check", "--help"], "coverage"),
        (["diff", "--help"], "restarts pods"),
        (["bench", "--help"], "--max-fuel"),
        (["replay", "--help"], "as recorded"),
        (["new", "--help"], "--lang rust"),
        (["dev", "--help"], "Ctrl-C"),
        (["inspect", "--help"], "jq -r .digest"),
    ] {
        let help = run(arguments).printed();
        assert!(help.contains("Examples:") && help.contains("Exit codes:") && help.contains(word), "{help}");
    }
}
