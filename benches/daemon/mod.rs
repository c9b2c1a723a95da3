//! A daemon on a free port of this machine, for the time of a bench.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Ours or the C one; it ends with this value.
pub(crate) struct Daemon {
    /// The process.
    pub(crate) child: Child,
    /// Where it listens.
    pub(crate) port: u16,
}

impl Daemon {
    /// Starts `program` with a directory for jobs, `temp`, and waits until it listens; `set` adds
    /// what the bench wants.
    pub(crate) fn start(program: &str, temp: &Path, set: impl FnOnce(&mut Command)) -> Self {
        fs::create_dir_all(temp).expect("a directory for jobs");
        fs::set_permissions(temp, fs::Permissions::from_mode(0o1777)).expect("for all");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = port.expect("a free port").port();
        let mut command = Command::new(program);
        command
            .args(["--no-detach", "--daemon", "--enable-tcp-insecure", "--allow", "127.0.0.1"])
            .args(["--listen", "127.0.0.1", "--port", &port.to_string()])
            .env("TMPDIR", temp)
            .stdin(Stdio::null());
        set(&mut command);
        let daemon = Self { child: command.spawn().expect("a daemon"), port };
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return daemon;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{program} does not listen");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Gently: the C daemon then ends its workers, which a killed one leaves behind.
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
        drop(self.child.wait());
    }
}
