//! Child processes: how they ended, and passing on the signals that we get while they run.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
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

/// Runs `command` to its end. SIGTERM, SIGINT and SIGHUP that come meanwhile are passed on to it, so
/// that it can remove its temporary files, and are then reported; one that was ignored when we
/// started (as by nohup) stays ignored.
///
/// # Errors
///
/// What starting or waiting met.
pub fn run_in_our_place(command: &mut Command) -> io::Result<Ended> {
    let (mut told, teller) = UnixStream::pair()?;
    let mut registered = Vec::with_capacity(ENDING.len());
    for signal in ENDING.into_iter().filter(|signal| !is_ignored(*signal)) {
        registered.push(Registered::new(signal, &teller)?);
    }
    let mut child = command.spawn()?;
    let pidfd = rustix::process::pidfd_open(
        rustix::process::Pid::from_child(&child),
        rustix::process::PidfdFlags::empty(),
    );
    let Ok(pidfd) = pidfd else { return child.wait().map(Ended::Status) };
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
    let mut last = None;
    loop {
        let mut fds = [
            PollFd::new(pidfd.as_fd(), PollFlags::POLLIN),
            PollFd::new(told.as_fd(), PollFlags::POLLIN),
        ];
        // Interrupted by the very signal we wait for: look at both.
        let _ = poll(&mut fds, PollTimeout::NONE);
        let [ended, signalled] = fds.map(|fd| fd.any().unwrap_or(false));
        if signalled {
            drop(told.read(&mut [0; 16]));
            if let Some(signal) = registered.iter().find(|one| one.has_come()) {
                // A child that has just ended needs no signal.
                let _ = kill(pid, signal.signal);
                last = Some(signal.signal);
            }
        }
        if ended {
            let status = child.wait()?;
            return Ok(last.map_or(Ended::Status(status), Ended::Signalled));
        }
    }
}

/// Ends this process by `signal`, as if it had never been caught.
pub fn end_by(signal: Signal) -> Exit {
    drop(signal_hook::low_level::emulate_default_handler(signal as i32));
    Exit(u8::try_from(128 + signal as i32).unwrap_or(u8::MAX))
}

/// One signal's handler: sets a flag and writes a byte; gone when dropped.
struct Registered {
    signal: Signal,
    come: std::sync::Arc<std::sync::atomic::AtomicBool>,
    ids: [SigId; 2],
}

impl Registered {
    fn new(signal: Signal, teller: &UnixStream) -> io::Result<Self> {
        let come = std::sync::Arc::default();
        let flag = signal_hook::flag::register(signal as i32, std::sync::Arc::clone(&come))?;
        let pipe = signal_hook::low_level::pipe::register(signal as i32, teller.try_clone()?)?;
        Ok(Self { signal, come, ids: [flag, pipe] })
    }

    fn has_come(&self) -> bool {
        self.come.swap(false, std::sync::atomic::Ordering::SeqCst)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        for id in self.ids {
            signal_hook::low_level::unregister(id);
        }
    }
}

/// Makes writing to a closed pipe or connection an error instead of a signal, as Rust's own start-up
/// does. Programs that we start get the default back.
pub fn ignore_broken_pipes() {
    // SAFETY: ignoring a signal installs no handler that could run at a bad time.
    let _ =
        unsafe { nix::sys::signal::signal(Signal::SIGPIPE, nix::sys::signal::SigHandler::SigIgn) };
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

    /// One test: a signal to this process would reach every command that runs in its place.
    #[test]
    fn a_command_ends_by_itself_or_by_the_signal_that_came_to_us() {
        let ended = run_in_our_place(Command::new("sh").args(["-c", "exit 7"])).unwrap();
        assert_eq!(ended, Ended::Status(ExitStatus::from_raw(7 << 8)));

        // The shell runs its trap only when it waits for nothing but `wait`.
        let us = std::process::id();
        let script = format!("trap 'exit 3' HUP; kill -HUP {us}; sleep 60 & wait");
        let ended = run_in_our_place(Command::new("sh").args(["-c", &script])).unwrap();
        assert_eq!(ended, Ended::Signalled(Signal::SIGHUP));
    }
}
