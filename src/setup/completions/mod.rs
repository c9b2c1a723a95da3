//! `distcc-setup completions`: the completions for a shell, for whom no package has installed them.
//!
//! They are the files of the directory `completions`; a test holds those against the programs'
//! options.

use clap::{Args, ValueEnum};

use crate::base::exit::Exit;
use crate::setup::screen;

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

/// The scripts of one program.
macro_rules! scripts {
    ($shell:expr, $program:literal) => {
        match $shell {
            Shell::Bash => include_str!(concat!("../../../completions/", $program, ".bash")),
            Shell::Zsh => include_str!(concat!("../../../completions/_", $program)),
            Shell::Fish => include_str!(concat!("../../../completions/", $program, ".fish")),
        }
    };
}

/// Does it.
pub(super) fn run(options: &CompletionsOptions) -> Exit {
    screen::write(script(options.program, options.shell));
    Exit::OK
}

fn script(program: Program, shell: Shell) -> &'static str {
    match program {
        Program::Distcc => scripts!(shell, "distcc"),
        Program::Distccd => scripts!(shell, "distccd"),
        Program::DistccSetup => scripts!(shell, "distcc-setup"),
        Program::UpdateDistccSymlinks => scripts!(shell, "update-distcc-symlinks"),
    }
}
