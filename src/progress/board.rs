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

use crate::base::process;
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
                Ok((file, path)) => {
                    process::take_along(&path);
                    State::Open(file, path, Instant::now())
                }
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

/// Takes the first of this pid's names that no living client of another pid namespace holds. None
/// of them is a C client's (`binstate_PID`): one with our pid, elsewhere, would write over ours.
fn create_in(dir: &Path) -> io::Result<(File, PathBuf)> {
    let pid = std::process::id();
    for namesake in 1..=NAMESAKES {
        let path = dir.join(format!("{PREFIX}{pid}.{namesake}"));
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

/// A write lock on the whole file, which says that its owner lives. It belongs to the open file,
/// which no compiler that we start inherits, so the kernel takes it back however the owner ends.
fn lock(file: &File) -> nix::Result<()> {
    fcntl(file, FcntlArg::F_OFD_SETLK(&whole_file(nix::libc::F_WRLCK))).map(drop)
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
/// A record whose owner holds a lock on it is alive, and no other of ours is. A C client's is
/// believed if it is not older than 60 s and its slot is taken, by nobody else on the board; where
/// no lock tells, if its process exists, which means nothing across pid namespaces. One that is
/// older is removed.
///
/// # Errors
///
/// What listing the directory met, unless it is just not there.
pub fn read_all(dir: &Path) -> io::Result<Vec<Job>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            found.extend(read_one(&entry.path()));
        }
    }
    // Those that are locked, then the newest, first: it is who has the slot.
    found.sort_by_key(|found| std::cmp::Reverse((found.is_locked, found.written)));
    let locks = dir.with_file_name("lock");
    let mut jobs: Vec<Job> = Vec::with_capacity(found.len());
    for Found { job, is_locked, .. } in found {
        let same = |other: &Job| (&other.host, other.slot) == (&job.host, job.slot);
        let has_slot = || {
            !jobs.iter().any(same)
                && is_slot_taken(&locks, &job).unwrap_or_else(|| process_exists(job.pid))
        };
        if is_locked || has_slot() {
            jobs.push(job);
        }
    }
    jobs.sort_by(|left, right| (&left.host, left.slot).cmp(&(&right.host, right.slot)));
    Ok(jobs)
}

/// A job that a record tells of.
struct Found {
    job: Job,
    is_locked: bool,
    written: Option<SystemTime>,
}

/// Whether anybody holds the slot of `job`, by the lock files in `dir`; `None` if it has no file.
///
/// Source: distcc 3.4 names them `cpu_tcp_HOST_PORT_SLOT`, `cpu_ssh_HOST_SLOT` and
/// `cpu_localhost_SLOT`; a record has the host without its port.
fn is_slot_taken(dir: &Path, job: &Job) -> Option<bool> {
    let end = format!("_{}", job.slot);
    let is_its = |name: &[u8]| {
        let host = name.strip_prefix(b"cpu_").unwrap_or_default();
        let host = host.strip_prefix(b"tcp_").or(host.strip_prefix(b"ssh_")).unwrap_or(host);
        let port = host.strip_prefix(&*job.host).and_then(|rest| rest.strip_suffix(end.as_bytes()));
        port.is_some_and(|port| {
            let digits = port.strip_prefix(b"_").unwrap_or_default();
            port.is_empty() || (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
        })
    };
    let entries = std::fs::read_dir(dir).ok()?.flatten();
    let its = entries.filter(|entry| is_its(entry.file_name().as_encoded_bytes()));
    let taken = its.map(|entry| File::open(entry.path()).is_ok_and(|file| is_locked(&file)));
    taken.reduce(|one, other| one || other)
}

/// The job that the record `path` tells of, unless it is known to be dead.
fn read_one(path: &Path) -> Option<Found> {
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
        // Ours are locked from before they are written.
        Ok(_) if !locked && is_ours(path) => None,
        Ok(job) => Some(Found { job, is_locked: locked, written: meta.modified().ok() }),
        Err(error) => {
            crate::warning!("{} is no state record: {error}", path.display());
            None
        }
    }
}

/// Whether the record is one of this package's clients, by its name.
fn is_ours(path: &Path) -> bool {
    path.extension().is_some()
}

fn process_exists(pid: i64) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;

    use super::*;

    const LONG_AGO: Duration = Duration::from_secs(61);

    fn write(path: &Path, job: &Job) -> File {
        crate::base::replace::write(path, &job.encode(), 0o666).unwrap();
        OpenOptions::new().write(true).open(path).unwrap()
    }

    fn set_age(file: &File, age: Duration) {
        file.set_times(FileTimes::new().set_modified(SystemTime::now() - age)).unwrap();
    }

    fn job(pid: i64, host: &str, slot: i32) -> Job {
        let (file, host) = (b"a.c".to_vec(), host.as_bytes().to_vec());
        Job { pid, file, host, slot, phase: Phase::Send }
    }

    /// A pid that no process has: the kernel's limit is 2^22.
    const NOBODY: i64 = 0x7fff_fff0;

    fn own_pid() -> i64 {
        std::process::id().into()
    }

    #[test]
    fn what_is_published_is_read_until_the_post_goes() {
        let top = tempfile::tempdir().unwrap();
        let dir = top.path().join("distcc/state");
        let mut post = Post::new(&dir);
        assert!(!dir.exists(), "nothing is made before there is something to say");
        post.publish(Phase::Connect, b"src/main.c", "vol", 2);
        let expected = Job {
            pid: own_pid(),
            file: b"main.c".to_vec(),
            host: b"vol".to_vec(),
            slot: 2,
            phase: Phase::Connect,
        };
        assert_eq!(read_all(&dir).unwrap(), std::slice::from_ref(&expected));
        post.publish(Phase::Compile, b"src/main.c", "vol", 2);
        assert_eq!(read_all(&dir).unwrap(), [Job { phase: Phase::Compile, ..expected }]);
        drop(post);
        assert_eq!(read_all(&dir).unwrap(), []);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
    }

    #[test]
    fn the_record_is_one_of_those_that_c_monitors_look_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut post = Post::new(dir.path());
        post.publish(Phase::Connect, b"a.c", "vol", 0);
        let path = dir.path().join(format!("binstate_{}.1", std::process::id()));
        assert_eq!(std::fs::metadata(path).unwrap().len(), 296);
    }

    #[test]
    fn clients_of_two_pid_namespaces_with_one_pid_both_have_a_record() {
        let dir = tempfile::tempdir().unwrap();
        let (mut one, mut two) = (Post::new(dir.path()), Post::new(dir.path()));
        one.publish(Phase::Send, b"a.c", "vol", 0);
        two.publish(Phase::Send, b"b.c", "vol", 1);
        let files: Vec<_> = read_all(dir.path()).unwrap().into_iter().map(|job| job.file).collect();
        assert_eq!(files, [b"a.c", b"b.c"]);
    }

    #[test]
    fn a_locked_record_lives_whatever_its_pid_and_age_say() {
        let dir = tempfile::tempdir().unwrap();
        let file = write(&dir.path().join("binstate_1"), &job(NOBODY, "vol", 0));
        set_age(&file, LONG_AGO);
        lock(&file).unwrap();
        assert_eq!(read_all(dir.path()).unwrap().len(), 1);
        drop(file);
        assert_eq!(read_all(dir.path()).unwrap(), []);
        assert!(!dir.path().join("binstate_1").exists(), "the dead are removed");
    }

    #[test]
    fn a_c_clients_record_needs_a_living_process_and_a_minute() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("binstate_1");
        let file = write(&path, &job(own_pid(), "vol", 0));
        assert_eq!(read_all(dir.path()).unwrap().len(), 1);
        set_age(&file, LONG_AGO);
        assert_eq!(read_all(dir.path()).unwrap(), []);
        assert!(!path.exists());

        write(&path, &job(NOBODY, "vol", 0));
        assert_eq!(read_all(dir.path()).unwrap(), []);
        assert!(path.exists(), "its client may live in another pid namespace");
    }

    #[test]
    fn a_c_client_of_another_pid_namespace_lives_while_its_slot_is_taken() {
        let top = tempfile::tempdir().unwrap();
        let (dir, locks) = (top.path().join("state"), top.path().join("lock"));
        std::fs::create_dir(&dir).unwrap();
        std::fs::create_dir(&locks).unwrap();
        let take = |name: &str| {
            let file = File::create(locks.join(name)).unwrap();
            lock(&file).unwrap();
            file
        };
        let hosts = || -> Vec<Vec<u8>> {
            read_all(&dir).unwrap().into_iter().map(|job| job.host).collect()
        };
        for (name, host, slot) in [("1", "vol", 2), ("2", "localhost", 0), ("3", "far", 1)] {
            write(&dir.join(format!("binstate_{name}")), &job(NOBODY, host, slot));
        }
        let others =
            ["cpu_tcp_vol_3632_12", "cpu_tcp_vol2_3632_2", "cpu_tcp_vol_x_2", "backoff_vol_2"];
        let _others = others.map(take);
        assert_eq!(hosts(), [[0; 0]; 0], "slots of others");
        let held = ["cpu_tcp_vol_3632_2", "cpu_localhost_0", "cpu_ssh_far_1"].map(take);
        assert_eq!(hosts(), [&b"far"[..], b"localhost", b"vol"]);
        drop(held);
        assert_eq!(hosts(), [[0; 0]; 0]);
    }

    #[test]
    fn of_two_that_claim_a_slot_the_living_or_the_newer_has_it() {
        let top = tempfile::tempdir().unwrap();
        let (dir, locks) = (top.path().join("state"), top.path().join("lock"));
        std::fs::create_dir(&dir).unwrap();
        std::fs::create_dir(&locks).unwrap();
        let slot = File::create(locks.join("cpu_tcp_vol_3632_0")).unwrap();
        lock(&slot).unwrap();
        let pids =
            || -> Vec<i64> { read_all(&dir).unwrap().into_iter().map(|job| job.pid).collect() };
        let old = write(&dir.join("binstate_1"), &job(NOBODY, "vol", 0));
        set_age(&old, Duration::from_secs(30));
        write(&dir.join("binstate_2"), &job(NOBODY - 1, "vol", 0));
        assert_eq!(pids(), [NOBODY - 1]);
        let ours = write(&dir.join("binstate_3.1"), &job(NOBODY - 2, "vol", 0));
        set_age(&ours, LONG_AGO);
        lock(&ours).unwrap();
        assert_eq!(pids(), [NOBODY - 2]);
    }

    #[test]
    fn jobs_come_by_host_then_slot() {
        let dir = tempfile::tempdir().unwrap();
        for (name, host, slot) in [("1", "b", 10), ("2", "b", 9), ("3", "a", 11), ("4", "", 0)] {
            write(&dir.path().join(format!("binstate_{name}")), &job(own_pid(), host, slot));
        }
        let order: Vec<_> = read_all(dir.path())
            .unwrap()
            .into_iter()
            .map(|job| (String::from_utf8(job.host).unwrap(), job.slot))
            .collect();
        assert_eq!(
            order,
            [(String::new(), 0), ("a".into(), 11), ("b".into(), 9), ("b".into(), 10)]
        );
    }

    #[test]
    fn garbage_on_the_board_hides_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let good = job(own_pid(), "vol", 0);
        write(&at("binstate_1"), &good);
        write(&at("other_1"), &good);
        crate::base::replace::write(&at("binstate_2"), b"", 0o666).unwrap();
        crate::base::replace::write(&at("binstate_3"), &[b'x'; 5000], 0o666).unwrap();
        crate::base::replace::write(&at("binstate_4"), &good.encode()[..200], 0o666).unwrap();
        std::fs::create_dir(at("binstate_5")).unwrap();
        std::os::unix::fs::symlink(at("binstate_1"), at("binstate_6")).unwrap();
        nix::unistd::mkfifo(&at("binstate_7"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read_all(dir.path()).unwrap(), [good]);
    }

    #[test]
    fn a_board_that_is_not_there_is_empty_and_one_that_cannot_be_is_no_error_to_the_client() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_all(&dir.path().join("state")).unwrap(), []);
        let file = dir.path().join("file");
        crate::base::replace::write(&file, b"", 0o666).unwrap();
        let mut post = Post::new(&file.join("state"));
        post.publish(Phase::Send, b"a.c", "vol", 0);
        post.refresh();
        assert!(matches!(post.state, State::Failed));
    }

    #[test]
    fn refreshing_early_writes_nothing_and_late_brings_a_removed_record_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut post = Post::new(dir.path());
        post.refresh();
        assert_eq!(read_all(dir.path()).unwrap(), [], "there was nothing to repeat");
        post.publish(Phase::Compile, b"a.c", "vol", 0);
        let path = dir.path().join(format!("binstate_{}.1", std::process::id()));
        std::fs::remove_file(&path).unwrap();
        post.refresh();
        assert!(!path.exists());
        if let State::Open(_, _, written) = &mut post.state {
            *written = written.checked_sub(REFRESH_EVERY).unwrap();
        }
        post.refresh();
        assert_eq!(read_all(dir.path()).unwrap().len(), 1);
    }
}
