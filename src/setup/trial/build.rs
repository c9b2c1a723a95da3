//! Running the build: its environment, its progress, and signals that end it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::setup::trial::TrialError;

/// How often progress is looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long a build may take to end after a signal.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Variables that would make the sample another build than the one we describe.
const UNWANTED: [&str; 25] = [
    "CFLAGS",
    "CXXFLAGS",
    "CPPFLAGS",
    "LDFLAGS",
    "MAKEFLAGS",
    "MFLAGS",
    "MAKELEVEL",
    "GNUMAKEFLAGS",
    "DISTCC_FALLBACK",
    "DISTCC_VERBOSE",
    "DISTCC_SAVE_TEMPS",
    "DISTCC_NO_REWRITE_CROSS",
    "DISTCC_SKIP_LOCAL_RETRY",
    "DISTCC_COMPILER_MISMATCH",
    "DISTCC_DIAGNOSTICS",
    "DISTCC_IO_TIMEOUT",
    "DISTCC_COMPILE_TIMEOUT",
    "DISTCC_BACKOFF_PERIOD",
    "DISTCC_AGENT",
    "DISTCC_MAX_DISCREPANCY",
    "INCLUDE_SERVER_PORT",
    "DEPENDENCIES_OUTPUT",
    "SUNPRO_DEPENDENCIES",
    "CCACHE_PREFIX",
    "UNCACHED_ERR_FD",
];

/// The signals that end `try`, caught.
#[derive(Clone, Debug)]
pub(super) struct Signals(Arc<AtomicUsize>);

impl Signals {
    /// Catches SIGINT, SIGTERM and SIGHUP from now on.
    ///
    /// # Errors
    ///
    /// What the kernel had against it.
    pub(super) fn catch() -> io::Result<Self> {
        let caught = Arc::new(AtomicUsize::new(0));
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            let number = signal as i32;
            let value = usize::try_from(number).unwrap_or(1);
            signal_hook::flag::register_usize(number, Arc::clone(&caught), value)?;
        }
        Ok(Self(caught))
    }

    /// The last one that came.
    pub(super) fn caught(&self) -> Option<Signal> {
        let number = i32::try_from(self.0.load(Ordering::Relaxed)).ok()?;
        Signal::try_from(number).ok()
    }

    /// An error, if one came.
    ///
    /// # Errors
    ///
    /// [`TrialError::Interrupted`].
    pub(super) fn check(&self) -> Result<(), TrialError> {
        match self.caught() {
            Some(signal) => Err(TrialError::Interrupted(signal)),
            None => Ok(()),
        }
    }
}

/// Who shares a terminal with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// The command is the user's: it reads the terminal, and gets its signals.
    Ours,
    /// The command is ours alone, and all that it starts ends with it.
    Own,
}

/// A command that has ended, and how long it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// How long it took.
    pub took: Duration,
}

/// Runs `command` to its end, and calls `tick` meanwhile.
///
/// # Errors
///
/// What starting it met, or [`TrialError::Interrupted`]; then nothing of it runs any more.
pub(super) fn run(
    command: &mut Command,
    group: Group,
    signals: &Signals,
    mut tick: impl FnMut(),
) -> Result<Ended, TrialError> {
    let program = command.get_program().to_owned();
    if group == Group::Own {
        command.process_group(0);
    }
    let begin = Instant::now();
    let mut child = command.spawn().map_err(|error| TrialError::Command(program, error))?;
    loop {
        if let Some(status) = wait(&mut child, TICK, begin)? {
            tick();
            return Ok(Ended { status, took: begin.elapsed() });
        }
        if let Some(signal) = signals.caught() {
            stop(&mut child, group, signal);
            return Err(TrialError::Interrupted(signal));
        }
        tick();
    }
}

/// Waits for the child, but no longer than `limit`; more often at the beginning.
fn wait(
    child: &mut Child,
    limit: Duration,
    begin: Instant,
) -> Result<Option<ExitStatus>, TrialError> {
    let until = Instant::now() + limit;
    loop {
        let status = child.try_wait().map_err(TrialError::io("waiting for the command"))?;
        let now = Instant::now();
        if status.is_some() || now >= until {
            return Ok(status);
        }
        let pause = (begin.elapsed() / 20).clamp(Duration::from_millis(1), TICK / 5);
        std::thread::sleep(pause.min(until - now));
    }
}

/// Passes the signal on, and kills what does not heed it.
fn stop(child: &mut Child, group: Group, signal: Signal) {
    let Ok(pid) = i32::try_from(child.id()) else { return };
    let target = Pid::from_raw(if group == Group::Own { -pid } else { pid });
    let begin = Instant::now();
    // Make's compilers get it with the group; whoever is gone already needs it no more.
    let _ = kill(target, signal);
    while begin.elapsed() < STOP_LIMIT {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = kill(target, Signal::SIGKILL);
    drop(child.wait());
}

/// Takes out of the sample's environment what would make it another build.
pub(super) fn clean(command: &mut Command) {
    for name in UNWANTED {
        command.env_remove(name);
    }
    command.env("CCACHE_DISABLE", "1");
}

/// The directories as a PATH, with `first` before them.
///
/// # Errors
///
/// [`TrialError::Io`] where a directory's name has a colon.
pub(super) fn join_path<'a>(
    directories: impl IntoIterator<Item = &'a std::path::PathBuf>,
) -> Result<OsString, TrialError> {
    std::env::join_paths(directories)
        .map_err(|error| TrialError::io("making a PATH")(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn quiet() -> Signals {
        Signals(Arc::new(AtomicUsize::new(0)))
    }

    #[test]
    fn a_command_ends_as_it_ends() {
        let mut ticks = 0;
        let ended = run(&mut shell("exit 7"), Group::Own, &quiet(), || ticks += 1).unwrap();
        assert_eq!(ended.status.code(), Some(7));
        assert!(ticks > 0, "the end is looked at too");
    }

    #[test]
    fn a_signal_ends_the_command_and_all_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let signals = quiet();
        let begun = dir.path().join("begun");
        let script = format!("sleep 100 & echo $! >{}; wait", begun.display());
        let number = usize::try_from(Signal::SIGTERM as i32).unwrap();
        let raise = || {
            if std::fs::metadata(&begun).is_ok_and(|meta| meta.len() > 0) {
                signals.0.store(number, Ordering::Relaxed);
            }
        };
        let error = run(&mut shell(&script), Group::Own, &signals, raise).unwrap_err();
        assert!(matches!(error, TrialError::Interrupted(Signal::SIGTERM)), "{error}");
        let sleeper: i32 = std::fs::read_to_string(&begun).unwrap().trim().parse().unwrap();
        // Whoever reaps orphans here may take its time: a zombie has ended as well.
        let runs = || {
            let state = std::fs::read_to_string(format!("/proc/{sleeper}/stat"));
            state.is_ok_and(|state| !state.contains(") Z "))
        };
        let begin = Instant::now();
        while runs() {
            assert!(begin.elapsed() < Duration::from_secs(60), "it goes on");
            std::thread::sleep(TICK / 10);
        }
    }

    #[test]
    fn a_command_that_is_not_there_is_named() {
        let error =
            run(&mut Command::new("no-such-make"), Group::Own, &quiet(), || ()).unwrap_err();
        assert!(error.to_string().contains("no-such-make"), "{error}");
    }

    #[test]
    fn the_users_flags_do_not_reach_the_sample() {
        let mut command = Command::new("make");
        clean(&mut command);
        let removed = command.get_envs().filter(|(_, value)| value.is_none()).count();
        assert_eq!(removed, UNWANTED.len());
    }
}
