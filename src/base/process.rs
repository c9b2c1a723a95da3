//! Child processes: how they ended, and passing on the signals that we get while they run.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::unistd::Pid;

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

/// Runs `command` to its end. SIGTERM, SIGINT and SIGHUP that come meanwhile are passed on to it,
/// so that it can remove its temporary files, and are then reported; one that was ignored when we
/// started (as by nohup) stays ignored.
///
/// # Errors
///
/// What starting or waiting met.
pub fn run_in_our_place(command: &mut Command) -> io::Result<Ended> {
    let mut heeded = Vec::with_capacity(ENDING.len());
    for signal in ENDING.into_iter().filter(|signal| !is_ignored(*signal)) {
        let come = Arc::new(AtomicBool::new(false));
        let id = signal_hook::flag::register(signal as i32, Arc::clone(&come))?;
        heeded.push((signal, come, id));
    }
    let mut child = command.spawn()?;
    // Caught from before the start, so that none is lost; blocked only now, since the command would
    // inherit that; let in while we wait, so that none comes between a look and the wait.
    let blocked: SigSet = heeded.iter().map(|(signal, ..)| *signal).collect();
    let before = blocked.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
    let pidfd = rustix::process::pidfd_open(
        rustix::process::Pid::from_child(&child),
        rustix::process::PidfdFlags::empty(),
    )?;
    let mut last = None;
    let status = loop {
        for (signal, come, _) in &heeded {
            if come.swap(false, Ordering::SeqCst) {
                // A child that has just ended needs no signal.
                let _ = kill(pid, *signal);
                last = Some(*signal);
            }
        }
        let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
        // Interrupted: by a signal that the next look finds.
        if ppoll(&mut fds, None, Some(before)).is_ok_and(|ready| ready > 0) {
            break child.wait()?;
        }
    };
    before.thread_set_mask()?;
    for (.., id) in heeded {
        signal_hook::low_level::unregister(id);
    }
    Ok(last.map_or(Ended::Status(status), Ended::Signalled))
}

/// Ends this process by `signal`, as if it had never been caught.
pub fn end_by(signal: Signal) -> Exit {
    drop(signal_hook::low_level::emulate_default_handler(signal as i32));
    Exit(u8::try_from(128 + signal as i32).unwrap_or(u8::MAX))
}

/// Makes writing to a closed pipe or connection an error instead of a signal, as Rust's own
/// start-up does. Programs that we start get the default back.
pub fn ignore_broken_pipes() {
    // SAFETY: ignoring a signal installs no handler that could run at a bad time.
    let _ =
        unsafe { nix::sys::signal::signal(Signal::SIGPIPE, nix::sys::signal::SigHandler::SigIgn) };
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
    // SAFETY: the default action installs no handler that could run at a bad time.
    let _ =
        unsafe { nix::sys::signal::signal(Signal::SIGCHLD, nix::sys::signal::SigHandler::SigDfl) };
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
