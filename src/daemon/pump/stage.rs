//! The root of one compile: the client's tree at its own paths, and what compilers need of this
//! machine. A thread goes there, restricts itself, and starts the compiler.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags};
use nix::sched::CloneFlags;
use rustix::fs::StatVfsMountFlags;

use crate::daemon::pump::layout::{CLIENT, DEVICES, EMPTY, OLD, WORK};

/// What stands where in the root of one compile.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The client's tree, which has a place for everything else.
    pub root: PathBuf,
    /// Where the job writes; it is seen at [`WORK`].
    pub work_dir: PathBuf,
    /// Directories of this machine, by path without the slash, and whether the client has files
    /// among theirs.
    pub areas: Vec<(PathBuf, bool)>,
    /// Header directories of this machine: what is there is the client's alone, or nothing.
    pub headers: Vec<(PathBuf, bool)>,
    /// Directories at the root that are the client's own.
    pub tops: Vec<PathBuf>,
}

impl Stage {
    /// Takes this thread, and nothing else, into that root.
    ///
    /// # Errors
    ///
    /// What the kernel refused, with the step.
    pub fn enter(&self) -> io::Result<()> {
        let namespace = CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS;
        nix::sched::unshare(namespace).map_err(|error| step("a mount namespace", error))?;
        let none: Option<&Path> = None;
        let change = |at: &Path, flags: MsFlags| nix::mount::mount(none, at, none, flags, none);
        change(Path::new("/"), MsFlags::MS_REC | MsFlags::MS_PRIVATE)
            .map_err(|error| step("private mounts", error))?;
        bind(&self.root, &self.root, MsFlags::empty())?;
        // Nothing that came from a client runs, and no job changes what the next one sees.
        let flags =
            MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let flags = flags | MsFlags::MS_REMOUNT | MsFlags::MS_BIND | kept_flags(&self.root)?;
        change(&self.root, flags).map_err(|error| step("a tree that cannot be changed", error))?;
        bind(&self.root, &self.root.join(CLIENT), MsFlags::empty())?;
        nix::unistd::pivot_root(&self.root, &self.root.join(OLD))
            .map_err(|error| step("another root", error))?;
        nix::unistd::chdir("/")?;
        for (area, merged) in &self.areas {
            let own = Path::new("/").join(OLD).join(area);
            let at = Path::new("/").join(area);
            if *merged {
                overlay(&Path::new("/").join(CLIENT).join(area), &own, &at)?;
            } else {
                bind(&own, &at, MsFlags::MS_REC)?;
            }
        }
        bind(&Path::new("/").join(OLD).join("proc"), Path::new("/proc"), MsFlags::MS_REC)?;
        for device in DEVICES {
            let own = Path::new("/").join(OLD).join(device);
            bind(&own, &Path::new("/").join(device), MsFlags::empty())?;
        }
        let work_dir = self.work_dir.strip_prefix("/").unwrap_or(&self.work_dir);
        bind(&Path::new("/").join(OLD).join(work_dir), &work(), MsFlags::empty())?;
        for (dir, sent) in &self.headers {
            let client = Path::new("/").join(CLIENT).join(dir);
            let from = if *sent { client } else { Path::new("/").join(EMPTY) };
            bind(&from, &Path::new("/").join(dir), MsFlags::empty())?;
        }
        nix::mount::umount2(&Path::new("/").join(OLD), MntFlags::MNT_DETACH)
            .map_err(|error| step("leaving the machine's root", error))
    }
}

/// The directory where a job writes, as its compiler sees it.
pub fn work() -> PathBuf {
    Path::new("/").join(WORK)
}

fn step(what: &str, error: nix::errno::Errno) -> io::Error {
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

fn bind(from: &Path, at: &Path, flags: MsFlags) -> io::Result<()> {
    let none: Option<&Path> = None;
    nix::mount::mount(Some(from), at, none, MsFlags::MS_BIND | flags, none)
        .map_err(|error| step(&format!("a bind mount at {}", at.display()), error))
}

/// The client's files over the machine's.
fn overlay(client: &Path, own: &Path, at: &Path) -> io::Result<()> {
    let mut options = OsString::from("lowerdir=");
    options.push(client);
    options.push(":");
    options.push(own);
    if own.as_os_str().as_bytes().iter().any(|byte| b":,\\".contains(byte)) {
        let what = format!("{} has a name that an overlay cannot have", own.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let kind = Some("overlay");
    nix::mount::mount(kind, at, kind, flags, Some(options.as_os_str()))
        .map_err(|error| step(&format!("an overlay at {}", at.display()), error))
}

/// Flags of a mount that a user namespace may not drop.
fn kept_flags(path: &Path) -> io::Result<MsFlags> {
    let found = rustix::fs::statvfs(path)?.f_flag;
    let pairs = [
        (StatVfsMountFlags::NOATIME, MsFlags::MS_NOATIME),
        (StatVfsMountFlags::NODIRATIME, MsFlags::MS_NODIRATIME),
        (StatVfsMountFlags::RELATIME, MsFlags::MS_RELATIME),
    ];
    Ok(pairs
        .into_iter()
        .filter(|(has, _)| found.contains(*has))
        .fold(MsFlags::empty(), |flags, (_, flag)| flags | flag))
}
