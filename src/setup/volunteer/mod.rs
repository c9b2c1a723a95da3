//! `distcc-setup volunteer`: makes this machine a volunteer.
//!
//! `prepare` makes of the options one `plan` for each of the `daemons`: what its options should
//! say, by way of `env_file` and `arguments`, and where the compilers of a foreign target are
//! (`chosen`). `firewall` and `service` know the commands that follow (`command`), and whether the
//! daemon lets clients in; `asked` has it compile. `networks` are those that this machine is
//! attached to.

mod arguments;
mod asked;
mod chosen;
mod command;
mod daemons;
mod env_file;
mod firewall;
mod list;
mod networks;
mod options;
mod plan;
mod prepare;
mod service;
mod steps;
pub(in crate::setup) mod survey;
mod tell;

use std::path::Path;

use nix::unistd::Uid;

use crate::base::exit::Exit;
use crate::setup::apply::apply_error::{ApplyError, sudo_command};
use crate::setup::apply::change::ChangeSet;
use crate::setup::apply::state::{SYSTEM_DIR, State};
use crate::setup::apply::{ask, diff};
use crate::setup::screen;
pub use crate::setup::volunteer::options::VolunteerOptions;
use crate::setup::volunteer::prepare::Prepared;
use crate::setup::volunteer::steps::Steps;

/// Who was asked says no.
const DECLINED: Exit = Exit(1);

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("{0}")]
    Options(String),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(
        "only root can start distccd and change the firewall; run it as root: {}",
        sudo_command()
    )]
    NotRoot,
    #[error(
        "stdin is no terminal, so nobody can be asked; nothing was done (--yes does it without \
         asking, --dry-run only shows)"
    )]
    NobodyToAsk,
    #[error("{0}")]
    Command(String),
}

/// Does it.
pub(super) fn run(options: &VolunteerOptions) -> Exit {
    volunteer(options).unwrap_or_else(|stop| {
        super::complain(&stop.to_string());
        if let Stop::Apply(error) = &stop {
            error.advice().iter().for_each(|advice| super::complain(advice));
        }
        Exit::FAILED
    })
}

fn volunteer(options: &VolunteerOptions) -> Result<Exit, Stop> {
    if options.list_targets {
        screen::write(&list::text(&options.root)?);
        return Ok(Exit::OK);
    }
    let Prepared { plans, toolchains } = prepare::prepare(options)?;
    let steps = Steps::find(options, &plans);
    let changes = plan::changes(&plans);
    screen::write(&toolchains);
    screen::write(&diff::of_all(&changes, diff::has_colours()));
    screen::write(&tell::before(&plans, &steps));
    if options.dry_run {
        return Ok(Exit::OK);
    }
    if !changes.is_empty() || !steps.is_empty() {
        may_go_on(options, &changes, &steps)?;
        if !options.yes && !ask::confirm("Do this?", true) {
            screen::write("Nothing was done.\n");
            return Ok(DECLINED);
        }
        write(&options.root, &changes)?;
        for line in steps.commands() {
            screen::write(&format!("$ {}\n", line.text()));
            line.run().map_err(Stop::Command)?;
        }
    }
    if options.root != Path::new("/") {
        return Ok(Exit::OK);
    }
    let (text, exit) = tell::after(&plans, &steps);
    screen::write(&text);
    Ok(exit)
}

/// Makes sure that all of it can be done, before anybody is asked.
fn may_go_on(options: &VolunteerOptions, changes: &ChangeSet, steps: &Steps) -> Result<(), Stop> {
    if !steps.is_empty() && options.root == Path::new("/") && !Uid::effective().is_root() {
        return Err(Stop::NotRoot);
    }
    changes.ensure_writable()?;
    match options.yes || ask::can_ask() {
        true => Ok(()),
        false => Err(Stop::NobodyToAsk),
    }
}

/// Writes the files; `distcc-setup undo` takes that back.
fn write(root: &Path, changes: &ChangeSet) -> Result<(), Stop> {
    if changes.is_empty() {
        return Ok(());
    }
    let state = State { dir: root.join(SYSTEM_DIR) };
    let locked = state.lock()?;
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = std::iter::once("distcc-setup".to_owned()).chain(words).collect();
    locked.apply(changes, &shell_words::join(&words))?;
    for change in &changes.changes {
        screen::write(&format!("{} is written.\n", change.path().display()));
    }
    Ok(())
}
