//! The guard: a process of our own that starts the volunteers, and ends them whatever happens to
//! the `try` that it belongs to.
//!
//! `try` holds the other end of the guard's standard input. When that closes, because `try` is done
//! or because it was killed, the guard stops the volunteers and removes the private directory; it
//! is the one way by which anything is cleaned up.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::base::exit::Exit;
use crate::setup::cli::{self, GuardOptions};
use crate::setup::trial::TrialError;
use crate::setup::trial::volunteer::{self, Volunteer};

/// What the guard writes before an error; any other line is the address of a volunteer.
const FAILED: &str = "failed: ";

/// A guard that has started its volunteers, as `try` sees it.
#[derive(Debug)]
pub(super) struct Guard {
    process: Child,
    /// Closing it tells the guard to clean up.
    leash: Option<ChildStdin>,
    /// Where the volunteers listen.
    pub(super) volunteers: Vec<SocketAddr>,
}

impl Guard {
    /// Starts a guard, and waits until all its volunteers listen.
    ///
    /// # Errors
    ///
    /// [`TrialError::Io`] where it cannot be started, [`TrialError::Volunteer`] where a volunteer
    /// cannot.
    pub(super) fn start(options: &GuardOptions) -> Result<Self, TrialError> {
        let mut command = Command::new("/proc/self/exe");
        command
            .arg(cli::GUARD)
            .arg("--dir")
            .arg(&options.dir)
            .arg("--distccd")
            .arg(&options.distccd);
        command.args(["--volunteers", &options.volunteers.to_string()]);
        command.args(["--slots", &options.slots.to_string()]);
        if options.keep {
            command.arg("--keep");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut process = command.spawn().map_err(TrialError::io("starting the guard"))?;
        let leash = process.stdin.take();
        let output = process.stdout.take();
        let mut guard = Self { process, leash, volunteers: Vec::new() };
        for line in output.map(BufReader::new).into_iter().flat_map(BufRead::lines) {
            let line = line.map_err(TrialError::io("reading from the guard"))?;
            if let Some(problem) = line.strip_prefix(FAILED) {
                return Err(TrialError::Volunteer(problem.to_owned()));
            }
            guard.volunteers.extend(line.parse::<SocketAddr>().ok());
            if guard.volunteers.len() == usize::from(options.volunteers) {
                return Ok(guard);
            }
        }
        Err(TrialError::Volunteer("the guard ended too soon".to_owned()))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.leash.take());
        // It ends by itself now, and nothing could be done if it did not.
        drop(self.process.wait());
    }
}

/// The guard's own program: `distcc-setup __guard`.
pub(in crate::setup) fn run(options: &GuardOptions) -> Exit {
    // Signals that end `try` close our standard input, which is soon enough.
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // If it cannot be caught, it ends us as it always would have.
        drop(signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))));
    }
    // Compilers that outlive their volunteer become our children, so that we can end them.
    let _ = rustix::process::set_child_subreaper(rustix::process::Pid::from_raw(1));
    let started = start_all(options);
    let exit = match &started {
        Ok(_) => {
            // The end of the input is all that is waited for; an error is an end too.
            drop(io::copy(&mut io::stdin().lock().take(u64::MAX), &mut io::sink()));
            Exit::OK
        }
        Err(problem) => {
            say(&format!("{FAILED}{problem}"));
            Exit::FAILED
        }
    };
    volunteer::stop_all(started.unwrap_or_default());
    if !options.keep {
        remove(&options.dir);
    }
    exit
}

/// Starts each volunteer and says where it listens.
fn start_all(options: &GuardOptions) -> Result<Vec<Volunteer>, String> {
    let mut volunteers = Vec::new();
    for number in 1..=options.volunteers {
        match Volunteer::start(options, number) {
            Ok(volunteer) => volunteers.push(volunteer),
            Err(problem) => {
                volunteer::stop_all(volunteers);
                return Err(problem.to_string());
            }
        }
    }
    for volunteer in &volunteers {
        say(&volunteer.address.to_string());
    }
    Ok(volunteers)
}

fn say(line: &str) {
    // If nobody reads it any more, our input has ended as well.
    drop(writeln!(io::stdout(), "{}", line.replace('\n', " ")));
}

/// Removes the directory; a compiler that was just killed may still have been writing to it.
fn remove(dir: &Path) {
    for _ in 0..3 {
        if std::fs::remove_dir_all(dir).is_ok() || !dir.exists() {
            return;
        }
    }
    crate::warning!("{} could not be removed", dir.display());
}
