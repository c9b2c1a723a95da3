//! Where runs are kept, who may write there, and how changes are carried out.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};

use crate::base::rewrite;
use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::change::ChangeSet;
use crate::setup::apply::dirs;
use crate::setup::apply::run::Run;

/// The state directory, below a root.
pub(crate) const SYSTEM_DIR: &str = "var/lib/distcc-setup";
/// How long to wait for another process that writes; it needs milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Between looks at the lock.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest number of a run; another command each second would not get there in a lifetime.
const MOST_DIGITS: usize = 12;
/// Runs kept; the oldest goes when there are more.
pub(crate) const MOST_RUNS: usize = 32;

/// A state directory, which need not be there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Where it is.
    pub(crate) dir: PathBuf,
}

/// A state directory that no other process writes into while this lives.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    state: &'a State,
    _lock: Flock<std::fs::File>,
}

impl State {
    /// The runs, from the oldest to the newest; those without effect that were killed are left out.
    ///
    /// # Errors
    ///
    /// What reading the directory met; [`ApplyError::BadState`] for a run that cannot be read.
    pub(crate) fn runs(&self) -> Result<Vec<Run>, ApplyError> {
        let runs: Result<Vec<Run>, _> = self.run_dirs()?.iter().map(|dir| Run::load(dir)).collect();
        Ok(runs?.into_iter().filter(had_effect).collect())
    }

    /// The runs' directories, from the oldest to the newest.
    fn run_dirs(&self) -> Result<Vec<PathBuf>, ApplyError> {
        let unreadable = |error| ApplyError::Unreadable(self.dir.clone(), error);
        let entries = match std::fs::read_dir(&self.dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(unreadable)?,
        };
        let paths: Result<Vec<PathBuf>, _> =
            entries.map(|entry| entry.map(|entry| entry.path())).collect();
        let mut dirs: Vec<_> =
            paths.map_err(unreadable)?.into_iter().filter(|dir| number(dir).is_some()).collect();
        dirs.sort_by_key(|dir| number(dir));
        Ok(dirs)
    }

    /// Makes the directory if need be, and waits until nobody else writes there.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Busy`] after [`PATIENCE`]; what making directory or lock met.
    pub(crate) fn lock(&self) -> Result<Locked<'_>, ApplyError> {
        let bad = |error| ApplyError::State(self.dir.clone(), error);
        dirs::make(&self.dir, 0o755, None).map_err(bad)?;
        let path = self.dir.join("lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        // Neither a link to elsewhere nor a pipe, which would keep us.
        options.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
        let mut file = options.open(&path).map_err(bad)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => {
                    let locked = Locked { state: self, _lock: lock };
                    locked.clean();
                    return Ok(locked);
                }
                Err((_, Errno::EWOULDBLOCK)) if Instant::now() > deadline => {
                    return Err(ApplyError::Busy(path));
                }
                Err((again, Errno::EWOULDBLOCK | Errno::EINTR)) => file = again,
                Err((_, error)) => return Err(bad(error.into())),
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// Whether a run came so far as to change anything.
fn had_effect(run: &Run) -> bool {
    // A file that cannot be read will tell so when it is to be changed.
    run.done || run.reversal().map_or(true, |set| !set.is_empty())
}

/// The number of a run's directory.
fn number(dir: &Path) -> Option<u64> {
    let name = dir.file_name()?.to_str()?;
    ((6..=MOST_DIGITS).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| name.parse().ok())
        .flatten()
}

impl Locked<'_> {
    /// Carries `set` out, and keeps what it changes as a run of `command`. Gives the run's
    /// directory.
    ///
    /// # Errors
    ///
    /// [`ApplyError`]; unless that is [`ApplyError::HalfWritten`], nothing has changed then.
    pub(crate) fn apply(&self, set: &ChangeSet, command: &str) -> Result<PathBuf, ApplyError> {
        set.ensure_same()?;
        set.ensure_writable()?;
        let run = self.keep(set, command)?;
        match self.write(set) {
            Ok(()) => {}
            Err(half @ ApplyError::HalfWritten(..)) => return Err(half),
            Err(error) => {
                run.remove_dirs();
                self.forget(&run);
                return Err(error);
            }
        }
        run.mark_done()?;
        Ok(run.dir)
    }

    /// Keeps as a run what another program has changed, so that it can be taken back: `set` has the
    /// files as they were, and what they hold now.
    ///
    /// # Errors
    ///
    /// What keeping it met.
    pub(crate) fn note(&self, set: &ChangeSet, command: &str) -> Result<(), ApplyError> {
        self.keep(set, command)?.mark_done()
    }

    /// Carries `set` out, without a run.
    ///
    /// # Errors
    ///
    /// As [`Locked::apply`].
    pub(crate) fn write(&self, set: &ChangeSet) -> Result<(), ApplyError> {
        set.ensure_same()?;
        for (at, change) in set.changes.iter().enumerate() {
            let destination = rewrite::destination(change.path());
            let dir = destination.parent().unwrap_or(Path::new("/"));
            let made = dirs::make(dir, 0o755, change.ownership.owner);
            if let Err(error) = made.and_then(|()| change.write()) {
                let before = set.changes.get(..at).unwrap_or_default();
                let back = before.iter().rev().all(|change| change.take_back().is_ok());
                let path = change.path().to_owned();
                return Err(match back {
                    true => ApplyError::Unwritable(path, error),
                    false => ApplyError::HalfWritten(path, error),
                });
            }
        }
        Ok(())
    }

    /// Removes a run; its directory goes at once, by name.
    pub(crate) fn forget(&self, run: &Run) {
        self.discard(&run.dir);
    }

    /// Keeps old and new contents on disk.
    fn keep(&self, set: &ChangeSet, command: &str) -> Result<Run, ApplyError> {
        let dir = &self.state.dir;
        let bad = |error| ApplyError::State(dir.clone(), error);
        let runs = self.state.run_dirs()?;
        let next = runs.last().and_then(|last| number(last)).unwrap_or(0) + 1;
        let new = dir.join(format!("new-{}", std::process::id()));
        dirs::make(&new, 0o700, None).map_err(bad)?;
        let kept = Run::save(set, command, &new).and_then(|()| {
            let named = dir.join(format!("{next:06}"));
            std::fs::rename(&new, &named)?;
            rewrite::sync_dir(&named);
            Ok(named)
        });
        let named = kept.map_err(|error| {
            // What cannot be removed is cleaned next time.
            drop(std::fs::remove_dir_all(&new));
            bad(error)
        })?;
        for old in runs.iter().rev().skip(MOST_RUNS - 1) {
            self.discard(old);
        }
        Run::load(&named)
    }

    /// Removes a run's directory.
    fn discard(&self, dir: &Path) {
        let Some(name) = dir.file_name() else { return };
        let old = self.state.dir.join(format!("old-{}", name.to_string_lossy()));
        // Renamed, it is no run any more; what is left of it is cleaned next time.
        if std::fs::rename(dir, &old).is_ok() {
            drop(std::fs::remove_dir_all(&old));
        }
    }

    /// Removes what processes that were killed have left.
    fn clean(&self) {
        let Ok(entries) = std::fs::read_dir(&self.state.dir) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("new-") || name.starts_with("old-") {
                // Litter is no reason to stop.
                drop(std::fs::remove_dir_all(entry.path()));
            }
        }
        // A run that was killed before it wrote must not look like one that did once another has
        // written the same.
        let runs = self.state.run_dirs().unwrap_or_default();
        for run in runs.iter().filter_map(|dir| Run::load(dir).ok()) {
            if !had_effect(&run) {
                self.discard(&run.dir);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::base::replace;
    use crate::setup::apply::change::{Change, Seen};

    fn set(file: &Path, new: &str) -> ChangeSet {
        let change = Change::new(Seen::read(file).unwrap(), new.as_bytes().to_vec());
        ChangeSet { changes: vec![change], rests_on: Vec::new() }
    }

    fn state(dir: &Path) -> State {
        State { dir: dir.join("state/distcc-setup") }
    }

    fn read(file: &Path) -> String {
        std::fs::read_to_string(file).unwrap()
    }

    #[test]
    fn a_run_can_be_taken_back() {
        let top = tempfile::tempdir().unwrap();
        let (file, made) = (top.path().join("file"), top.path().join("x.conf.d/y.conf"));
        replace::write(&file, b"old", 0o644).unwrap();
        let state = state(top.path());
        let locked = state.lock().unwrap();
        let mut both = set(&file, "new");
        both.changes.extend(set(&made, "made").changes);
        locked.apply(&both, "configure").unwrap();
        assert_eq!((read(&file), read(&made)), ("new".into(), "made".into()));
        let runs = state.runs().unwrap();
        assert_eq!((runs.len(), runs[0].done, &*runs[0].command), (1, true, "configure"));
        locked.write(&runs[0].reversal().unwrap()).unwrap();
        assert_eq!(runs[0].remove_dirs(), [made.parent().unwrap()]);
        locked.forget(&runs[0]);
        assert_eq!((read(&file), made.exists()), ("old".into(), false));
        assert!(state.runs().unwrap().is_empty());
    }

    #[test]
    fn a_file_that_changed_since_it_was_read_is_left_alone() {
        let top = tempfile::tempdir().unwrap();
        let (one, two) = (top.path().join("one"), top.path().join("two"));
        let mut both = set(&one, "1");
        both.rests_on.push(Seen::read(&two).unwrap());
        replace::write(&two, b"somebody's", 0o644).unwrap();
        let state = state(top.path());
        let error = state.lock().unwrap().apply(&both, "").unwrap_err();
        assert!(matches!(error, ApplyError::Changed(path) if path == two));
        assert!(!one.exists() && state.runs().unwrap().is_empty());
    }

    #[test]
    fn what_was_written_before_a_failure_is_put_back() {
        let top = tempfile::tempdir().unwrap();
        let (one, two) = (top.path().join("one"), top.path().join("dir"));
        let mut both = set(&one, "1");
        both.changes.extend(set(&two, "2").changes);
        let state = state(top.path());
        let locked = state.lock().unwrap();
        std::fs::create_dir(&two).unwrap();
        // Passing over the check, as if the directory came after it.
        let changes = both.changes.clone();
        let written = changes.iter().try_for_each(Change::write);
        assert!(written.is_err());
        std::fs::remove_file(&one).unwrap();
        assert!(locked.apply(&both, "").is_err());
        assert!(!one.exists() && state.runs().unwrap().is_empty());
    }

    #[test]
    fn a_run_that_was_killed_before_it_wrote_is_none() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("file");
        let state = state(top.path());
        let locked = state.lock().unwrap();
        let run = locked.keep(&set(&file, "new"), "").unwrap();
        assert!(state.runs().unwrap().is_empty());
        drop(locked);
        assert!(run.dir.exists());
        let locked = state.lock().unwrap();
        assert!(!run.dir.exists(), "whoever comes next clears it away");
        let run = locked.keep(&set(&file, "new"), "").unwrap();
        replace::write(&file, b"new", 0o644).unwrap();
        assert_eq!(state.runs().unwrap().len(), 1);
        assert!(!run.done);
    }

    #[test]
    fn only_so_many_runs_are_kept() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("file");
        let state = state(top.path());
        let locked = state.lock().unwrap();
        for number in 0..MOST_RUNS + 3 {
            locked.apply(&set(&file, &number.to_string()), "").unwrap();
        }
        let runs = state.runs().unwrap();
        assert_eq!(runs.len(), MOST_RUNS);
        assert_eq!(runs[0].files[0].before.as_deref(), Some(&b"2"[..]));
    }

    #[test]
    fn what_a_killed_process_left_is_cleaned_and_a_broken_run_is_named() {
        let top = tempfile::tempdir().unwrap();
        let state = state(top.path());
        for dir in ["new-77", "old-000009", "000003"] {
            dirs::make(&state.dir.join(dir), 0o700, None).unwrap();
        }
        drop(state.lock().unwrap());
        let error = state.runs().unwrap_err().to_string();
        assert!(error.contains("000003 cannot be used: run.json"), "{error}");
        std::fs::create_dir(state.dir.join(u64::MAX.to_string())).unwrap();
        assert_eq!(state.run_dirs().unwrap(), [state.dir.join("000003")]);
        std::fs::remove_dir(state.dir.join(u64::MAX.to_string())).unwrap();
        let mut left: Vec<_> =
            std::fs::read_dir(&state.dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["000003", "lock"]);
    }

    #[test]
    fn a_lock_that_leads_elsewhere_is_not_followed_nor_waited_for() {
        let top = tempfile::tempdir().unwrap();
        let state = state(top.path());
        dirs::make(&state.dir, 0o700, None).unwrap();
        let (lock, elsewhere) = (state.dir.join("lock"), top.path().join("elsewhere"));
        std::os::unix::fs::symlink(&elsewhere, &lock).unwrap();
        state.lock().unwrap_err();
        assert!(!elsewhere.exists());
        std::fs::remove_file(&lock).unwrap();
        nix::unistd::mkfifo(&lock, nix::sys::stat::Mode::S_IRWXU).unwrap();
        state.lock().unwrap_err();
    }
}
