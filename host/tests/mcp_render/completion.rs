//! `completion`: the scripts work in a shell, for both commands.

use std::path::Path;
use std::process::Command;

use crate::command::run;

/// What bash offers after these words.
fn offered(program: &str, words: &str) -> String {
    let name = Path::new(program).file_name().unwrap().to_str().unwrap();
    let cursor = words.split(' ').count() - 1;
    let function = format!("_{}", name.replace('-', "__"));
    let script = format!(
        "source <({program} completion bash)
        COMP_WORDS=({words}) COMP_CWORD={cursor}
        {function} {name} \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"
        echo \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn bash_completes_commands_and_flags_of_both() {
    let render = env!("CARGO_BIN_EXE_mcp-render");
    assert_eq!(offered(render, "mcp-render ins"), "inspect\n");
    assert_eq!(offered(render, "mcp-render render --para"), "--parameters\n");
    let operator = env!("CARGO_BIN_EXE_mcp-operator");
    assert_eq!(offered(operator, "mcp-operator com"), "completion\n", "and not `compile`, which is hidden");
    assert_eq!(offered(operator, "mcp-operator run --clus"), "--cluster-domain\n");
}

#[test]
fn every_shell_has_a_script_that_knows_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(["completion", shell]).printed();
        for command in ["render", "inspect", "completion"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(run(["--version"]).printed().split(' ').next(), Some("mcp-render"));
    assert_eq!(run(["completion", "tcsh"]).code, Some(2));
}
