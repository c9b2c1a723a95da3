//! `distcc-setup doctor`: asks every volunteer, and says for each fault the command that mends it.

mod report;

use clap::{Args, ValueEnum};

use crate::base::exit::Exit;
use crate::setup::probe::json;
use crate::setup::probe::options::{self, AskOptions, Asked};
use crate::setup::screen::{self, Screen};

/// Something is wrong, and some volunteer can be used.
const FAULTS: Exit = Exit(1);
/// No volunteer can be used, or there is none.
const NONE: Exit = Exit(2);

/// Options of `distcc-setup doctor`.
#[derive(Args, Debug)]
pub struct DoctorOptions {
    /// Whom to ask, and how.
    #[command(flatten)]
    pub ask: AskOptions,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// How the answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table and sentences, for people
    Text,
    /// One JSON object
    Json,
}

/// Does it.
pub(super) fn run(options: &DoctorOptions) -> Exit {
    let mut screen = Screen::new();
    let asked = match options::ask(&options.ask, options.ask.named(), "doctor", &mut screen) {
        Ok(asked) => asked,
        Err(error) => {
            drop(screen);
            super::complain(&error.to_string());
            return NONE;
        }
    };
    for note in &asked.found.notes {
        super::complain(note);
    }
    match options.format {
        Format::Text => screen.print(&report::table(&asked)),
        Format::Json => screen::write(&format!("{:#}\n", json::of(&asked))),
    }
    if options.format == Format::Text {
        report::parts(&asked).iter().for_each(|part| screen.report(part));
    }
    verdict(&asked)
}

fn verdict(asked: &Asked) -> Exit {
    let volunteers = asked.answers.iter().filter(|answer| !answer.spec.is_local());
    let faults = !asked.local.faults.is_empty()
        || asked.answers.iter().any(|answer| !answer.faults.is_empty());
    match (volunteers.clone().any(|answer| answer.is_usable()), faults) {
        (false, _) => NONE,
        (true, true) => FAULTS,
        (true, false) => Exit::OK,
    }
}
