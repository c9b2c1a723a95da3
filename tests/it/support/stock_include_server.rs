//! The include server of the C distcc 3.4: its own program, in Python.

use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Starts it where Debian's own does not run: see there.
const PROGRAM: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/stock_include_server.py");

/// A server on a socket called `socket`, in a directory of its own.
#[derive(Debug)]
pub struct StockIncludeServer {
    dir: TempDir,
    pid: Pid,
}

impl StockIncludeServer {
    /// Starts it, and returns when it listens.
    pub fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("include-server-").tempdir_in("/tmp").unwrap();
        let mut command = Command::new("/usr/bin/python3");
        command.arg(PROGRAM).arg("--port").arg(dir.path().join("socket"));
        command.arg("--pid_file").arg(dir.path().join("pid"));
        // What it prints later goes to files: nobody reads a pipe of its.
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let status = command.status().unwrap();
        let said = std::fs::read_to_string(dir.path().join("log")).unwrap();
        assert!(status.success(), "{status}: {said}");
        let pid = std::fs::read_to_string(dir.path().join("pid")).unwrap();
        Self { pid: Pid::from_raw(pid.trim().parse().unwrap()), dir }
    }

    /// The value of INCLUDE_SERVER_PORT.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// What it has printed.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }
}

impl Drop for StockIncludeServer {
    fn drop(&mut self) {
        // It removes its mirror then. It may have ended itself.
        let _ = kill(self.pid, Signal::SIGTERM);
    }
}
