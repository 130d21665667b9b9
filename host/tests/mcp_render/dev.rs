//! `dev`: rounds, driven by a component that is replaced while it watches.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::command::{command, run, server};
use crate::plugins::Plugins;

/// A command that watches.
struct Dev {
    child: Child,
    lines: Receiver<String>,
}

impl Dev {
    fn start(arguments: &[&Path]) -> Self {
        let mut child = command();
        child.arg("dev").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        let (said, lines) = mpsc::channel();
        listen(child.stdout.take().unwrap(), said.clone());
        listen(child.stderr.take().unwrap(), said);
        Self { child, lines }
    }

    /// What it says until it has said this and waits again, in any order: its two streams are not one.
    fn until(&self, words: &str) -> String {
        let mut said = String::new();
        while !said.contains(words) || !said.contains("waiting for a change") {
            let line = self.lines.recv_timeout(Duration::from_mins(2));
            said += &line.unwrap_or_else(|_| panic!("it never says {words:?}; it says:\n{said}"));
            said.push('\n');
        }
        said
    }

    /// Ctrl-C.
    fn interrupt(mut self) -> Option<i32> {
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

/// Hands on each line of a stream, to whoever listens.
fn listen(stream: impl Read + Send + 'static, said: Sender<String>) {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    thread::spawn(move || lines.for_each(|line| drop(said.send(line))));
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn each_change_is_a_round_until_ctrl_c() {
    let plugins = Plugins::new();
    let replicas =
        |number: u32| move |objects: &mut Vec<(String, Value)>| objects[2].1["spec"]["replicas"] = json!(number);
    let servers = plugins.folder().join("server.yaml");
    fs::write(&servers, server("a", "")).unwrap();
    let component = plugins.answering(replicas(2));
    let dev = Dev::start(&[&component, Path::new("-f"), &servers]);
    let first = dev.until("pods stay: 1");
    assert!(
        first.contains("\n+  replicas: 2\n") && !first.contains('\u{1b}'),
        "beside the default plugin alone: {first}"
    );

    plugins.answering(replicas(3));
    let second = dev.until("pods stay: 1");
    assert!(second.contains("\n-  replicas: 2\n+  replicas: 3\n"), "{second}");

    fs::write(&component, "no component").unwrap();
    let broken = dev.until("this is not WebAssembly");
    assert!(broken.contains("error: "), "{broken}");

    plugins.answering(replicas(3));
    dev.until("no change: 1");

    fs::write(&servers, server("b", "")).unwrap();
    let other = dev.until("refused now: 1");
    assert!(other.contains("must be b, or left out"), "the fixed answer is for another server: {other}");
    assert_eq!(dev.interrupt(), Some(0));
}

#[test]
fn a_project_that_does_not_build_is_waited_for() {
    if !crate::build::has_go() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("team-labels");
    run(["new", "team-labels", "--lang", "go", "--dir", project.to_str().unwrap()]).printed();
    let main = project.join("main.go");
    let sound = fs::read_to_string(&main).unwrap();
    fs::write(&main, "package main\n\nfunc").unwrap();
    let case = project.join("cases/a-server-gets-the-usual-class/server.yaml");
    let dev = Dev::start(&[&project, Path::new("-f"), &case]);
    dev.until("syntax error");
    fs::write(&main, sound).unwrap();
    let built = dev.until("restarts pods: 1");
    assert!(built.contains("\n+      priorityClassName: mcp-standard\n"), "{built}");
    assert_eq!(dev.interrupt(), Some(0));
}

#[test]
fn without_a_project_it_ends_with_2() {
    let empty = tempfile::tempdir().unwrap();
    let lines = run(["dev".as_ref(), empty.path().as_os_str()]).complaints(2);
    assert!(lines.last().unwrap().contains("this is no plugin project"), "{lines:?}");
    assert!(run(["dev", "no-such-folder"]).complaints(2)[0].contains("there is no such folder or file"));
}
