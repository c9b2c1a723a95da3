//! The agent of one pump: started, and stopped.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::net::agent::start;
use crate::tools::pump::place::Place;

/// How long an agent may take to end before it is killed.
const ENDING: Duration = Duration::from_secs(5);

/// A running agent, or another include server.
#[derive(Debug)]
pub(super) struct Agent {
    pid: Pid,
    handle: OwnedFd,
}

impl Agent {
    /// Starts one, which listens when this returns. If it `is_ours`, it ends with us.
    ///
    /// # Errors
    ///
    /// A sentence: what starting it met.
    pub(super) fn start(place: &Place, is_ours: bool) -> Result<Self, String> {
        let program = start::program().map_err(|error| error.to_string())?;
        let mut options: Vec<OsString> = vec!["--socket".into(), place.socket().into()];
        options.extend(["--pid-file".into(), place.pid_file().into()]);
        // As long as its build.
        options.extend(["--idle".into(), "0".into()]);
        if is_ours {
            options.extend(["--with-parent".into(), std::process::id().to_string().into()]);
        }
        start::launch(&program, &options).map_err(|error| error.to_string())?;
        let text = std::fs::read_to_string(place.pid_file())
            .map_err(|error| format!("{}: {error}", place.pid_file().display()))?;
        let pid = text.trim().parse().ok();
        pid.and_then(|pid| Self::find(pid, place))
            .ok_or_else(|| format!("{} ended at once", program.display()))
    }

    /// The process `pid`, if it is a server with the socket of `place`.
    pub(super) fn find(pid: i32, place: &Place) -> Option<Self> {
        let pid = Pid::from_raw(pid).filter(|pid| pid.as_raw_nonzero().get() > 1)?;
        // Held before it is looked at, so that no other can have taken its number by then.
        let handle = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        let words = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).ok()?;
        let socket = place.socket();
        let socket = socket.as_os_str().as_bytes();
        let names_socket = |word: &[u8]| {
            word == socket || word.strip_suffix(socket).is_some_and(|front| front.ends_with(b"="))
        };
        let is_server = words.split(|byte| *byte == 0).any(names_socket);
        is_server.then_some(Self { pid, handle })
    }

    /// Its number.
    pub(super) fn number(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Ends it, and waits until it has.
    pub(super) fn stop(self) {
        for signal in [Signal::TERM, Signal::KILL] {
            // It may have ended by itself.
            let _ = pidfd_send_signal(&self.handle, signal);
            if self.ends_within(ENDING) {
                break;
            }
        }
    }

    /// Waits until it has ended, `time` at most.
    fn ends_within(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            let mut fds = [PollFd::new(self.handle.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, timeout) {
                Ok(ready) => return ready > 0,
                Err(Errno::EINTR) => {}
                Err(_) => return false,
            }
        }
    }
}
