//! What takes a root's configuration back to what it was before the first of several runs.

use std::path::{Path, PathBuf};

use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::change::{ChangeSet, Seen};
use crate::setup::apply::run::{Run, RunFile};
use crate::setup::configure::drop_in;
use crate::setup::undo::conflict::Conflict;

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Restore {
    /// Files that go back.
    pub(super) set: ChangeSet,
    /// Files that somebody changed since.
    pub(super) conflicts: Vec<Conflict>,
    /// Those of them that go back all the same.
    forced: Vec<Conflict>,
    /// Files that were replaced since, and have nothing of ours in them.
    pub(super) replaced: Vec<PathBuf>,
}

impl Restore {
    /// Works it out for `runs`, from the oldest to the newest. `is_untouched` says that makepkg
    /// finds nothing in the root that we wrote, so that a file that is another is none of ours.
    ///
    /// # Errors
    ///
    /// What reading the files met.
    pub(super) fn of(runs: &[Run], is_untouched: bool) -> Result<Self, ApplyError> {
        let mut restore = Self::default();
        let mut paths: Vec<&Path> = Vec::new();
        for file in runs.iter().flat_map(|run| &run.files) {
            if !paths.contains(&file.path.as_path()) {
                paths.push(&file.path);
            }
        }
        for path in paths {
            restore.file(runs, path, is_untouched)?;
        }
        Ok(restore)
    }

    fn file(&mut self, runs: &[Run], path: &Path, is_untouched: bool) -> Result<(), ApplyError> {
        let has = |run: &&Run| run.files.iter().any(|file| file.path == path);
        let of = |run: &'_ Run| run.files.iter().find(|file| file.path == path).cloned();
        let chain: Vec<RunFile> = runs.iter().filter_map(of).collect();
        let (Some(oldest), Some(newest)) = (chain.first(), chain.last()) else { return Ok(()) };
        let now = Seen::read(path)?;
        let was_ours = oldest.before.as_deref().is_none_or(drop_in::is_inert);
        if now.content == oldest.before || (now.content.is_none() && was_ours) {
            return Ok(());
        }
        let unbroken = chain.windows(2).all(|pair| match pair {
            [one, next] => one.after == next.before,
            _ => true,
        });
        if unbroken && now.content == newest.after {
            if let Some(run) = runs.iter().find(has) {
                let changes = run.reversal()?.changes;
                self.set.changes.extend(changes.into_iter().filter(|one| one.path() == path));
            }
        } else if is_untouched {
            self.replaced.push(path.to_owned());
        } else {
            self.conflicts.push(Conflict { after: newest.after.clone(), now });
        }
        Ok(())
    }

    /// Takes the conflicts' files back too.
    ///
    /// # Errors
    ///
    /// What reading met.
    pub(super) fn force(&mut self, runs: &[Run]) -> Result<(), ApplyError> {
        for conflict in std::mem::take(&mut self.conflicts) {
            let path = &conflict.now.path;
            let oldest = runs.iter().find(|run| run.files.iter().any(|file| file.path == *path));
            if let Some(run) = oldest {
                let changes = run.reversal()?.changes;
                self.set.changes.extend(changes.into_iter().filter(|one| one.path() == path));
            }
            self.forced.push(conflict);
        }
        Ok(())
    }

    /// Keeps what those hold now, beside them; gives the copies' names.
    ///
    /// # Errors
    ///
    /// What writing them met.
    pub(super) fn keep(&self) -> Result<Vec<PathBuf>, ApplyError> {
        let kept: Result<Vec<Option<PathBuf>>, _> =
            self.forced.iter().map(Conflict::keep).collect();
        Ok(kept?.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::replace;
    use crate::setup::apply::change::Change;
    use crate::setup::apply::state::State;

    /// Two runs of one file: `first`, then `second`.
    fn two_runs(file: &Path, state: &State) {
        for text in ["first", "second"] {
            let change = Change::new(Seen::read(file).unwrap(), text.into());
            let set = ChangeSet { changes: vec![change], rests_on: Vec::new() };
            state.lock().unwrap().apply(&set, "enable").unwrap();
        }
    }

    #[test]
    fn several_runs_go_back_to_what_was_before_the_first() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("makepkg.conf");
        replace::write(&file, b"before", 0o600).unwrap();
        let state = State { dir: top.path().join("state") };
        two_runs(&file, &state);
        let runs = state.runs().unwrap();
        let restore = Restore::of(&runs, false).unwrap();
        assert_eq!(restore.set.changes[0].new.as_deref(), Some(&b"before"[..]));
        state.lock().unwrap().write(&restore.set).unwrap();
        assert!(Restore::of(&runs, false).unwrap().set.is_empty());
    }

    #[test]
    fn what_was_changed_since_is_told_from_what_was_replaced() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("makepkg.conf");
        replace::write(&file, b"before", 0o644).unwrap();
        let state = State { dir: top.path().join("state") };
        two_runs(&file, &state);
        replace::write(&file, b"somebody's", 0o644).unwrap();
        let runs = state.runs().unwrap();
        let found = |untouched| Restore::of(&runs, untouched).unwrap();
        assert_eq!((found(false).conflicts.len(), found(false).set.is_empty()), (1, true));
        assert_eq!((found(true).conflicts.len(), found(true).replaced.len()), (0, 1));
        let mut forced = found(false);
        forced.force(&runs).unwrap();
        let kept = forced.keep().unwrap();
        assert_eq!(std::fs::read(&kept[0]).unwrap(), b"somebody's");
        assert_eq!(forced.set.changes[0].new.as_deref(), Some(&b"before"[..]));
    }

    #[test]
    fn a_change_between_two_runs_is_not_lost() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("makepkg.conf");
        let state = State { dir: top.path().join("state") };
        for text in ["first", "second"] {
            replace::write(&file, format!("{text}, by hand").as_bytes(), 0o644).unwrap();
            let change = Change::new(Seen::read(&file).unwrap(), text.into());
            let set = ChangeSet { changes: vec![change], rests_on: Vec::new() };
            state.lock().unwrap().apply(&set, "enable").unwrap();
        }
        let restore = Restore::of(&state.runs().unwrap(), false).unwrap();
        assert_eq!((restore.conflicts.len(), restore.set.is_empty()), (1, true));
    }
}
