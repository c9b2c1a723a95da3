//! What `undo` says.

use std::path::PathBuf;

use crate::base::exit::Exit;
use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::change::{Change, ChangeSet, Seen};
use crate::setup::apply::diff;
use crate::setup::apply::run::{Run, Since};
use crate::setup::configure::target::Target;
use crate::setup::screen;
use crate::setup::undo::conflict::Conflict;
use crate::setup::volunteer::survey;

/// There are no runs.
pub(super) fn nothing(target: &Target) -> Exit {
    let files = match &target.only {
        Some(file) => file.display().to_string(),
        None => format!("{} or its drop-ins", target.subject.file.display()),
    };
    screen::write(&format!("Nothing to take back: distcc-setup has not changed {files}.\n"));
    Exit::OK
}

/// Lists `runs`.
///
/// # Errors
///
/// What reading the files met.
pub(super) fn list(runs: &[Run]) -> Result<(), ApplyError> {
    let mut text = String::new();
    for run in runs {
        text += &format!("{}: {}\n", run.age(), run.command);
        for file in &run.files {
            let what = match file.since(&Seen::read(&file.path)?) {
                Since::Untouched if file.before.is_none() => "made by it",
                Since::Untouched => "changed by it",
                Since::AlreadyBack => "as it was before",
                Since::Changed => "changed since",
            };
            text += &format!("    {}  ({what})\n", file.path.display());
        }
        text += &format!("    kept in {}\n", run.dir.display());
    }
    screen::write(&text);
    Ok(())
}

/// Why a run is not taken back.
pub(super) fn refusal(run: &Run, conflicts: &[Conflict]) -> String {
    let mut text = String::new();
    for conflict in conflicts {
        let (after, now) = (conflict.after.as_deref(), conflict.now.content.as_deref());
        text += &match now {
            Some(_) => format!("{} was changed since:\n", conflict.name()),
            None => format!("{} was removed since:\n", conflict.name()),
        };
        text += &diff::unified(&conflict.now.path, after, now, false);
    }
    text += &format!(
        "So nothing was put back of: {}\n\
         Take your change out again, or use --force, which puts the old content back\n\
         and keeps what is there now beside it.",
        run.command
    );
    text
}

/// What was done.
pub(super) fn done(run: &Run, set: &ChangeSet, dirs: &[PathBuf]) -> String {
    let mut text = String::new();
    for change in &set.changes {
        let verb = if change.new.is_some() { "Put back" } else { "Removed" };
        text += &format!("{verb} {}.\n", change.path().display());
    }
    let follow = |change: &Change| survey::follow_up(change.path(), change.new.is_none());
    let commands: Vec<String> = set.changes.iter().filter_map(follow).collect();
    if !commands.is_empty() {
        text += "What runs still has the options that were taken back. Run:\n";
        text += &commands.iter().map(|command| format!("  {command}\n")).collect::<String>();
    }
    for dir in dirs {
        text += &format!("Removed {}, which was empty.\n", dir.display());
    }
    if set.changes.is_empty() {
        text += "Nothing had to be put back: all is as before.\n";
    }
    text + &format!("Taken back: {} ({})\n", run.command, run.age())
}
