//! `distcc-setup`: everything around distcc that a person does, one subcommand each.

pub mod addresses;
mod apply;
pub mod check;
pub mod chroot;
pub mod cli;
mod compilers;
pub mod completions;
pub mod configure;
pub mod discover;
pub mod doctor;
pub mod facts;
pub mod hosts;
pub mod march;
mod network;
mod places;
mod policy;
pub mod ports;
pub mod probe;
mod reasons;
pub mod report;
pub mod rules;
mod screen;
pub mod settings;
pub mod subject;
mod tally;
mod trial;
pub mod undo;
pub mod volunteer;
mod words;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::base::exit::Exit;
use crate::base::log::{self, Level, Sink};
use crate::setup::cli::{Action, Cli, GuardOptions};

/// Runs the program with the process's own arguments.
pub fn main() -> ExitCode {
    log::init("distcc-setup", Level::Warning, Sink::Stderr);
    run(std::env::args_os()).into()
}

/// Reads the command line and does what it says.
fn run(argv: impl IntoIterator<Item = OsString>) -> Exit {
    let mut argv: Vec<OsString> = argv.into_iter().collect();
    if argv.get(1).is_some_and(|word| word == cli::GUARD) {
        argv.remove(0);
        return GuardOptions::try_parse_from(argv)
            .map_or_else(|error| refuse(&error), |options| trial::guard::run(&options));
    }
    if let [_, word, words @ ..] = argv.as_slice()
        && word == policy::POLICY
    {
        return policy::run(words);
    }
    match Cli::try_parse_from(argv) {
        Ok(cli) => all_said(act(&cli.action)),
        Err(error) => refuse(&error),
    }
}

fn act(action: &Action) -> Exit {
    match action {
        Action::Configure(options) => configure::run(options),
        Action::Undo(options) => undo::run(options),
        Action::Check(options) => check::run(options),
        Action::Hosts(options) => hosts::run(options),
        Action::Doctor(options) => doctor::run(options),
        Action::Volunteer(options) => volunteer::run(options),
        Action::Chroot(options) => chroot::run(options),
        Action::March(options) => march::run(options),
        Action::Report(options) => report::run(options),
        Action::Completions(options) => completions::run(options),
        Action::Try(options) => trial::run(options),
    }
}

/// `exit`, or an error where a part of the output is lost, and nothing else told so.
fn all_said(exit: Exit) -> Exit {
    let Some(error) = screen::failure() else { return exit };
    complain(&format!("not all of the output could be written: {error}"));
    if exit == Exit::OK { Exit(2) } else { exit }
}

/// Prints what clap has to say: an error, or help.
fn refuse(error: &clap::Error) -> Exit {
    // Nowhere is left to say that saying it failed.
    drop(error.print());
    Exit(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Prints a line for people on stderr. What it quotes may have come from anywhere, so control
/// characters do not reach the terminal.
fn complain(text: &str) {
    let text = apply::diff::escaped(text.as_bytes());
    // Nowhere is left to say that saying it failed.
    drop(writeln!(std::io::stderr(), "distcc-setup: {text}"));
}
