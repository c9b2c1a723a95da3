//! One `distccd` on a free port of the loopback interface.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};

use crate::base::disk::{Disk, RealDisk};
use crate::base::env;
use crate::base::exit::Exit;
use crate::base::process::exit_of;
use crate::setup::cli::GuardOptions;

/// How long a volunteer may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(15);
/// How long volunteers may take to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(3);
/// How often we look whether something happened.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How many ports are tried: another program may take one before the daemon does.
const PORTS_TRIED: u8 = 5;
/// Whom the daemon may become where we are root, the most fitting first.
const USERS: [&str; 3] = ["distcc", "distccd", "nobody"];
/// The most of a log that goes into an error.
const LOG_LIMIT: u64 = 1 << 20;
/// The file, in the private directory, that lists the compilers that volunteers may run.
pub(super) const COMMAND_LIST: &str = "compilers";

/// Why a volunteer could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum StartError {
    /// A step before it ran failed.
    #[error("{0}: {1}")]
    Io(String, #[source] io::Error),
    /// It ended at once; what its log said last.
    #[error("distccd ended at once ({0}): {1}")]
    Ended(ExitStatus, String),
    /// It runs, but listens nowhere.
    #[error("distccd did not listen within {0:?}")]
    Deaf(Duration),
}

/// A running volunteer; it ends with this value.
#[derive(Debug)]
pub(super) struct Volunteer {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Volunteer {
    /// Starts volunteer `number` (from 1) in a directory of its own, and waits until it listens.
    ///
    /// # Errors
    ///
    /// [`StartError`]: no port, no program, or a program that does not want to.
    pub(super) fn start(options: &GuardOptions, number: u8) -> Result<Self, StartError> {
        let dir = options.dir.join(format!("volunteer-{number}"));
        let failed = |error| StartError::Io(format!("making {}", dir.display()), error);
        std::fs::create_dir(&dir).map_err(failed)?;
        let user = user();
        if let Some(user) = &user {
            let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
            std::os::unix::fs::chown(&dir, Some(uid), Some(gid)).map_err(failed)?;
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let address = free_address(number)
                .map_err(|error| StartError::Io("finding a free port".to_owned(), error))?;
            let command = command(options, &dir, address, user.as_ref());
            match Self::run(command, address, &dir) {
                Err(StartError::Ended(status, _))
                    if exit_of(status) == Exit::BIND_FAILED && tries < PORTS_TRIED => {}
                other => return other,
            }
        }
    }

    fn run(mut command: Command, address: SocketAddr, dir: &Path) -> Result<Self, StartError> {
        let program = Path::new(command.get_program()).display().to_string();
        let process = command
            .spawn()
            .map_err(|error| StartError::Io(format!("starting {program}"), error))?;
        let mut volunteer = Self { process, address };
        let begin = Instant::now();
        while TcpStream::connect_timeout(&address, START_LIMIT).is_err() {
            if let Ok(Some(status)) = volunteer.process.try_wait() {
                return Err(StartError::Ended(status, last_line(&dir.join("log"))));
            }
            if begin.elapsed() > START_LIMIT {
                return Err(StartError::Deaf(START_LIMIT));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(volunteer)
    }

    fn signal(&self, signal: Signal) {
        if let Ok(pid) = i32::try_from(self.process.id()) {
            // It may be gone already, which is what we want.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }
}

impl Drop for Volunteer {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.signal(Signal::SIGKILL);
            // It was killed, so this does not take long.
            drop(self.process.wait());
        }
    }
}

/// Ends all volunteers at once: orderly if they can, and whatever they leave behind too.
pub(super) fn stop_all(mut volunteers: Vec<Volunteer>) {
    for volunteer in &volunteers {
        volunteer.signal(Signal::SIGTERM);
    }
    let begin = Instant::now();
    while begin.elapsed() < STOP_LIMIT && !volunteers.iter_mut().all(Volunteer::has_ended) {
        std::thread::sleep(LOOK_EVERY);
    }
    drop(volunteers);
    for orphan in children() {
        let _ = kill(orphan, Signal::SIGKILL);
        let _ = nix::sys::wait::waitpid(orphan, None);
    }
}

/// Our children, where the kernel tells.
fn children() -> Vec<Pid> {
    let tid = rustix::thread::gettid().as_raw_nonzero();
    let path = PathBuf::from(format!("/proc/self/task/{tid}/children"));
    let list = RealDisk.read(&path, LOG_LIMIT).unwrap_or_default();
    let list = String::from_utf8_lossy(&list).into_owned();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect()
}

fn command(
    options: &GuardOptions,
    dir: &Path,
    address: SocketAddr,
    user: Option<&User>,
) -> Command {
    let mut command = Command::new(&options.distccd);
    command.args(["--daemon", "--no-detach", "--log-level", "info", "--nice", "0"]);
    command.args(["--listen", &address.ip().to_string(), "--port", &address.port().to_string()]);
    command.args(["--allow", "127.0.0.0/8", "--jobs", &options.slots.to_string()]);
    command.arg("--log-file").arg(dir.join("log"));
    if let Some(user) = user {
        command.args(["--user", &user.name]);
    }
    command.env_clear().env(env::TMPDIR.0, dir).env(env::HOME.0, dir);
    command.env(env::DISTCC_CMDLIST.0, options.dir.join(COMMAND_LIST));
    command.env(env::PATH.0, env::PATH.get().unwrap_or_else(|| "/usr/bin:/bin".into()));
    command.current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A port that nobody uses now, on an address that tells this volunteer from the others.
fn free_address(number: u8) -> io::Result<SocketAddr> {
    let own = Ipv4Addr::new(127, 0, 0, number);
    let listener = TcpListener::bind((own, 0)).or_else(|_| TcpListener::bind("127.0.0.1:0"))?;
    listener.local_addr()
}

/// Whom a daemon that root starts should become.
fn user() -> Option<User> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    USERS.iter().find_map(|name| User::from_name(name).ok().flatten())
}

fn last_line(log: &Path) -> String {
    let log = RealDisk.read(log, LOG_LIMIT).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    log.lines().last().unwrap_or("its log is empty").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(dir: &Path, program: &str) -> GuardOptions {
        GuardOptions {
            dir: dir.to_owned(),
            distccd: PathBuf::from(program),
            volunteers: 1,
            slots: 1,
            keep: false,
        }
    }

    #[test]
    fn volunteers_have_addresses_of_their_own() {
        let (one, two) = (free_address(1).unwrap(), free_address(2).unwrap());
        assert!(one.ip().is_loopback() && two.ip().is_loopback());
        assert_ne!(one, two);
        assert_ne!(one.port(), 0);
    }

    #[test]
    fn a_daemon_that_does_not_want_to_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        let error = Volunteer::start(&options(dir.path(), "/bin/false"), 1).unwrap_err();
        assert_eq!(error.to_string(), "distccd ended at once (exit status: 1): its log is empty");
    }

    #[test]
    fn a_daemon_that_is_not_there_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        let error = Volunteer::start(&options(dir.path(), "/nowhere/distccd"), 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "starting /nowhere/distccd: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn the_daemon_sees_none_of_our_environment() {
        let dir = tempfile::tempdir().unwrap();
        let address = free_address(1).unwrap();
        let command = command(&options(dir.path(), "distccd"), dir.path(), address, None);
        let names: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names, ["DISTCC_CMDLIST", "HOME", "PATH", "TMPDIR"]);
    }
}
