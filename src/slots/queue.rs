//! Waiting for a slot.
//!
//! Clients of ours look for a slot one at a time, in their order of arrival: who looks holds the
//! turnstile, a lock file. The one at the head wakes when any slot's file is closed (inotify), so
//! a freed slot is taken at once, by one client, without a herd and without fixed sleeps. C clients
//! know no turnstile; they poll once a second as they always did.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::base::process;
use crate::slots::lockfile::{self, SlotLock};

/// What is waited for. Each has a turnstile of its own: who holds a volunteer's slot still needs a
/// slot for the preprocessor, and must not queue behind those who wait for a volunteer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// A slot to compile or link here.
    Local,
    /// A slot to preprocess here.
    Preprocess,
    /// A slot of a volunteer.
    Volunteer,
}

impl Queue {
    /// Name of the turnstile's file, beside the slots'.
    fn turnstile(self) -> &'static str {
        match self {
            Self::Local => "queue_local",
            Self::Preprocess => "queue_cpp",
            Self::Volunteer => "queue_volunteer",
        }
    }
}

/// How long whoever's turn it is may leave a free slot to the others.
const PATIENCE: Duration = Duration::from_secs(2);

/// One slot that would do: the name of its lock file, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<T> {
    /// Name of the lock file in the lock directory.
    pub name: String,
    /// What the caller wants to know of it.
    pub value: T,
}

/// Takes the first free slot of those that `candidates` names, waiting while all are taken.
///
/// `candidates` is asked anew at each look, since a volunteer may have begun or ended its rest; an
/// empty answer ends the wait with `None`. `pause` is the longest time between two looks.
/// `on_wait` is called once, before the first wait.
///
/// # Errors
///
/// What opening or locking a file in `dir` met.
pub fn take<T>(
    dir: &Path,
    queue: Queue,
    pause: Duration,
    mut candidates: impl FnMut() -> Vec<Candidate<T>>,
    on_wait: impl FnOnce(),
) -> io::Result<Option<(SlotLock, T)>> {
    let mut on_wait = Some(on_wait);
    let turnstile = match lockfile::try_lock(dir, queue.turnstile())? {
        Some(lock) => lock,
        None => {
            if let Some(on_wait) = on_wait.take() {
                on_wait();
            }
            match pass_turnstile(dir, queue, &mut candidates)? {
                Passed::Turn(lock) => lock,
                Passed::Around(found) => return Ok(found),
            }
        }
    };
    let mut watch = None;
    let found = loop {
        let offered = candidates();
        if offered.is_empty() {
            break None;
        }
        if let Some(taken) = first_free(dir, offered, watch.is_some())? {
            break Some(taken);
        }
        if let Some(on_wait) = on_wait.take() {
            on_wait();
        }
        match &watch {
            // The watch must stand before the look, else a slot freed in between wakes nobody.
            None => watch = Some(Watch::on(dir)),
            Some(watch) => watch.wait(pause),
        }
    };
    turnstile.release();
    Ok(found)
}

/// How a client came past the turnstile.
enum Passed<T> {
    /// It is its turn.
    Turn(SlotLock),
    /// Whose turn it is does not take it; here is a slot all the same, or none to wait for.
    Around(Option<(SlotLock, T)>),
}

/// Waits for the turnstile. Its holder may have been stopped (^Z): a slot that is seen free from
/// outside after a while is taken past it.
fn pass_turnstile<T>(
    dir: &Path,
    queue: Queue,
    candidates: &mut impl FnMut() -> Vec<Candidate<T>>,
) -> io::Result<Passed<T>> {
    let (sender, receiver) = mpsc::channel();
    let path = dir.to_owned();
    // The kernel keeps the order of those who wait in it, and that wait cannot be timed: a thread
    // does it. A lock that comes when nobody listens any more is given back at once.
    std::thread::Builder::new().name("turnstile".to_owned()).spawn(move || {
        process::leave_signals_to_others();
        drop(sender.send(lockfile::lock(&path, queue.turnstile())));
    })?;
    loop {
        match receiver.recv_timeout(PATIENCE) {
            Ok(lock) => return lock.map(Passed::Turn),
            Err(RecvTimeoutError::Timeout) => {
                let offered = candidates();
                if offered.is_empty() {
                    return Ok(Passed::Around(None));
                }
                if let Some(taken) = first_free(dir, offered, true)? {
                    return Ok(Passed::Around(Some(taken)));
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("the turnstile's thread has ended"));
            }
        }
    }
}

/// Tries each candidate; `quietly` asks first with a look that wakes nobody, ourselves included.
fn first_free<T>(
    dir: &Path,
    offered: Vec<Candidate<T>>,
    quietly: bool,
) -> io::Result<Option<(SlotLock, T)>> {
    for candidate in offered {
        if quietly && lockfile::is_taken(dir, &candidate.name) {
            continue;
        }
        if let Some(lock) = lockfile::try_lock(dir, &candidate.name)? {
            return Ok(Some((lock, candidate.value)));
        }
    }
    Ok(None)
}

/// A watch for closed lock files; without inotify, a plain sleep.
struct Watch(Option<Inotify>);

impl Watch {
    fn on(dir: &Path) -> Self {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok();
        Self(inotify.filter(|inotify| {
            inotify.add_watch(dir, AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_DELETE).is_ok()
        }))
    }

    fn wait(&self, pause: Duration) {
        let Some(inotify) = &self.0 else {
            std::thread::sleep(pause);
            return;
        };
        let timeout = PollTimeout::try_from(pause).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(inotify.as_fd(), PollFlags::POLLIN)];
        // Woken, timed out or interrupted: each is a reason to look again.
        let _ = poll(&mut fds, timeout);
        while inotify.read_events().is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    fn candidates(count: usize) -> Vec<Candidate<usize>> {
        (0..count)
            .map(|slot| Candidate { name: format!("cpu_tcp_h_1_{slot}"), value: slot })
            .collect()
    }

    #[test]
    fn first_free_slot_is_taken_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let pause = Duration::from_secs(60);
        let (_first, slot) =
            take(dir.path(), Queue::Local, pause, || candidates(2), || ()).unwrap().unwrap();
        assert_eq!(slot, 0);
        let (_second, slot) =
            take(dir.path(), Queue::Local, pause, || candidates(2), || ()).unwrap().unwrap();
        assert_eq!(slot, 1);
    }

    #[test]
    fn nothing_to_choose_from_ends_the_wait() {
        let dir = tempfile::tempdir().unwrap();
        let pause = Duration::from_secs(60);
        assert!(take(dir.path(), Queue::Local, pause, || candidates(0), || ()).unwrap().is_none());
    }

    #[test]
    fn a_client_that_was_stopped_at_the_turnstile_does_not_stop_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let stopped = lockfile::try_lock(dir.path(), Queue::Local.turnstile()).unwrap();
        let pause = Duration::from_secs(3600);
        let taken = take(dir.path(), Queue::Local, pause, || candidates(1), || ()).unwrap();
        assert_eq!(taken.unwrap().1, 0);
        let none = take(dir.path(), Queue::Local, pause, || candidates(0), || ()).unwrap();
        assert!(none.is_none());
        drop(stopped);
    }

    #[test]
    fn waiting_clients_all_get_their_turn_and_never_share_a_slot() {
        let dir = tempfile::tempdir().unwrap();
        let inside = AtomicUsize::new(0);
        let served = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    // The pause is longer than the test may last: only waking can serve all.
                    let pause = Duration::from_secs(3600);
                    let taken =
                        take(dir.path(), Queue::Local, pause, || candidates(2), || ()).unwrap();
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                    thread::sleep(Duration::from_millis(5));
                    inside.fetch_sub(1, Ordering::SeqCst);
                    served.fetch_add(1, Ordering::SeqCst);
                    drop(taken);
                });
            }
        });
        assert_eq!(served.load(Ordering::SeqCst), 12);
    }
}
