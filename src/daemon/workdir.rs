//! The private tree that jobs compile in: one directory a daemon, one below it a job.
//!
//! The daemon's directory is `$TMPDIR/distccd_XXXXXX`, mode 0700, and locked for as long as its
//! daemon lives, so that the next daemon can tell what a dead one left and remove it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::fcntl::{Flock, FlockArg};

use crate::{debug, info, warning};

/// What the name of every daemon's directory starts with.
const PREFIX: &str = "distccd_";
/// The same for a daemon that is to keep what jobs wrote; nobody sweeps these.
const KEPT_PREFIX: &str = "distccd-kept_";
/// The longest file name of a client's that is kept.
const LONGEST_NAME: usize = 128;

/// A daemon's directory; removed with all that is in it when dropped.
#[derive(Debug)]
pub struct WorkTree {
    path: PathBuf,
    next: AtomicU64,
    keep: bool,
    /// Says to other daemons that this one lives.
    _lock: Flock<File>,
}

impl WorkTree {
    /// Makes the daemon's directory below `parent`, after removing those of dead daemons. With
    /// `keep`, what jobs write stays, for whoever wants to look at it.
    ///
    /// # Errors
    ///
    /// What making or locking it met.
    pub fn create(parent: &Path, keep: bool) -> io::Result<Self> {
        sweep(parent);
        // Another daemon that starts may take a new directory for a dead one's until it is locked.
        for _ in 0..16 {
            let prefix = if keep { KEPT_PREFIX } else { PREFIX };
            let kept = tempfile::Builder::new().prefix(prefix).rand_bytes(6).tempdir_in(parent)?;
            let Ok(file) = File::open(kept.path()) else { continue };
            let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else { continue };
            let same = lock.metadata()?.ino();
            if fs::symlink_metadata(kept.path()).is_ok_and(|meta| meta.ino() == same) {
                let next = AtomicU64::new(0);
                return Ok(Self { path: kept.keep(), next, keep, _lock: lock });
            }
        }
        Err(io::Error::other("cannot keep a directory for jobs"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A new directory for one job.
    ///
    /// # Errors
    ///
    /// What making it met.
    pub fn job(&self) -> io::Result<WorkDir> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.path.join(number.to_string());
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(WorkDir { path, known: Vec::new(), keep: self.keep })
    }
}

impl WorkTree {
    /// Removes it with all that is in it; jobs started after this fail.
    pub fn remove(&self) {
        if self.keep {
            info!("what jobs wrote is kept in {}", self.path.display());
            return;
        }
        // A compile that is being killed may still add a file while we remove the others.
        for _ in 0..3 {
            match fs::remove_dir_all(&self.path) {
                Ok(()) => return,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(error) => warning!("cannot remove {}: {error}", self.path.display()),
            }
        }
    }
}

impl Drop for WorkTree {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Removes what daemons that are gone left in `parent`.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let ours = rustix::process::geteuid().as_raw();
    for entry in entries.flatten() {
        if !entry.file_name().as_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let path = entry.path();
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if !meta.is_dir() || meta.uid() != ours || meta.mode() & 0o077 != 0 {
            continue;
        }
        let Ok(file) = File::open(&path) else { continue };
        if Flock::lock(file, FlockArg::LockExclusiveNonblock).is_ok() {
            match fs::remove_dir_all(&path) {
                Ok(()) => info!("removed {}, left by a daemon that is gone", path.display()),
                Err(error) => debug!("cannot remove {}: {error}", path.display()),
            }
        }
    }
}

/// A job's directory; removed with all that is in it when dropped.
#[derive(Debug)]
pub struct WorkDir {
    path: PathBuf,
    /// Files that are likely there: removing them by name is cheaper than looking what there is.
    known: Vec<PathBuf>,
    keep: bool,
}

impl WorkDir {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file with a bare name.
    ///
    /// # Errors
    ///
    /// What writing met.
    pub fn write(&mut self, name: &OsStr, content: &[u8]) -> io::Result<()> {
        let path = self.path.join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        self.known.push(path);
        file.write_all(content)
    }

    /// Reads a regular file with a bare name that a compiler wrote; `None` if there is none.
    ///
    /// # Errors
    ///
    /// What reading met; `FileTooLarge` for more than `limit` bytes.
    pub fn read(&mut self, name: &OsStr, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let path = self.path.join(name);
        // A compiler that was talked into making a link or a pipe here gains nothing by it.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        self.known.push(path);
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "is no regular file"));
        }
        if meta.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0) + 1);
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        for file in &self.known {
            drop(fs::remove_file(file));
        }
        if fs::remove_dir(&self.path).is_ok() {
            return;
        }
        match fs::remove_dir_all(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => warning!("cannot remove {}: {error}", self.path.display()),
        }
    }
}

/// The name under which the client's source is kept: its own last part where that is a sane file
/// name (compilers write it into objects and messages), else `source` and `suffix`.
pub fn source_name(source: &OsStr, suffix: &str) -> OsString {
    let bytes = source.as_bytes();
    let name = bytes.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let sane = !name.is_empty()
        && name.len() <= LONGEST_NAME
        && !matches!(name.first(), Some(b'.' | b'-' | b'@'))
        && name.iter().all(|byte| *byte >= b' ' && *byte != 0x7f);
    if sane {
        OsStr::from_bytes(name).to_owned()
    } else {
        OsString::from(format!("source{suffix}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(source: &str) -> String {
        source_name(OsStr::new(source), ".i").into_string().unwrap()
    }

    #[test]
    fn sources_keep_their_last_part_if_it_is_a_sane_name() {
        assert_eq!(name("hello.c"), "hello.c");
        assert_eq!(name("/usr/src/a b,c.cpp"), "a b,c.cpp");
        assert_eq!(name("../../x.c"), "x.c");
        assert_eq!(name("dir/"), "source.i");
        assert_eq!(name(""), "source.i");
        assert_eq!(name("a/.."), "source.i");
        assert_eq!(name("-o.c"), "source.i");
        assert_eq!(name("@file.c"), "source.i");
        assert_eq!(name("a\nb.c"), "source.i");
        assert_eq!(name(&"x".repeat(500)), "source.i");
    }

    #[test]
    fn a_job_leaves_nothing_whatever_is_in_its_directory() {
        let parent = tempfile::tempdir().unwrap();
        let tree = WorkTree::create(parent.path(), false).unwrap();
        let mut job = tree.job().unwrap();
        job.write(OsStr::new("a.c"), b"int x;").unwrap();
        fs::create_dir(job.path().join("sub")).unwrap();
        File::create(job.path().join("sub/deep")).unwrap();
        drop(job);
        assert_eq!(fs::read_dir(tree.path()).unwrap().count(), 0);
        drop(tree);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_to_be_kept_is_kept_and_not_swept() {
        let parent = tempfile::tempdir().unwrap();
        let tree = WorkTree::create(parent.path(), true).unwrap();
        let mut job = tree.job().unwrap();
        job.write(OsStr::new("a.c"), b"int x;").unwrap();
        let file = job.path().join("a.c");
        drop(job);
        drop(tree);
        drop(WorkTree::create(parent.path(), false).unwrap());
        assert!(file.exists());
    }

    #[test]
    fn dirs_of_dead_daemons_are_swept_and_those_of_living_ones_kept() {
        let parent = tempfile::tempdir().unwrap();
        let living = WorkTree::create(parent.path(), false).unwrap();
        let dead = parent.path().join("distccd_dead00");
        DirBuilder::new().mode(0o700).create(&dead).unwrap();
        File::create(dead.join("litter")).unwrap();
        let foreign = parent.path().join("distccd_0755");
        DirBuilder::new().mode(0o755).create(&foreign).unwrap();
        let other = WorkTree::create(parent.path(), false).unwrap();
        assert!(!dead.exists());
        assert!(foreign.exists());
        assert!(living.path().exists() && other.path().exists());
    }

    #[test]
    fn links_and_pipes_and_huge_files_are_not_read() {
        let parent = tempfile::tempdir().unwrap();
        let tree = WorkTree::create(parent.path(), false).unwrap();
        let mut job = tree.job().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", job.path().join("link.o")).unwrap();
        assert!(job.read(OsStr::new("link.o"), 1 << 20).is_err());
        let pipe = job.path().join("pipe.o");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(job.read(OsStr::new("pipe.o"), 1 << 20).is_err());
        job.write(OsStr::new("big.o"), &[0; 100]).unwrap();
        assert!(job.read(OsStr::new("big.o"), 99).is_err());
        assert_eq!(job.read(OsStr::new("big.o"), 100).unwrap().map(|bytes| bytes.len()), Some(100));
        assert_eq!(job.read(OsStr::new("none.o"), 100).unwrap(), None);
    }
}
