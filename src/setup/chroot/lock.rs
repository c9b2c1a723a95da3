//! devtools' own locks: while we hold one, no build copies the root and no update writes into it.
//!
//! Source: devtools 1.5, `lock` and `slock`: flock(2) on `$CHROOT/root.lock`, exclusive while the
//! root is made or updated, shared while a copy is made of it; on `$CHROOT/COPY.lock` while a build
//! runs.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};

/// How long to wait for devtools: copying and updating a root takes minutes.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Between looks at the lock.
const PAUSE: Duration = Duration::from_millis(100);

/// Why the root is not ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum LockError {
    /// devtools has held it all the time.
    #[error(
        "devtools has been using the chroot for {minutes} minutes (it holds {file}): nothing was \
         changed; try again when its command has ended",
        minutes = PATIENCE.as_secs() / 60,
        file = .0.display()
    )]
    InUse(PathBuf),
    /// The lock cannot be made.
    #[error("{file} cannot be locked: {error}", file = .0.display(), error = .1)]
    Failed(PathBuf, #[source] io::Error),
}

/// Waits until nobody else uses the root whose lock is `file`. `wait` is called once if it is in
/// use.
///
/// # Errors
///
/// [`LockError`].
pub(super) fn exclusive(file: &Path, wait: impl FnOnce()) -> Result<Flock<File>, LockError> {
    let failed = |error: io::Error| LockError::Failed(file.to_owned(), error);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o644);
    // Neither a link to elsewhere nor a pipe, which would keep us.
    options.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
    let mut open = options.open(file).map_err(failed)?;
    let deadline = Instant::now() + PATIENCE;
    let mut wait = Some(wait);
    loop {
        match Flock::lock(open, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((again, Errno::EWOULDBLOCK | Errno::EINTR)) => open = again,
            Err((_, error)) => return Err(failed(error.into())),
        }
        if Instant::now() > deadline {
            return Err(LockError::InUse(file.to_owned()));
        }
        if let Some(wait) = wait.take() {
            wait();
        }
        std::thread::sleep(PAUSE);
    }
}

/// Whether somebody holds the lock `file`; one that is not there, or is not for us, nobody holds.
pub(super) fn is_held(file: &Path) -> bool {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
    let Ok(open) = options.open(file) else { return false };
    matches!(Flock::lock(open, FlockArg::LockSharedNonblock), Err((_, Errno::EWOULDBLOCK)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_holds_it_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("root.lock");
        assert!(!is_held(&file));
        let held = exclusive(&file, || ()).unwrap();
        assert!(is_held(&file));
        std::thread::scope(|scope| {
            let (sender, receiver) = std::sync::mpsc::channel();
            let file = &file;
            scope.spawn(move || exclusive(file, || sender.send(()).unwrap()).unwrap());
            receiver.recv().unwrap();
            drop(held);
        });
        assert!(!is_held(&file));
    }

    #[test]
    fn a_link_is_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("root.lock");
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &file).unwrap();
        exclusive(&file, || ()).unwrap_err();
        assert!(!dir.path().join("elsewhere").exists() && !is_held(&file));
    }
}
