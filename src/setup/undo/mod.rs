//! `distcc-setup undo`: puts back what `configure` or `volunteer` changed, byte for byte, one run
//! after another.

pub(in crate::setup) mod conflict;
mod preview;
mod tell;

use clap::Args;

use crate::base::exit::Exit;
use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::run::Run;
use crate::setup::apply::state::Locked;
use crate::setup::configure::target::{Target, TargetOptions};
use crate::setup::screen;

/// Exit code of an error.
const ERROR: Exit = Exit(2);

/// Options of `distcc-setup undo`.
#[derive(Args, Debug)]
pub struct UndoOptions {
    /// Whose runs.
    #[command(flatten)]
    pub target: TargetOptions,
    /// Take back every run, from the last to the first
    #[arg(long)]
    pub all: bool,
    /// Also put back files that were changed since; what they hold now is kept beside them
    #[arg(long)]
    pub force: bool,
    /// Show what would change, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// List what can be taken back
    #[arg(long, conflicts_with_all = ["all", "force", "dry_run"])]
    pub list: bool,
}

/// Does it.
pub(super) fn run(options: &UndoOptions) -> Exit {
    let target = match Target::find(&options.target) {
        Ok(target) => target,
        Err(error) => {
            super::complain(&error.to_string());
            return ERROR;
        }
    };
    let done = runs_of(&target).and_then(|runs| match (&runs[..], options) {
        ([], _) => Ok(tell::nothing(&target)),
        (runs, UndoOptions { list: true, .. }) => tell::list(runs).map(|()| Exit::OK),
        (_, UndoOptions { dry_run: true, .. }) => preview::show(chosen(runs, options), options),
        _ => take_back(options, &target),
    });
    done.unwrap_or_else(|error| {
        super::complain(&error.to_string());
        error.advice().iter().for_each(|advice| super::complain(advice));
        ERROR
    })
}

/// The runs that are about `target`, from the newest to the oldest.
fn runs_of(target: &Target) -> Result<Vec<Run>, ApplyError> {
    let mut runs = target.state.runs()?;
    runs.retain(|run| target.is_about(run));
    runs.reverse();
    Ok(runs)
}

/// Those of them that are to be taken back.
fn chosen(mut runs: Vec<Run>, options: &UndoOptions) -> Vec<Run> {
    if !options.all {
        runs.truncate(1);
    }
    runs
}

fn take_back(options: &UndoOptions, target: &Target) -> Result<Exit, ApplyError> {
    let locked = target.state.lock()?;
    // Read again: another process may have taken one back before we had the lock.
    for run in chosen(runs_of(target)?, options) {
        let conflicts = conflict::of(&run)?;
        if !conflicts.is_empty() && !options.force {
            super::complain(&tell::refusal(&run, &conflicts));
            return Ok(ERROR);
        }
        let mut told = String::new();
        for conflict in &conflicts {
            if let Some(copy) = conflict.keep()? {
                told += &format!("Kept what {} held in {}.\n", conflict.name(), copy.display());
            }
        }
        told += &one(&run, &locked)?;
        screen::write(&told);
    }
    Ok(Exit::OK)
}

/// Takes one run back, and says what that was.
fn one(run: &Run, locked: &Locked<'_>) -> Result<String, ApplyError> {
    let set = run.reversal()?;
    set.ensure_writable()?;
    locked.write(&set)?;
    let dirs = run.remove_dirs();
    locked.forget(run);
    Ok(tell::done(run, &set, &dirs))
}
