//! `distcc-setup completions`: the completions for a shell, for whom no package has installed them.
//!
//! Our own are made from the command line's types. Those of the other programs are the files of the
//! directory `completions`, which a test holds against their options.

use clap::{Args, ValueEnum};

use crate::base::exit::Exit;
use crate::setup::{cli, screen};

/// The file in which the directory `completions` has them for a program.
macro_rules! files {
    ($shell:expr, $program:literal) => {
        match $shell {
            Shell::Bash => include_str!(concat!("../../../completions/", $program, ".bash")),
            Shell::Zsh => include_str!(concat!("../../../completions/_", $program)),
            Shell::Fish => include_str!(concat!("../../../completions/", $program, ".fish")),
        }
    };
}

/// Options of `distcc-setup completions`.
#[derive(Args, Debug)]
pub struct CompletionsOptions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
    /// Whose completions
    #[arg(value_name = "PROGRAM", default_value = "distcc-setup")]
    pub program: Program,
}

/// A shell that we have completions for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash, with bash-completion
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
}

/// A program that has completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Program {
    /// distcc
    Distcc,
    /// distccd
    Distccd,
    /// distcc-setup
    DistccSetup,
    /// update-distcc-symlinks
    UpdateDistccSymlinks,
}

/// Does it.
pub(super) fn run(options: &CompletionsOptions) -> Exit {
    let text = match options.program {
        Program::Distcc => files!(options.shell, "distcc").to_owned(),
        Program::Distccd => files!(options.shell, "distccd").to_owned(),
        Program::UpdateDistccSymlinks => files!(options.shell, "update-distcc-symlinks").to_owned(),
        Program::DistccSetup => generate(options.shell.into(), &mut cli::command(), "distcc-setup"),
    };
    screen::write(&text);
    Exit::OK
}

impl From<Shell> for clap_complete::Shell {
    fn from(shell: Shell) -> Self {
        match shell {
            Shell::Bash => Self::Bash,
            Shell::Zsh => Self::Zsh,
            Shell::Fish => Self::Fish,
        }
    }
}

/// The completions of `program`, whose options are those of `command`.
pub fn generate(shell: clap_complete::Shell, command: &mut clap::Command, program: &str) -> String {
    let mut made = Vec::new();
    clap_complete::generate(shell, command, program, &mut made);
    let made = String::from_utf8_lossy(&made);
    // clap_complete 4.6 has two ways to spell a name with a dash in bash, and so finds nothing for
    // the subcommands of such a program.
    let misspelt = format!("{}__subcmd__", program.replace('-', "__subcmd__"));
    made.replace(&misspelt, &format!("{}__subcmd__", program.replace('-', "__")))
}
