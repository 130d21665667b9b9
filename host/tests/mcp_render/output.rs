//! The output's formats, and readers that stop reading.

use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

use crate::command::{command, documents, render, run, server};

#[test]
fn json_is_one_list_of_the_same_objects() {
    let text = run(["render", "-f", "examples", "-o", "json"]).printed();
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((list["apiVersion"].as_str(), list["kind"].as_str()), (Some("v1"), Some("List")));
    let objects = documents(&run(["render", "-f", "examples"]).printed());
    assert_eq!(*list["items"].as_array().unwrap(), objects);
}

#[test]
fn texts_that_yaml_1_1_reads_as_something_else_are_quoted() {
    let config = "    env:\n    - {name: A, value: \"yes\"}\n    - {name: B, value: \"0440\"}\n    - {name: C, value: \"1e3\"}\n";
    let text = render(&server("a", config)).printed();
    let values: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("value: ")).collect();
    assert!(values.len() == 3 && values.iter().all(|value| value.starts_with(['"', '\''])), "{values:?}");
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let many: Vec<_> = (0..200).map(|number| server(&format!("a-{number}"), "")).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("many.yaml");
    std::fs::write(&file, many.join("---\n")).unwrap();
    let mut child = command()
        .args(["render".as_ref(), "-f".as_ref(), file.as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap(); // and the pipe is closed, far from its end
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
