//! The processes of agents.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

/// Longer than anything here takes, on a machine that is busy; shorter than an agent stays without
/// work.
const PATIENCE: Duration = Duration::from_secs(30);

/// The process that listens at `socket`.
pub fn pid_at(socket: &Path) -> Pid {
    let stream = UnixStream::connect(socket).unwrap();
    let peer = rustix::net::sockopt::socket_peercred(&stream).unwrap();
    Pid::from_raw(peer.pid.as_raw_nonzero().get())
}

/// Whether a process is no more.
pub fn has_ended(pid: Pid) -> bool {
    // A child of ours that has ended stays until it is waited for.
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.is_empty() || state.contains(") Z ")
}

/// Waits for what must happen sooner or later.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
