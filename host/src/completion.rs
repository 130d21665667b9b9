//! Completion of the commands' flags in shells, for both of them. Pure.

use clap::{Args, Command, ValueEnum};
use clap_complete::{Shell, generate};

/// What `completion` is asked for.
#[derive(Args, Clone, Copy, Debug)]
pub struct Flags {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Flags {
    /// The script that makes the shell complete `command`, which has this name.
    ///
    /// # Panics
    /// Never: what clap writes is text.
    pub fn script(self, name: &'static str, command: &Command) -> String {
        let mut script = Vec::new();
        generate(self.shell, &mut visible(name, command), name, &mut script);
        let script = String::from_utf8(script).expect("clap writes text");
        // Of a name with a dash, clap_complete 4.6 sets one variable for bash and asks for another.
        let [set, asked] = ["__", "__subcmd__"].map(|dash| name.replace('-', dash) + "__subcmd__");
        script.replace(&asked, &set)
    }
}

/// The command without those of its commands that nobody should type.
fn visible(name: &'static str, command: &Command) -> Command {
    let commands = command.get_subcommands().filter(|one| !one.is_hide_set()).cloned();
    Command::new(name).version(env!("CARGO_PKG_VERSION")).args(command.get_arguments().cloned()).subcommands(commands)
}

/// How to install the script in each shell.
pub fn help(command: &str) -> String {
    let line = |shell: &Shell| format!("  {:<12}{}\n", shell.to_string(), installation(*shell, command));
    let lines: String = Shell::value_variants().iter().map(line).collect();
    format!("To have it in every new shell:\n{lines}\nExit codes: 0 the script is printed; 2 wrong usage.")
}

fn installation(shell: Shell, command: &str) -> String {
    let script = format!("{command} completion {shell}");
    match shell {
        Shell::Bash => format!("{script} > ~/.local/share/bash-completion/completions/{command}"),
        Shell::Zsh => format!("{script} > \"${{fpath[1]}}/_{command}\"   where compinit is in ~/.zshrc"),
        Shell::Fish => format!("{script} > ~/.config/fish/completions/{command}.fish"),
        Shell::Elvish => format!("{script} >> ~/.config/elvish/rc.elv"),
        Shell::PowerShell => format!("{script} >> $PROFILE"),
        other => format!("{command} completion {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_is_told_how_to_install_its_script() {
        let help = help("mcp-render");
        for shell in Shell::value_variants() {
            let line = help.lines().find(|line| line.contains(&format!("mcp-render completion {shell} >")));
            assert!(line.is_some(), "{shell} is missing in\n{help}");
        }
    }
}
