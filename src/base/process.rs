//! Child processes: how they ended, and passing on the signals that we get while they run.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill};
use nix::unistd::Pid;
use signal_hook::SigId;

use crate::base::exit::Exit;

/// The signals that end a client: passed on to a compiler that runs here.
const ENDING: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];

/// The exit code that stands for how a child ended: its own, or `128 + signal`.
pub fn exit_of(status: ExitStatus) -> Exit {
    exit_of_wait_status(status.into_raw())
}

/// The same for a POSIX wait status, as the wire carries it.
pub fn exit_of_wait_status(status: i32) -> Exit {
    let signal = status & 0x7f;
    let code = if signal == 0 { (status >> 8) & 0xff } else { 128 + signal };
    Exit(u8::try_from(code).unwrap_or(u8::MAX))
}

/// How a command ended that ran in our place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Status(ExitStatus),
    /// After this signal came to us and was passed on: end by it too ([`end_by`]).
    Signalled(Signal),
}

/// The file that goes with us, see [`take_along`].
static TAKEN_ALONG: OnceLock<CString> = OnceLock::new();

/// Whether signals are for a command that runs in our place.
static PASSING_ON: AtomicBool = AtomicBool::new(false);

/// Sees to it that the file `path` is removed also when a signal ends this process. Only the first
/// file that is named here is remembered; one that is gone by then is no harm.
pub fn take_along(path: &Path) {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return };
    if TAKEN_ALONG.set(path).is_err() {
        return;
    }
    for signal in ENDING.into_iter().filter(|signal| !is_ignored(*signal)) {
        let end = move || {
            if let Some(path) = TAKEN_ALONG.get() {
                let _ = rustix::fs::unlink(path.as_c_str());
            }
            if !PASSING_ON.load(Ordering::SeqCst) {
                drop(signal_hook::low_level::emulate_default_handler(signal as i32));
            }
        };
        // SAFETY: the handler loads two atomics, makes the system call unlink, and ends the process
        // in a way that is made for handlers; it takes no lock and allocates nothing.
        drop(unsafe { signal_hook::low_level::register(signal as i32, end) });
    }
}

/// The signals that would end this process: noted from now on, for its owner to heed. One that was
/// ignored when we started (as by nohup) stays ignored.
#[derive(Debug)]
pub struct EndingSignals(Vec<(Signal, Arc<AtomicBool>, SigId)>);

impl EndingSignals {
    /// Begins to note them.
    ///
    /// # Errors
    ///
    /// What catching one met.
    pub fn note() -> io::Result<Self> {
        let mut noted = Self(Vec::with_capacity(ENDING.len()));
        for signal in ENDING.into_iter().filter(|signal| !is_ignored(*signal)) {
            let come = Arc::new(AtomicBool::new(false));
            let id = signal_hook::flag::register(signal as i32, Arc::clone(&come))?;
            noted.0.push((signal, come, id));
        }
        Ok(noted)
    }

    /// One that has come since the last look.
    pub fn take(&self) -> Option<Signal> {
        let come =
            |(_, come, _): &&(Signal, Arc<AtomicBool>, SigId)| come.swap(false, Ordering::SeqCst);
        self.0.iter().find(come).map(|(signal, ..)| *signal)
    }

    /// Whether one has come since the last look.
    pub fn has_come(&self) -> bool {
        self.0.iter().any(|(_, come, _)| come.load(Ordering::SeqCst))
    }

    /// All that are noted.
    fn set(&self) -> SigSet {
        self.0.iter().map(|(signal, ..)| *signal).collect()
    }
}

impl Drop for EndingSignals {
    fn drop(&mut self) {
        for (.., id) in &self.0 {
            signal_hook::low_level::unregister(*id);
        }
    }
}

/// Runs `command` to its end. SIGTERM, SIGINT and SIGHUP that come meanwhile are passed on to it,
/// so that it can remove its temporary files, and are then reported; one that was ignored when we
/// started (as by nohup) stays ignored.
///
/// # Errors
///
/// What starting or waiting met.
pub fn run_in_our_place(command: &mut Command) -> io::Result<Ended> {
    let signals = EndingSignals::note()?;
    PASSING_ON.store(true, Ordering::SeqCst);
    let ended = run_and_pass_on(command, &signals, |_| true);
    PASSING_ON.store(false, Ordering::SeqCst);
    let (status, last) = ended?;
    Ok(last.map_or(Ended::Status(status), Ended::Signalled))
}

/// Runs `command` to its end, passing on those of `signals` that `is_for_it` chooses, also if they
/// came before; gives how it ended, and the last signal that was passed on.
///
/// # Errors
///
/// What starting or waiting met.
pub fn run_and_pass_on(
    command: &mut Command,
    signals: &EndingSignals,
    is_for_it: impl Fn(Signal) -> bool,
) -> io::Result<(ExitStatus, Option<Signal>)> {
    let mut child = command.spawn()?;
    // Caught from before the start, so that none is lost; blocked only now, since the command would
    // inherit that; let in while we wait, so that none comes between a look and the wait.
    let before = signals.set().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
    let pidfd = rustix::process::pidfd_open(
        rustix::process::Pid::from_child(&child),
        rustix::process::PidfdFlags::empty(),
    )?;
    let mut last = None;
    let status = loop {
        while let Some(signal) = signals.take() {
            if is_for_it(signal) {
                // A child that has just ended needs no signal.
                let _ = kill(pid, signal);
                last = Some(signal);
            }
        }
        let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
        // Interrupted: by a signal that the next look finds.
        if ppoll(&mut fds, None, Some(before)).is_ok_and(|ready| ready > 0) {
            break child.wait()?;
        }
    };
    before.thread_set_mask()?;
    Ok((status, last))
}

/// Keeps signals for this process away from the calling thread, so that the main thread's waits are
/// interrupted by them.
pub fn leave_signals_to_others() {
    // It cannot fail for a set of the kernel's own signals.
    let _ = SigSet::all().thread_block();
}

/// Ends this process by `signal`, as if it had never been caught.
pub fn end_by(signal: Signal) -> Exit {
    drop(signal_hook::low_level::emulate_default_handler(signal as i32));
    Exit(u8::try_from(128 + signal as i32).unwrap_or(u8::MAX))
}

/// Makes writing to a closed pipe or connection an error instead of a signal, as Rust's own
/// start-up does. Programs that we start get the default back.
pub fn ignore_broken_pipes() {
    let _ = heed(Signal::SIGPIPE, false);
}

/// Has the kernel do what it does by default about `signal`, or nothing.
fn heed(signal: Signal, by_default: bool) -> nix::Result<SigHandler> {
    let action = if by_default { SigHandler::SigDfl } else { SigHandler::SigIgn };
    // SAFETY: neither action installs a handler that could run at a bad time.
    unsafe { nix::sys::signal::signal(signal, action) }
}

/// A duplicate of descriptor `number`, which a parent lent us; `None` if it is not open.
pub fn lent_descriptor(number: i32) -> Option<OwnedFd> {
    if number < 0 {
        return None;
    }
    // SAFETY: the descriptor is only duplicated, which fails cleanly (EBADF) if it is not open; it
    // is borrowed for this call alone.
    let lent = unsafe { BorrowedFd::borrow_raw(number) };
    lent.try_clone_to_owned().ok()
}

/// Makes sure that our children can be waited for: whoever started us may have had the kernel
/// discard its children, and that is inherited.
pub fn keep_ended_children() {
    let _ = heed(Signal::SIGCHLD, true);
}

fn is_ignored(signal: Signal) -> bool {
    let mut old = std::mem::MaybeUninit::<nix::libc::sigaction>::zeroed();
    // SAFETY: with a null new action sigaction only writes the old one to `old`, which is large
    // enough; a zeroed `sigaction` is valid should the call fail.
    let old = unsafe {
        nix::libc::sigaction(signal as i32, std::ptr::null(), old.as_mut_ptr());
        old.assume_init()
    };
    old.sa_sigaction == nix::libc::SIG_IGN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_128_and_its_number() {
        assert_eq!(exit_of_wait_status(0), Exit(0));
        assert_eq!(exit_of_wait_status(1 << 8), Exit(1));
        assert_eq!(exit_of_wait_status(11), Exit(139));
        assert_eq!(exit_of_wait_status(0x80 | 11), Exit(139));
    }

    #[test]
    fn status_of_a_command_is_its_own() {
        let ended = run_in_our_place(Command::new("sh").args(["-c", "exit 7"])).unwrap();
        assert_eq!(ended, Ended::Status(ExitStatus::from_raw(7 << 8)));
    }
}
