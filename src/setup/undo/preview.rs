//! What taking runs back would do, worked out without doing it.

use crate::base::exit::Exit;
use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::change::{Change, ChangeSet, Seen};
use crate::setup::apply::diff;
use crate::setup::apply::run::Run;
use crate::setup::screen;
use crate::setup::undo::conflict::Conflict;
use crate::setup::undo::{ERROR, UndoOptions, tell};

/// Shows it as a diff.
///
/// # Errors
///
/// What reading the files met.
pub(super) fn show(runs: Vec<Run>, options: &UndoOptions) -> Result<Exit, ApplyError> {
    let mut files: Vec<Seen> = Vec::new();
    let mut set = ChangeSet::default();
    for run in &runs {
        let mut conflicts = Vec::new();
        for file in &run.files {
            let known = files.iter().position(|seen| seen.path == file.path);
            let now = match known {
                Some(at) => files.remove(at),
                None => Seen::read(&file.path)?,
            };
            conflicts.extend(Conflict::of(file, now.clone()));
            match set.changes.iter_mut().find(|change| change.path() == file.path) {
                Some(change) => change.new.clone_from(&file.before),
                None => {
                    let change = Change::new(now, Vec::new());
                    set.changes.push(Change { new: file.before.clone(), ..change });
                }
            }
            files.push(Seen { path: file.path.clone(), content: file.before.clone() });
        }
        if !conflicts.is_empty() && !options.force {
            crate::setup::complain(&tell::refusal(run, &conflicts));
            return Ok(ERROR);
        }
    }
    set.changes.retain(|change| change.new != change.old.content);
    screen::write(&diff::of_all(&set, diff::has_colours()));
    Ok(Exit::OK)
}
