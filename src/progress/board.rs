//! The board of all running compiles: one state record a client, in `DISTCC_DIR/state/`.
//!
//! Compatible with distcc 3.4 both ways. Beyond it, a client of ours holds a lock on its record
//! for as long as it lives, so that readers need not believe pids (which mean nothing across pid
//! namespaces) nor times.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use rustix::io::Errno;

use crate::progress::phase::Phase;
use crate::progress::record::{Job, LEN};

/// How old a record may be before distcc 3.4's monitors remove it.
pub const STALE_AFTER: Duration = Duration::from_secs(60);
/// How often a client that waits should call [`Post::refresh`].
pub const REFRESH_EVERY: Duration = Duration::from_secs(30);
/// What every record's name begins with.
const PREFIX: &str = "binstate_";
/// How many clients with the same pid (of several pid namespaces) may share a board.
const NAMESAKES: u32 = 64;

/// This process's place on the board.
///
/// Nothing is touched before the first [`Post::publish`]; the record goes with the `Post`. Monitors
/// are a convenience, so no failure here is the caller's business: it is logged for the curious.
#[derive(Debug)]
pub struct Post {
    dir: PathBuf,
    state: State,
    last: Option<Job>,
}

#[derive(Debug)]
enum State {
    /// No record yet.
    Unopened,
    /// The record, its name, and when it was last written.
    Open(File, PathBuf, Instant),
    /// No record could be made; we do not try again.
    Failed,
}

impl Post {
    /// A place on the board in `dir` (`DISTCC_DIR/state`, made when needed).
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), state: State::Unopened, last: None }
    }

    /// Says that `file` (its directory is left out) is in `phase`, in slot `slot` of `host`.
    pub fn publish(&mut self, phase: Phase, file: &[u8], host: &str, slot: u32) {
        let job = Job {
            pid: std::process::id().into(),
            file: file.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec(),
            host: host.as_bytes().to_vec(),
            slot: i32::try_from(slot).unwrap_or(i32::MAX),
            phase,
        };
        self.write(&job);
        self.last = Some(job);
    }

    /// Tells 3.4's monitors, which drop records older than 60 s, that this one is still true.
    ///
    /// To be called about every [`REFRESH_EVERY`] while waiting; does nothing if called too early.
    pub fn refresh(&mut self) {
        if let State::Open(_, _, written) = &self.state
            && written.elapsed() + Duration::from_secs(1) < REFRESH_EVERY
        {
            return;
        }
        if let Some(job) = self.last.clone() {
            self.write(&job);
        }
    }

    fn write(&mut self, job: &Job) {
        if let State::Open(file, _, written) = &self.state
            && written.elapsed() >= REFRESH_EVERY
            && file.metadata().map_or(true, |meta| meta.nlink() == 0)
        {
            // A monitor thought us dead.
            self.state = State::Unopened;
        }
        if let State::Unopened = self.state {
            self.state = match create(&self.dir) {
                Ok((file, path)) => State::Open(file, path, Instant::now()),
                Err(error) => {
                    crate::debug!("no state record in {}: {error}", self.dir.display());
                    State::Failed
                }
            };
        }
        if let State::Open(file, _, written) = &mut self.state {
            match file.write_all_at(&job.encode(), 0) {
                Ok(()) => *written = Instant::now(),
                Err(error) => crate::debug!("state record in {}: {error}", self.dir.display()),
            }
        }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        if let State::Open(_, path, _) = &self.state {
            // If it is gone already, so much the better.
            drop(std::fs::remove_file(path));
        }
    }
}

/// Makes and locks this process's record; the directory too, if it is missing.
fn create(dir: &Path) -> io::Result<(File, PathBuf)> {
    match create_in(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().mode(0o777).recursive(true).create(dir)?;
            create_in(dir)
        }
        other => other,
    }
}

/// Takes the first of this pid's names that no living client of another pid namespace holds.
fn create_in(dir: &Path) -> io::Result<(File, PathBuf)> {
    let pid = std::process::id();
    for namesake in 0..NAMESAKES {
        let path = match namesake {
            0 => dir.join(format!("{PREFIX}{pid}")),
            _ => dir.join(format!("{PREFIX}{pid}.{namesake}")),
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o666);
        let file = match options.custom_flags(OFlag::O_NOFOLLOW.bits()).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => continue,
            other => other?,
        };
        if lock(&file).is_ok() && file.metadata()?.nlink() > 0 {
            return Ok((file, path));
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A write lock on the whole file, which says that its owner lives. The kernel takes it back
/// however the owner ends, and a compiler that we start does not inherit it.
fn lock(file: &File) -> nix::Result<()> {
    fcntl(file, FcntlArg::F_SETLK(&whole_file(nix::libc::F_WRLCK))).map(drop)
}

/// Whether anyone holds [`lock`] on `file`.
fn is_locked(file: &File) -> bool {
    let mut probe = whole_file(nix::libc::F_RDLCK);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut probe)).is_ok()
        && i32::from(probe.l_type) != nix::libc::F_UNLCK
}

fn whole_file(kind: i32) -> nix::libc::flock {
    nix::libc::flock {
        l_type: i16::try_from(kind).unwrap_or_default(),
        l_whence: 0,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// All living jobs on the board in `dir`, by host, then slot; none if there is no board.
///
/// A record whose owner holds a lock on it is alive. Any other (a C client's, or a dead one's) is
/// believed if its process exists and it is not older than 60 s; one that is older is removed.
///
/// # Errors
///
/// What listing the directory met, unless it is just not there.
pub fn read_all(dir: &Path) -> io::Result<Vec<Job>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut jobs = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            jobs.extend(read_one(&entry.path()));
        }
    }
    jobs.sort_by(|left, right| (&left.host, left.slot).cmp(&(&right.host, right.slot)));
    Ok(jobs)
}

/// The job that the record `path` tells of, if it is alive.
fn read_one(path: &Path) -> Option<Job> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let meta = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let locked = is_locked(&file);
    let age = meta.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
    if !locked && age.is_some_and(|age| age > STALE_AFTER) {
        // Whoever may not remove it just does not see it.
        drop(std::fs::remove_file(path));
        return None;
    }
    let mut bytes = Vec::with_capacity(LEN + 1);
    (&file).take(LEN as u64 + 1).read_to_end(&mut bytes).ok()?;
    if bytes.is_empty() {
        // Its owner is about to write it.
        return None;
    }
    match Job::decode(&bytes) {
        Ok(job) => (locked || process_exists(job.pid)).then_some(job),
        Err(error) => {
            crate::warning!("{} is no state record: {error}", path.display());
            None
        }
    }
}

fn process_exists(pid: i64) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(Errno::SRCH))
}
