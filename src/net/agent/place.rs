//! Where the agent's socket is.
//!
//! `DISTCC_DIR/agent/NUMBERS/socket`. An agent sees the files of its own mount namespace and root
//! alone, and a state directory may be shared by several of them (a build root and the machine
//! around it), so that the numbers are those of namespace and root. Beside the socket: `lock`, held
//! by the one agent; `start`, held by the client that starts it; `rest`, there while the agent is
//! left alone. `DISTCC_DIR/agent/log` is the log of all.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags};

use crate::base::dirs;
use crate::net::agent::AgentError;

/// Bytes of a socket's name that the kernel takes (`sun_path`), less the one at its end.
const MOST_NAME: usize = 107;

/// The directory of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The directory.
    pub dir: PathBuf,
}

impl Place {
    /// That of this user, state directory, mount namespace and root. Nothing is made.
    ///
    /// # Errors
    ///
    /// [`AgentError::NoPlace`].
    pub fn of_user() -> Result<Self, AgentError> {
        let state = dirs::state_dir().ok_or(AgentError::NoPlace)?;
        let state = std::path::absolute(state).map_err(|_| AgentError::NoPlace)?;
        Ok(Self::below(&state))
    }

    /// That below this state directory, whose path is absolute.
    pub fn below(state: &Path) -> Self {
        Self { dir: state.join("agent").join(numbers()) }
    }

    /// The state directory.
    pub fn state(&self) -> PathBuf {
        self.dir.ancestors().nth(2).unwrap_or(Path::new("/")).to_owned()
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("socket")
    }

    /// The file that the agent holds locked.
    pub fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// The file that a client which starts an agent holds locked.
    pub fn start(&self) -> PathBuf {
        self.dir.join("start")
    }

    /// The file that is there while the agent is not asked.
    pub fn rest_mark(&self) -> PathBuf {
        self.dir.join("rest")
    }

    /// Whether the agent is to be left alone.
    pub(super) fn is_resting(&self) -> bool {
        // Its time is that of the end of the rest.
        let until = std::fs::metadata(self.rest_mark()).and_then(|meta| meta.modified());
        until.is_ok_and(|until| until > SystemTime::now())
    }

    /// Leaves the agent alone for `time`.
    pub(super) fn rest(&self, time: Duration) {
        let until = SystemTime::now() + time;
        let mark = File::options().create(true).append(true).open(self.rest_mark());
        // Without the mark the next client waits as this one did.
        drop(mark.and_then(|mark| mark.set_modified(until)));
    }

    /// Makes the directory, for the user alone.
    ///
    /// # Errors
    ///
    /// [`AgentError::Directory`].
    pub fn make(&self) -> Result<(), AgentError> {
        let Some(shared) = self.dir.parent() else { return Err(AgentError::NoPlace) };
        let trouble = |dir: &Path, why: String| AgentError::Directory(dir.to_owned(), why);
        if let Some(state) = shared.parent() {
            DirBuilder::new()
                .mode(0o777)
                .recursive(true)
                .create(state)
                .map_err(|error| trouble(state, error.to_string()))?;
        }
        for dir in [shared, &self.dir] {
            match DirBuilder::new().mode(0o700).create(dir) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(trouble(dir, error.to_string()));
                }
                _ => {}
            }
            // Asked of the kernel itself: under fakeroot the C library gives other owners.
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let meta = rustix::fs::open(dir, flags, Mode::empty())
                .and_then(rustix::fs::fstat)
                .map_err(|errno| trouble(dir, io::Error::from(errno).to_string()))?;
            if meta.st_uid != rustix::process::geteuid().as_raw() {
                let why = format!("it is user {}'s, and not yours: remove it", meta.st_uid);
                return Err(trouble(dir, why));
            }
            if meta.st_mode & 0o022 != 0 {
                let why = "others may write there: run chmod 700 on it".to_owned();
                return Err(trouble(dir, why));
            }
        }
        Ok(())
    }
}

/// What tells this process's view of files from others: mount namespace, and root.
fn numbers() -> String {
    let namespace = std::fs::read_link("/proc/self/ns/mnt").unwrap_or_default();
    let namespace = namespace.to_string_lossy();
    let number: String = namespace.chars().filter(char::is_ascii_digit).collect();
    // Asked of the kernel itself, as elsewhere here.
    let root = rustix::fs::stat("/").map_or((0, 0), |meta| (meta.st_dev, meta.st_ino));
    format!("{number}-{:x}-{:x}", root.0, root.1)
}

/// A name for a socket's path that is short enough for the kernel. It may lead through a directory
/// that is held open with it.
///
/// # Errors
///
/// What opening the directory met.
pub fn short_name(path: &Path) -> io::Result<(PathBuf, Option<OwnedFd>)> {
    if path.as_os_str().len() <= MOST_NAME {
        return Ok((path.to_owned(), None));
    }
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(dir, flags, Mode::empty())?;
    let short = Path::new("/proc/self/fd").join(dir.as_raw_fd().to_string()).join(name);
    Ok((short, Some(dir)))
}
