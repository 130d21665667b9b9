//! `test`: golden folders, what they expect, and how they are written anew.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::command::{Ended, documents, run, server};
use crate::plugins::Plugins;

/// A folder with cases and plugins.
struct Repository(Plugins);

impl Repository {
    fn new() -> Self {
        Self(Plugins::new())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.folder().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs the cases by the default plugin and a hostile one.
    fn test(&self, plugin: &str, flags: &[&str]) -> Ended {
        let file = self.0.file(plugin, &hostile_plugins::component(plugin));
        let chain = ["--plugin", "default", "--plugin", file.to_str().unwrap()];
        let cases = self.path("cases");
        run(["test", cases.to_str().unwrap()].iter().chain(&chain).chain(flags))
    }
}

#[test]
fn updated_cases_hold_what_render_prints_and_pass() {
    let repository = Repository::new();
    repository.write("cases/the-smallest-server/server.yaml", &server("a", ""));
    repository.write("cases/the-smallest-server/parameters.yaml", "zones: [a]\n");
    let updated = repository.test("parameters", &["--update"]).printed();
    assert_eq!(updated, "updated  the smallest server: new: rendered\n0 passed, 0 failed, 1 updated\n");
    let passed = repository.test("parameters", &[]).printed();
    assert_eq!(passed, "ok       the smallest server\n1 passed, 0 failed\n");
    let printed =
        run([Path::new("render"), Path::new("-f"), &repository.path("cases/the-smallest-server/server.yaml")]);
    assert_eq!(repository.read("cases/the-smallest-server/expected.yaml"), printed.printed());
    assert_eq!(
        documents(&repository.read("cases/the-smallest-server/diagnostics.yaml")),
        [json!([{"severity": "info", "plugin": "parameters", "code": "Parameters", "message": r#"{"zones":["a"]}"#}])]
    );
}

#[test]
fn a_refusal_is_expected_by_its_diagnostics() {
    let repository = Repository::new();
    repository.write("cases/nobody-is-served/server.yaml", &server("a", ""));
    let expected = "# The policy of the house.\n- {severity: error, path: spec.source, code: Refused,\n   plugin: hostile, message: No.}\n";
    repository.write("cases/nobody-is-served/diagnostics.yaml", expected);
    repository.test("invalid", &[]).printed();
    let ended = repository.test("passthrough", &[]);
    assert_eq!(ended.code, Some(1), "a refusal that did not come is a failure: {ended:?}");
    assert!(ended.stdout.contains("-  code: Refused") || ended.stdout.contains("-- code: Refused"), "{}", ended.stdout);
    repository.test("invalid", &["--update"]).printed();
    assert_eq!(repository.read("cases/nobody-is-served/diagnostics.yaml"), expected, "what passes is not touched");
}

#[test]
fn a_difference_is_shown_with_file_and_context_and_without_colour_in_a_pipe() {
    let repository = Repository::new();
    repository.write("cases/one-pod/server.yaml", &server("a", ""));
    repository.test("passthrough", &["--update"]).printed();
    let expected = repository.read("cases/one-pod/expected.yaml");
    repository.write("cases/one-pod/expected.yaml", &expected.replace("cpu: 500m", "cpu: 400m"));
    let ended = repository.test("passthrough", &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "FAILED   one pod");
    assert!(lines[1].starts_with("--- ") && lines[1].ends_with("cases/one-pod/expected.yaml, expected"), "{lines:?}");
    for word in ["-            cpu: 400m", "+            cpu: 500m", "             memory: 256Mi"] {
        assert!(lines.contains(&word), "{word:?} is missing in {}", ended.stdout);
    }
    assert_eq!(lines.last(), Some(&"0 passed, 1 failed"));
    assert!(!ended.stdout.contains('\u{1b}'));
    let file = repository.0.file("passthrough", &hostile_plugins::component("passthrough"));
    let mut command = crate::command::command();
    command.arg("test").arg(repository.path("cases")).args(["--plugin", "default", "--plugin"]).arg(file);
    let coloured = command.env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(String::from_utf8(coloured.stdout).unwrap().contains("\u{1b}[31m-            cpu: 400m"));
}

#[test]
fn a_crash_is_never_expected() {
    let repository = Repository::new();
    repository.write("cases/a-crash/server.yaml", &server("a", ""));
    for flags in [&[][..], &["--update"]] {
        let ended = repository.test("trap", flags);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stdout.contains("MCPServer default/a: plugin hostile: the plugin crashed"), "{}", ended.stdout);
    }
    assert!(!repository.path("cases/a-crash/diagnostics.yaml").exists());
}

#[test]
fn parameters_that_the_schema_refuses_can_be_expected() {
    let repository = Repository::new();
    repository.write("cases/a-zone-is-needed/server.yaml", &server("a", ""));
    let expected = "- {severity: error, path: zones, message: is required}\n";
    repository.write("cases/a-zone-is-needed/diagnostics.yaml", expected);
    repository.test("parameters", &[]).printed();
}

#[test]
fn outcomes_are_data_and_junit_as_well() {
    let repository = Repository::new();
    repository.write("cases/labels/good/server.yaml", &server("a", ""));
    repository.test("passthrough", &["--update"]).printed();
    repository.write("cases/labels/bad/server.yaml", &server("<b>", ""));
    let report = repository.path("report.xml");
    let ended = repository.test("passthrough", &["-o", "json", "--junit", report.to_str().unwrap()]);
    assert_eq!(ended.code, Some(1));
    let outcomes: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&outcomes["passed"], &outcomes["failed"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&outcomes["cases"][0]["name"], &outcomes["cases"][0]["status"]),
        (&json!("labels: bad"), &json!("failed"))
    );
    assert!(outcomes["cases"][0]["problems"][0]["actual"].as_str().unwrap().contains("<b>"), "{outcomes:#}");
    let xml = fs::read_to_string(report).unwrap();
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"mcp-render test\" tests=\"2\" failures=\"1\">"), "{xml}");
    assert!(xml.contains("<testcase name=\"labels: good\"") && xml.contains("&lt;b&gt;"), "{xml}");
    assert_eq!(xml.matches("<failure").count(), 1, "{xml}");
}

#[test]
fn a_folder_without_cases_is_a_mistake() {
    let repository = Repository::new();
    fs::create_dir(repository.path("cases")).unwrap();
    let lines = repository.test("passthrough", &[]).complaints(2);
    assert!(lines[0].ends_with("there is no case in it; a case is a folder with a server.yaml"), "{lines:?}");
    let lines = run(["test", "no-such-folder"]).complaints(2);
    assert!(lines[0].contains("no-such-folder: cannot be searched for cases"), "{lines:?}");
}

#[test]
fn parameters_that_cannot_be_read_are_wrong_usage_and_fail_no_case() {
    let repository = Repository::new();
    repository.write("cases/a/server.yaml", &server("a", ""));
    let ended = repository.test("parameters", &["--parameters", "no-such.yaml"]);
    assert_eq!(ended.stdout, "");
    assert!(ended.complaints(2)[0].starts_with("error: no-such.yaml: No such file"));
    let lines = repository.test("parameters", &["--parameters", "other=no-such.yaml"]).complaints(2);
    assert!(lines[0].contains("no plugin of the chain has the name other"), "{lines:?}");
}

#[test]
fn a_case_without_server_or_with_a_broken_file_fails() {
    let repository = Repository::new();
    repository.write("cases/no-server/expected.yaml", "");
    repository.write("cases/broken/server.yaml", &server("a", ""));
    repository.write("cases/broken/expected.yaml", "a: [\n");
    let ended = repository.test("passthrough", &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told = "no-server: there is no server.yaml; the folder has expected.yaml. A case is a folder with an MCPServer";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("expected.yaml, document 1 (line") && ended.stdout.contains("not YAML"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_folder_among_cases_that_is_none_fails_by_its_name() {
    let repository = Repository::new();
    repository.write("cases/good/server.yaml", &server("a", ""));
    repository.test("passthrough", &["--update"]).printed();
    repository.write("cases/misnamed/sever.yaml", &server("a", ""));
    fs::create_dir_all(repository.path("cases/group/empty")).unwrap();
    let ended = repository.test("passthrough", &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for told in [
        "FAILED   misnamed\n",
        "cases/misnamed: there is no server.yaml; the folder has sever.yaml.",
        "FAILED   group: empty\n",
        "cases/group/empty: there is no server.yaml; the folder is empty.",
        "1 passed, 2 failed\n",
    ] {
        assert!(ended.stdout.contains(told), "{told}: {}", ended.stdout);
    }
}

#[test]
fn folders_beside_the_cases_are_the_projects_own() {
    let repository = Repository::new();
    repository.write("cases/good/server.yaml", &server("a", ""));
    repository.test("passthrough", &["--update"]).printed();
    repository.write("src/lib.rs", "");
    let project = repository.path("");
    let chain =
        ["--plugin", "default", "--plugin", project.join("passthrough.wasm").to_str().unwrap()].map(str::to_owned);
    let arguments = ["test".to_owned(), project.to_str().unwrap().to_owned()];
    assert!(run(arguments.iter().chain(&chain)).printed().ends_with("1 passed, 0 failed\n"));
}

#[test]
fn an_update_records_no_mistake_of_the_manifest() {
    let repository = Repository::new();
    repository.write("cases/a-typo/server.yaml", &server("a", "").replace("ref:", "reff:"));
    let ended = repository.test("passthrough", &["--update"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for told in [
        "FAILED   a typo\n",
        "a-typo/server.yaml, document 1 (line ",
        "spec.source.containerImage.reff: unknown field; did you mean `ref`?",
        "--update does not record this, because no plugin said it: mend the file",
    ] {
        assert!(ended.stdout.contains(told), "{told}: {}", ended.stdout);
    }
    assert!(!repository.path("cases/a-typo/diagnostics.yaml").exists());
}

#[test]
fn a_mistake_of_the_manifest_that_somebody_wrote_down_is_expected() {
    let repository = Repository::new();
    repository.write("cases/a-typo/server.yaml", &server("a", "    prot: 1\n"));
    let said = "- {severity: error, path: spec.config.prot, message: unknown field; did you mean `port`?}\n";
    repository.write("cases/a-typo/diagnostics.yaml", said);
    repository.test("passthrough", &[]).printed();
    repository.test("passthrough", &["--update"]).printed();
    assert_eq!(repository.read("cases/a-typo/diagnostics.yaml"), said);
}

#[test]
fn an_update_says_that_a_case_is_refused_now_and_that_it_is_rendered_again() {
    let repository = Repository::new();
    repository.write("cases/one-pod/server.yaml", &server("a", ""));
    let line = |plugin: &str| repository.test(plugin, &["--update"]).printed().lines().next().unwrap().to_owned();
    assert_eq!(line("passthrough"), "updated  one pod: new: rendered");
    assert_eq!(line("invalid"), "updated  one pod: now refused: spec.source: Refused");
    assert_eq!(line("passthrough"), "updated  one pod: now rendered");
    fs::remove_file(repository.path("cases/one-pod/expected.yaml")).unwrap();
    assert_eq!(line("invalid"), "updated  one pod: new: refused: spec.source: Refused");
    assert_eq!(line("invalid"), "ok       one pod");
}

#[test]
fn why_a_server_is_refused_stands_before_the_objects_that_are_gone() {
    let repository = Repository::new();
    repository.write("cases/one-pod/server.yaml", &server("a", ""));
    repository.test("passthrough", &["--update"]).printed();
    let ended = repository.test("invalid", &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let [said, gone] = ["+  message: No.", "-  name: a"].map(|text| ended.stdout.find(text));
    assert!(said.is_some() && said < gone, "{}", ended.stdout);
}
