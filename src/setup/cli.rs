//! The command line of `distcc-setup`.

use std::ffi::OsString;
use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::setup::check::CheckOptions;
use crate::setup::chroot::ChrootOptions;
use crate::setup::completions::CompletionsOptions;
use crate::setup::configure::ConfigureOptions;
use crate::setup::doctor::DoctorOptions;
use crate::setup::hosts::HostsOptions;
use crate::setup::march::MarchOptions;
use crate::setup::report::ReportOptions;
use crate::setup::undo::UndoOptions;
use crate::setup::volunteer::VolunteerOptions;

/// Sets up and tries out distcc for people who build Arch packages
#[derive(Debug, Parser)]
#[command(name = "distcc-setup", version, disable_help_subcommand = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Write makepkg.conf so that builds are distributed
    Configure(ConfigureOptions),
    /// Take back what configure or volunteer has written
    Undo(UndoOptions),
    /// Say what is wrong with the configuration, at which line, and what to write
    #[command(visible_alias = "lint")]
    Check(CheckOptions),
    /// Show, find and write the volunteers
    Hosts(HostsOptions),
    /// Ask every volunteer, and say for each fault the command that mends it
    Doctor(DoctorOptions),
    /// Make this machine a volunteer
    Volunteer(VolunteerOptions),
    /// Have builds in clean chroots (devtools) distributed
    Chroot(ChrootOptions),
    /// Say what -march=native stands for on this machine
    March(MarchOptions),
    /// Sum up what was compiled where, and why here
    Report(ReportOptions),
    /// Print the completions for a shell
    Completions(CompletionsOptions),
    /// Build something with volunteers that run on this machine, and say what happened
    ///
    /// Starts volunteers (distccd) on free ports of the loopback interface in a private directory,
    /// builds a bundled sample of C and C++ files with them, builds it again without, and reports
    /// what was compiled where, what stayed here and why, how long it took, and whether the objects
    /// are the same. Everything it started or made is gone when it ends.
    Try(TryOptions),
}

/// Options of `distcc-setup try`.
#[derive(Debug, Args)]
pub struct TryOptions {
    /// How many volunteers to start
    #[arg(short = 'n', long, value_name = "N", default_value = "2",
          value_parser = clap::value_parser!(u8).range(1..=32))]
    pub volunteers: u8,
    /// Jobs that the sample's make runs at once, and slots of all volunteers together [default: one
    /// per processor, at least two per volunteer]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<NonZeroU16>,
    /// Compress what is sent, as one would on a slow network
    #[arg(long)]
    pub lzo: bool,
    /// Have volunteers preprocess too (pump mode); what is sent is compressed then
    #[arg(long)]
    pub pump: bool,
    /// Keep the directory with the sample, the logs and the journal, and say where it is
    #[arg(short, long)]
    pub keep: bool,
    /// Run this instead of building the sample, with the volunteers in its environment
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// The first word with which `try` calls this program again, to guard its volunteers.
pub const GUARD: &str = "__guard";

/// Options of that call; they are no people's business, so neither help nor completions show them.
#[derive(Debug, Parser)]
#[command(name = "distcc-setup __guard")]
pub struct GuardOptions {
    /// The private directory, removed at the end
    #[arg(long)]
    pub dir: PathBuf,
    /// The program that volunteers run
    #[arg(long)]
    pub distccd: PathBuf,
    /// How many volunteers to start
    #[arg(long)]
    pub volunteers: u8,
    /// Slots of each
    #[arg(long)]
    pub slots: u16,
    /// Leave the directory where it is
    #[arg(long)]
    pub keep: bool,
}

/// The whole command line as clap knows it, for completions and for the tests of the man page.
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["distcc-setup"].iter().chain(words))
    }

    fn options(words: &[&str]) -> TryOptions {
        match parse(words).unwrap().action {
            Action::Try(options) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn clap_finds_no_fault_with_the_types() {
        command().debug_assert();
    }

    #[test]
    fn try_needs_no_options() {
        let options = options(&["try"]);
        assert_eq!((options.volunteers, options.jobs, options.lzo), (2, None, false));
        assert!(options.command.is_empty());
    }

    #[test]
    fn what_follows_two_dashes_is_the_command() {
        let options = options(&["try", "-n3", "--", "make", "-j4", "--keep"]);
        assert_eq!(options.command, ["make", "-j4", "--keep"]);
        assert!(!options.keep);
    }

    #[test]
    fn a_command_without_the_dashes_is_refused_with_code_2() {
        assert_eq!(parse(&["try", "make"]).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn no_volunteers_at_all_are_refused() {
        let error = parse(&["try", "--volunteers", "0"]).unwrap_err();
        assert!(error.to_string().contains("0 is not in 1..=32"), "{error}");
    }

    #[test]
    fn a_program_without_a_subcommand_shows_its_help() {
        assert_eq!(parse(&[]).unwrap_err().exit_code(), 2);
    }
}
