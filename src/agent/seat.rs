//! The one place for an agent: taking it, and when to leave it.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::base::log::{self, Level, Sink};
use crate::base::replace;
use crate::net::agent::place::{Place, short_name};
use crate::net::agent::{MARK, is_listened_to};

/// So long another agent may take to listen, or to leave.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);
/// The log is begun anew once it is larger, in bytes.
const MOST_LOG: u64 = 1 << 20;

/// What the command line asks for; paths are absolute.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// The socket, where it is not the user's own place.
    pub socket: Option<PathBuf>,
    /// A file for the process id.
    pub pid_file: Option<PathBuf>,
    /// How long to stay without work; `None` for ever.
    pub idle: Option<Duration>,
}

/// What a path leads to: file system and number.
type Identity = (u64, u64);

fn identity(meta: &Metadata) -> Identity {
    (meta.dev(), meta.ino())
}

/// A place that was taken. Dropping it gives it up, and removes what was made.
#[derive(Debug)]
pub struct Seat {
    /// Where clients come in.
    pub listener: UnixListener,
    /// How long to stay without work.
    pub idle: Option<Duration>,
    socket: PathBuf,
    bound: Identity,
    lock: PathBuf,
    /// Held locked.
    _held: File,
    mark: Option<PathBuf>,
    pid_file: Option<PathBuf>,
    /// The directory, where it is ours alone.
    place: Option<Place>,
    log: Option<PathBuf>,
    program: Option<(PathBuf, Identity)>,
    is_given_up: bool,
}

impl Seat {
    /// Takes the place; `None` if another agent has it, and listens.
    ///
    /// # Errors
    ///
    /// A sentence.
    pub fn take(wishes: &Wishes) -> Result<Option<Self>, String> {
        let (place, socket, lock) = match &wishes.socket {
            Some(socket) => (None, socket.clone(), socket.with_extension("lock")),
            None => {
                let place = Place::of_user().map_err(|error| error.to_string())?;
                place.make().map_err(|error| error.to_string())?;
                sweep(&place);
                let (socket, lock) = (place.socket(), place.lock());
                (Some(place), socket, lock)
            }
        };
        let Some(held) = hold(&lock, &socket)? else { return Ok(None) };
        let listener = bind(&socket)?;
        let bound = std::fs::symlink_metadata(&socket).map(|meta| identity(&meta));
        let bound = bound.map_err(|error| about(&socket, &error))?;
        let program = std::env::current_exe().ok();
        let program = program.and_then(|path| {
            let meta = std::fs::metadata(&path).ok()?;
            Some((path, identity(&meta)))
        });
        let mut seat = Self {
            listener,
            idle: wishes.idle,
            socket,
            bound,
            lock,
            _held: held,
            mark: None,
            pid_file: None,
            log: None,
            place,
            program,
            is_given_up: false,
        };
        if let Some(place) = &seat.place {
            // A rest was meant for who was here before.
            drop(std::fs::remove_file(place.rest_mark()));
        } else {
            let mark = seat.socket.with_file_name(MARK);
            replace::write(&mark, b"", 0o600).map_err(|error| about(&mark, &error))?;
            seat.mark = Some(mark);
        }
        if let Some(file) = &wishes.pid_file {
            let id = format!("{}\n", std::process::id());
            replace::write(file, id.as_bytes(), 0o644).map_err(|error| about(file, &error))?;
            seat.pid_file = Some(file.clone());
        }
        Ok(Some(seat))
    }

    /// Sends messages to the log below the state directory; nowhere, for an agent that was placed
    /// elsewhere.
    pub fn log_to_file(&mut self) {
        let shared = self.place.as_ref().and_then(|place| place.dir.parent());
        let path = shared.map_or_else(|| PathBuf::from("/dev/null"), |dir| dir.join("log"));
        if let Ok(file) = log::open_file(&path) {
            log::init("distcc-agent", level_now(), Sink::File(file));
            self.log = Some(path);
        }
    }

    /// Why to leave, if there is a reason that time brings.
    pub fn reason_to_leave(&self, idle_since: Option<Instant>) -> Option<String> {
        self.keep_log_short();
        let found = std::fs::symlink_metadata(&self.socket).map(|meta| identity(&meta));
        if found.ok() != Some(self.bound) {
            return Some(format!("{} is gone, or is another's", self.socket.display()));
        }
        if let Some((program, ours)) = &self.program {
            let now = std::fs::metadata(program).map(|meta| identity(&meta));
            if now.ok() != Some(*ours) {
                return Some(format!("{} is another program now", program.display()));
            }
        }
        let idle = self.idle?;
        (idle_since?.elapsed() >= idle).then(|| format!("no work for {} s", idle.as_secs()))
    }

    fn keep_log_short(&self) {
        let Some(path) = &self.log else { return };
        if std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() > MOST_LOG) {
            // Written by appending: the next message is the first of the file.
            drop(File::options().write(true).truncate(true).open(path));
        }
    }

    /// Writes a line to the log: beginning and end of an agent.
    pub fn say(&self, what: &str) {
        crate::info!("{}: {what}", self.socket.display());
    }

    /// Whether the place was given up.
    pub fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// Gives the place up: from now on nobody finds us. Those who have connected can be served
    /// still, and another agent begins when this one has ended.
    pub fn give_up(&mut self) {
        if std::mem::replace(&mut self.is_given_up, true) {
            return;
        }
        let found = std::fs::symlink_metadata(&self.socket).map(|meta| identity(&meta));
        if found.ok() == Some(self.bound) {
            drop(std::fs::remove_file(&self.socket));
        }
        for file in self.mark.iter().chain(&self.pid_file) {
            drop(std::fs::remove_file(file));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.give_up();
        // While it is locked, nobody else has begun here.
        drop(std::fs::remove_file(&self.lock));
        if let Some(place) = &self.place {
            clear(place);
        }
    }
}

fn level_now() -> Level {
    if log::enabled(Level::Debug) { Level::Debug } else { Level::Info }
}

fn about(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// Locks the file; `None` if another agent has it and listens at `socket`.
fn hold(lock: &Path, socket: &Path) -> Result<Option<File>, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let file = File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
            .open(lock)
            .map_err(|error| about(lock, &error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let ours = file.metadata().map(|meta| identity(&meta)).ok();
                // One that leaves removes it.
                if ours == std::fs::symlink_metadata(lock).map(|meta| identity(&meta)).ok() {
                    return Ok(Some(file));
                }
            }
            Err(Errno::WOULDBLOCK | Errno::INTR) => {
                if is_listened_to(socket) {
                    return Ok(None);
                }
            }
            Err(errno) => return Err(about(lock, &errno.into())),
        }
        if Instant::now() >= deadline {
            return Err(format!(
                "{}: another agent holds it, and does not listen: end it",
                lock.display()
            ));
        }
        std::thread::sleep(LOOK);
    }
}

/// Listens at `socket`, in place of one that nobody listens at any more.
fn bind(socket: &Path) -> Result<UnixListener, String> {
    match std::fs::symlink_metadata(socket) {
        Ok(meta) if meta.file_type().is_dir() => {
            return Err(format!("{}: it is a directory: remove it", socket.display()));
        }
        Ok(meta) if !meta.file_type().is_socket() => {
            crate::warning!("{}: it is no socket, and is removed", socket.display());
            std::fs::remove_file(socket).map_err(|error| about(socket, &error))?;
        }
        // We hold the lock, so that whoever bound it is gone.
        Ok(_) => std::fs::remove_file(socket).map_err(|error| about(socket, &error))?,
        Err(_) => {}
    }
    // Holds the directory open that a short name leads through.
    let (name, _dir) = short_name(socket).map_err(|error| about(socket, &error))?;
    UnixListener::bind(name).map_err(|error| about(socket, &error))
}

/// Removes the directories of agents that were killed, whose numbers may never come again.
fn sweep(ours: &Place) {
    let Some(entries) = ours.dir.parent().and_then(|dir| std::fs::read_dir(dir).ok()) else {
        return;
    };
    for entry in entries.flatten() {
        let place = Place { dir: entry.path() };
        if place == *ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let Ok(lock) = File::open(place.lock()) else {
            // One that was made just now has none yet; an empty one is no loss.
            drop(std::fs::remove_dir(&place.dir));
            continue;
        };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            drop(std::fs::remove_file(place.socket()));
            drop(std::fs::remove_file(place.lock()));
            clear(&place);
        }
    }
}

/// Removes what clients made in an agent's directory, and the directory. A client that is about to
/// start another agent makes it again.
fn clear(place: &Place) {
    for file in [place.start(), place.rest_mark()] {
        drop(std::fs::remove_file(file));
    }
    drop(std::fs::remove_dir(&place.dir));
}
