//! Running one compiler: start it shut off, watch it and its client, collect what it prints, and
//! make sure that nothing of it is left.

use std::ffi::OsString;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal};

use crate::base::terminal::Pty;
use crate::daemon::sandbox::{Confines, Sandbox};
use crate::daemon::stats::Stats;
use crate::warning;

/// The most of stdout, and of stderr, that is passed on.
const MOST_PRINTED: usize = 16 << 20;
/// Between asking a compiler to end and ending it.
const MERCY: Duration = Duration::from_millis(300);

/// What is to run.
#[derive(Debug)]
pub struct Call<'a> {
    /// The program's file.
    pub program: &'a Path,
    /// Its words, with its name in front.
    pub argv: &'a [OsString],
    /// Its whole environment.
    pub environment: &'a [(OsString, OsString)],
    /// Where it runs.
    pub cwd: &'a Path,
    /// What it may touch.
    pub confines: Confines<'a>,
    /// The largest file it may write.
    pub max_output: u64,
    /// Its standard error is a terminal with so many rows and columns, not a pipe.
    pub terminal: Option<(u16, u16)>,
}

/// What may end it early.
#[derive(Debug)]
pub struct Watch<'a> {
    /// Readable or closed: the client.
    pub client: BorrowedFd<'a>,
    /// Readable: the daemon wants all compilers gone.
    pub abort: BorrowedFd<'a>,
    /// When it has taken too long.
    pub deadline: Option<Instant>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this wait status.
    Done(i32),
    /// Killed: its client went away.
    ClientGone,
    /// Killed: it took too long.
    TimedOut,
    /// Killed: the daemon stops.
    Aborted,
}

/// A run, told.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub ending: Ending,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: Vec<u8>,
}

/// Runs `call` until it ends or `watch` ends it.
///
/// # Errors
///
/// The compiler could not be started.
pub fn run(
    call: &Call<'_>,
    sandbox: &Sandbox,
    stats: &Stats,
    watch: &Watch<'_>,
) -> io::Result<Finished> {
    let mut command = Command::new(call.program);
    if let Some((name, words)) = call.argv.split_first() {
        command.arg0(name).args(words);
    }
    command
        .env_clear()
        .envs(call.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(call.cwd)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let (screen, trouble) = match call.terminal.map(Pty::open) {
        None => (None, None),
        Some(Ok(Pty { reader, terminal })) => {
            command.stderr(terminal);
            (Some(reader), None)
        }
        Some(Err(error)) => (None, Some(error)),
    };
    let mut group = Group::new(sandbox.spawn(&mut command, call.program, &call.confines)?)?;
    let pid = group.pid.as_raw_nonzero().get();
    let limit = Rlimit { current: Some(call.max_output), maximum: Some(call.max_output) };
    // It fails only for a child that has ended already.
    let _ = rustix::process::prlimit(Some(group.pid), Resource::Fsize, limit);
    let mut stdout = Printed::new(group.child.stdout.take().map(OwnedFd::from))?;
    let mut stderr = Printed::new(screen.or(group.child.stderr.take().map(OwnedFd::from)))?;
    stats.runs(pid, true);
    let ending = watch_over(&mut group, &mut stdout, &mut stderr, watch);
    stats.runs(pid, false);
    let ending = ending?;
    let mut stderr = stderr.finish();
    if let (Some(error), false) = (trouble, stderr.is_empty()) {
        warning!("a compiler printed into a pipe, for lack of a terminal: {error}");
        // Clients know by such a line that the text is not as they would have it.
        stderr.splice(0..0, format!("distccd: no terminal: {error}\n").into_bytes());
    }
    Ok(Finished { ending, stdout: stdout.finish(), stderr })
}

fn watch_over(
    group: &mut Group,
    stdout: &mut Printed,
    stderr: &mut Printed,
    watch: &Watch<'_>,
) -> io::Result<Ending> {
    let mut client_talks = false;
    loop {
        let client = if client_talks { PollFlags::RDHUP } else { PollFlags::IN | PollFlags::RDHUP };
        let mut fds = vec![
            PollFd::new(&group.pidfd, PollFlags::IN),
            PollFd::new(&watch.client, client),
            PollFd::new(&watch.abort, PollFlags::IN),
        ];
        let out = stdout.poll_on(&mut fds);
        let err = stderr.poll_on(&mut fds);
        wait(&mut fds, watch.deadline)?;
        let ready = |index: Option<usize>| {
            index.and_then(|index| fds.get(index)).is_some_and(|fd| !fd.revents().is_empty())
        };
        let (ended, client, aborted) = (ready(Some(0)), ready(Some(1)), ready(Some(2)));
        let (out, err) = (ready(out), ready(err));
        drop(fds);
        if out {
            stdout.take_in();
        }
        if err {
            stderr.take_in();
        }
        if ended {
            // Whatever it left in the background goes too; then nobody holds the pipes.
            group.kill_now();
            stdout.take_in();
            stderr.take_in();
            return Ok(Ending::Done(group.reap()?));
        }
        if aborted {
            group.kill_now();
            group.reap()?;
            return Ok(Ending::Aborted);
        }
        if client {
            match talk(watch.client) {
                Talk::Gone => {
                    group.end(stdout, stderr)?;
                    return Ok(Ending::ClientGone);
                }
                Talk::Stray => {
                    client_talks = true;
                    warning!("client sent bytes after its request: ignored");
                }
                Talk::Nothing => {}
            }
        }
        if watch.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            group.end(stdout, stderr)?;
            return Ok(Ending::TimedOut);
        }
    }
}

/// What a client that is only waiting has to say.
enum Talk {
    Gone,
    Stray,
    Nothing,
}

fn talk(client: BorrowedFd<'_>) -> Talk {
    let mut stray = [0; 512];
    match rustix::io::read(client, &mut stray) {
        Ok(0) => Talk::Gone,
        Ok(_) => Talk::Stray,
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Talk::Nothing,
        Err(_) => Talk::Gone,
    }
}

/// Whether the client has hung up by now; what it says is not read.
pub fn is_gone(client: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(&client, PollFlags::RDHUP)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let gone = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    poll(&mut fds, Some(&now)).is_ok_and(|count| count > 0)
        && fds.iter().any(|fd| fd.revents().intersects(gone))
}

/// Waits until something happens or the deadline is there.
fn wait(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<()> {
    let left = deadline.map(|deadline| {
        let left = deadline.saturating_duration_since(Instant::now());
        // A deadline is met, not missed by the rounding of the clock.
        Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        }
    });
    match poll(fds, left.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A compiler and its children; killed and reaped when dropped.
struct Group {
    child: Child,
    pid: Pid,
    pidfd: OwnedFd,
    reaped: bool,
}

impl Group {
    fn new(mut child: Child) -> io::Result<Self> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pidfd = pid.map(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()));
        match (pid, pidfd) {
            (Some(pid), Some(Ok(pidfd))) => Ok(Self { child, pid, pidfd, reaped: false }),
            (_, failed) => {
                drop(child.kill());
                drop(child.wait());
                Err(match failed {
                    Some(Err(error)) => error.into(),
                    _ => io::Error::other("no process id"),
                })
            }
        }
    }

    /// The group's name stays ours until its leader is reaped, so this cannot hit a stranger.
    fn signal(&self, signal: Signal) {
        if !self.reaped {
            let _ = rustix::process::kill_process_group(self.pid, signal);
        }
    }

    fn kill_now(&self) {
        self.signal(Signal::KILL);
    }

    fn reap(&mut self) -> io::Result<i32> {
        let status = self.child.wait()?;
        self.reaped = true;
        Ok(status.into_raw())
    }

    /// Asks the compiler to end, and ends it if it does not.
    fn end(&mut self, stdout: &mut Printed, stderr: &mut Printed) -> io::Result<()> {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + MERCY;
        while Instant::now() < deadline {
            let mut fds = vec![PollFd::new(&self.pidfd, PollFlags::IN)];
            stdout.poll_on(&mut fds);
            stderr.poll_on(&mut fds);
            wait(&mut fds, Some(deadline))?;
            let ended = fds.first().is_some_and(|fd| !fd.revents().is_empty());
            drop(fds);
            stdout.take_in();
            stderr.take_in();
            if ended {
                break;
            }
        }
        self.kill_now();
        self.reap().map(|_| ())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill_now();
            drop(self.child.wait());
        }
    }
}

/// What comes out of one pipe, up to a limit.
struct Printed {
    pipe: Option<OwnedFd>,
    bytes: Vec<u8>,
    left_out: bool,
}

impl Printed {
    fn new(pipe: Option<OwnedFd>) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        Ok(Self { pipe, bytes: Vec::new(), left_out: false })
    }

    /// Adds the pipe to what is waited for, and tells where.
    fn poll_on<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) -> Option<usize> {
        let pipe = self.pipe.as_ref()?;
        fds.push(PollFd::new(pipe, PollFlags::IN));
        Some(fds.len() - 1)
    }

    /// Reads all that is there.
    fn take_in(&mut self) {
        let Some(pipe) = &self.pipe else { return };
        let mut chunk = [0; 8192];
        loop {
            match rustix::io::read(pipe, &mut chunk) {
                Ok(0) => {
                    self.pipe = None;
                    return;
                }
                Ok(count) => {
                    let room = MOST_PRINTED.saturating_sub(self.bytes.len());
                    let new = chunk.get(..count).unwrap_or_default();
                    let kept = new.get(..room).unwrap_or(new);
                    self.left_out |= kept.len() < new.len();
                    self.bytes.extend_from_slice(kept);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return,
                Err(_) => {
                    self.pipe = None;
                    return;
                }
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.left_out {
            let note = "\ndistccd: the compiler printed more than 16 MiB; the rest is left out\n";
            self.bytes.extend_from_slice(note.as_bytes());
        }
        self.bytes
    }
}
