//! `distcc-setup hosts`: the volunteers, what each can do, and in which order a host list should
//! have them.

mod announced;
mod propose;
mod table;
mod write;

use clap::{Args, ValueEnum};

use crate::base::exit::Exit;
use crate::setup::apply::ask;
use crate::setup::configure::target::TargetOptions;
use crate::setup::configure::{self, ConfigureOptions};
use crate::setup::hosts::announced::Announced;
use crate::setup::probe::json;
use crate::setup::probe::list::{self, Named};
use crate::setup::probe::options::{self, AskOptions, Asked};
use crate::setup::screen::{self, Screen};
use crate::setup::subject::Subject;

/// A person said no.
const DECLINED: Exit = Exit(1);
/// No volunteer can be used, or something failed.
const NONE: Exit = Exit(2);

/// Options of `distcc-setup hosts`.
#[derive(Args, Debug)]
pub struct HostsOptions {
    /// Whom to ask, and how.
    #[command(flatten)]
    pub ask: AskOptions,
    /// Listen for volunteers that announce themselves on the network, as distccd --zeroconf does,
    /// and ask those
    #[arg(long, conflicts_with = "hosts")]
    pub discover: bool,
    /// Keep the volunteers that can be used, in the order proposed, in setup.toml
    #[arg(long)]
    pub write: bool,
    /// Write the DISTCC_HOSTS proposed into makepkg's configuration, as configure --hosts does
    #[arg(long)]
    pub configure: bool,
    /// With --write or --configure: ask nothing
    #[arg(short, long)]
    pub yes: bool,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// How the answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table, for people
    Text,
    /// One JSON object
    Json,
}

/// Does it.
pub(super) fn run(options: &HostsOptions) -> Exit {
    let mut screen = Screen::new();
    let asked = match ask_all(options, &mut screen) {
        Ok(asked) => asked,
        Err(error) => {
            drop(screen);
            super::complain(&error);
            return NONE;
        }
    };
    for note in &asked.found.notes {
        super::complain(note);
    }
    let proposal = propose::of(&asked);
    match options.format {
        Format::Text => {
            screen.print(&table::table(&asked));
            let discover = if options.discover { " --discover" } else { "" };
            let command = format!("distcc-setup hosts{discover}");
            screen.report(&table::proposal(&asked, &proposal, &command));
        }
        Format::Json => {
            let mut value = json::of(&asked);
            if let Some(object) = value.as_object_mut() {
                object.insert("proposal".to_owned(), proposal.text().into());
            }
            screen::write(&format!("{value:#}\n"));
        }
    }
    drop(screen);
    if options.write || options.configure {
        return keep(options, &asked, &proposal);
    }
    if is_any_usable(&asked) { Exit::OK } else { NONE }
}

/// Asks the volunteers of the list, or those that announce themselves.
fn ask_all(options: &HostsOptions, screen: &mut Screen) -> Result<Asked, String> {
    if !options.discover {
        let asked = options::ask(&options.ask, options.ask.named(), "hosts", screen);
        return asked.map_err(|error| error.to_string());
    }
    screen.status("Listening for volunteers that announce themselves …");
    let announced = Announced::listen()?;
    if options.format == Format::Text {
        screen.print(&announced.text());
        screen.print("");
    }
    let subject = Subject::find(&options.ask.subject);
    let words = announced.host_specs(list::target(&subject));
    let named = Named { words: &words, source: "the network" };
    options::ask(&options.ask, named, "hosts", screen).map_err(|error| error.to_string())
}

fn is_any_usable(asked: &Asked) -> bool {
    asked.answers.iter().any(|answer| !answer.spec.is_local() && answer.is_usable())
}

/// Writes the proposal where it is wanted: into setup.toml first, which may be refused.
fn keep(options: &HostsOptions, asked: &Asked, proposal: &propose::Proposal) -> Exit {
    if !is_any_usable(asked) {
        super::complain("no volunteer can be used, so nothing is written (distcc-setup doctor)");
        return NONE;
    }
    let written = if options.write { write(options, proposal) } else { Exit::OK };
    if written != Exit::OK || !options.configure {
        return written;
    }
    let subject = options.ask.subject.clone();
    configure::run(&ConfigureOptions {
        hosts: Some(proposal.text()),
        target: TargetOptions { subject, ..TargetOptions::default() },
        yes: options.yes,
        ..ConfigureOptions::default()
    })
}

fn write(options: &HostsOptions, proposal: &propose::Proposal) -> Exit {
    if !options.yes && !ask::can_ask() {
        super::complain(
            "stdin is no terminal, so nobody can be asked; nothing was written (--yes writes \
             without asking)",
        );
        return NONE;
    }
    match write::write(&options.ask.subject, proposal, options.yes) {
        Ok(true) => Exit::OK,
        Ok(false) => DECLINED,
        Err(error) => {
            super::complain(&error.to_string());
            NONE
        }
    }
}
