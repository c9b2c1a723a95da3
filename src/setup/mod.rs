//! `distcc-setup`: everything around distcc that a person does, one subcommand each.

pub mod cli;
mod trial;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::base::exit::Exit;
use crate::base::log::{self, Level, Sink};
use crate::setup::cli::{Action, Cli};

/// Runs the program with the process's own arguments.
pub fn main() -> ExitCode {
    log::init("distcc-setup", Level::Warning, Sink::Stderr);
    run(std::env::args_os()).into()
}

/// Reads the command line and does what it says.
fn run(argv: impl IntoIterator<Item = OsString>) -> Exit {
    match Cli::try_parse_from(argv) {
        Ok(Cli { action: Action::Try(options) }) => trial::run(&options),
        Ok(Cli { action: Action::Guard(options) }) => trial::guard::run(&options),
        Err(error) => {
            // Nowhere is left to say that saying it failed.
            drop(error.print());
            Exit(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}

/// Prints a line for people on stderr.
fn complain(text: &str) {
    // Nowhere is left to say that saying it failed.
    drop(writeln!(std::io::stderr(), "distcc-setup: {text}"));
}
