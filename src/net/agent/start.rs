//! Starting the agent.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::base::{dirs, env};
use crate::net::agent::AgentError;
use crate::net::agent::exchange::{Connection, connect};
use crate::net::agent::place::Place;

/// So long an agent that was started may take until it listens.
pub const READY: Duration = Duration::from_secs(2);
/// What an agent prints once it listens.
pub const LISTENS: &str = "listens\n";
/// The option that has the agent serve, and say on standard output when it does.
pub const SERVE: &str = "--serve";
/// The agent's program.
const PROGRAM: &str = "distcc-agent";
/// Between two looks.
const LOOK: Duration = Duration::from_millis(3);
/// The most of a sentence that is read.
const MOST_SAID: u64 = 4096;

/// Connects to the agent, which is started first if nobody listens.
///
/// # Errors
///
/// [`AgentError`].
pub(super) fn reach(
    place: &Place,
    program: &dyn Fn() -> Result<PathBuf, AgentError>,
) -> Result<Connection, AgentError> {
    let socket = place.socket();
    if let Some(connection) = if_listens(&socket)? {
        return Ok(connection);
    }
    let program = program()?;
    place.make()?;
    let deadline = Instant::now() + READY;
    // Of a hundred clients, one starts it.
    let name = place.start();
    let start = File::options().create(true).append(true).mode(0o600).open(&name);
    let start = start.map_err(|error| AgentError::Directory(name.clone(), error.to_string()))?;
    loop {
        match flock(&start, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(errno) => {
                return Err(AgentError::Directory(name, io::Error::from(errno).to_string()));
            }
        }
        std::thread::sleep(LOOK);
        if let Some(connection) = if_listens(&socket)? {
            return Ok(connection);
        }
        if place.is_resting() {
            return Err(AgentError::Resting);
        }
        if Instant::now() >= deadline {
            return Err(AgentError::NotStarted(program, "others that start it hang".to_owned()));
        }
    }
    if let Some(connection) = if_listens(&socket)? {
        return Ok(connection);
    }
    launch_for(Some(&place.state()), &program, &[])?;
    connect(&socket)
}

/// A connection, if anybody listens.
fn if_listens(socket: &Path) -> Result<Option<Connection>, AgentError> {
    match connect(socket) {
        Ok(connection) => Ok(Some(connection)),
        Err(AgentError::Unreachable(_, error))
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The agent's program: the one that DISTCC_AGENT names, else the one beside ours, else the one
/// that is installed.
///
/// # Errors
///
/// [`AgentError::Unwanted`], [`AgentError::NotInstalled`].
pub fn program() -> Result<PathBuf, AgentError> {
    let is_there = |path: &PathBuf| path.is_file();
    if let Some(named) = env::DISTCC_AGENT.get_nonempty() {
        if named == "no" {
            return Err(AgentError::Unwanted);
        }
        let named = PathBuf::from(named);
        return if is_there(&named) { Ok(named) } else { Err(AgentError::NotInstalled(named)) };
    }
    let ours = std::env::current_exe().ok();
    let beside = ours.as_deref().and_then(Path::parent).map(|dir| dir.join(PROGRAM));
    let installed = Path::new(dirs::WHITELIST).join(PROGRAM);
    if let Some(beside) = beside.filter(is_there) {
        return Ok(beside);
    }
    if is_there(&installed) { Ok(installed) } else { Err(AgentError::NotInstalled(installed)) }
}

/// Starts an agent with these options, and waits until it listens. If another one serves at its
/// place already, that is as good.
///
/// It gets a session, standard descriptors and an environment of its own: whoever waits for its
/// starter does not wait for it.
///
/// # Errors
///
/// [`AgentError::NotStarted`].
pub fn launch(program: &Path, options: &[OsString]) -> Result<(), AgentError> {
    let state = dirs::state_dir().and_then(|dir| std::path::absolute(dir).ok());
    launch_for(state.as_deref(), program, options)
}

/// The same for this state directory.
fn launch_for(
    state: Option<&Path>,
    program: &Path,
    options: &[OsString],
) -> Result<(), AgentError> {
    let trouble = |why: String| AgentError::NotStarted(program.to_owned(), why);
    let mut command = Command::new(program);
    command.arg(SERVE).args(options).env_clear();
    let kept = [env::PATH, env::HOME, env::TMPDIR, env::DISTCC_VERBOSE, env::DISTCC_CLIENT_TMP];
    for variable in kept {
        if let Some(value) = variable.get() {
            command.env(variable.0, value);
        }
    }
    if let Some(dir) = state {
        command.env(env::DISTCC_DIR.0, dir);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| trouble(error.to_string()))?;
    let said = child.stdout.take().map(|pipe| hear(pipe, Instant::now() + READY));
    match said.transpose().map_err(|error| trouble(error.to_string()))? {
        Some(said) if said.ends_with(LISTENS) => Ok(()),
        said => {
            let said = said.unwrap_or_default();
            // It has ended, or is of no use; nobody else is going to.
            drop(child.kill());
            drop(child.wait());
            Err(trouble(match said.trim() {
                "" => format!("it does not listen after {} s", READY.as_secs()),
                said => said.to_owned(),
            }))
        }
    }
}

/// What is said until [`LISTENS`], the end, or the deadline.
fn hear(pipe: impl AsFd + Read, deadline: Instant) -> io::Result<String> {
    let mut pipe = pipe.take(MOST_SAID);
    let mut said = Vec::new();
    let mut bytes = [0; 512];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap_or_default();
        let mut fds = [PollFd::new(pipe.get_ref(), PollFlags::IN)];
        match poll(&mut fds, Some(&left)) {
            Ok(0) => break,
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno.into()),
        }
        let count = pipe.read(&mut bytes)?;
        said.extend_from_slice(bytes.get(..count).unwrap_or_default());
        if count == 0 || said.ends_with(LISTENS.as_bytes()) {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}
