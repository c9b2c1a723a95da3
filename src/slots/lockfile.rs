//! One slot: an empty file in `DISTCC_DIR/lock`, locked while the slot is taken.
//!
//! Source: the C distcc 3.4 opens `cpu_tcp_HOST_PORT_SLOT` and takes a POSIX record lock over the
//! whole file. We take an open-file-description lock, which excludes and is excluded by it, but is
//! not lost when this process closes another descriptor of the same file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// A slot that is ours until this is dropped.
#[derive(Debug)]
pub struct SlotLock {
    file: File,
}

/// Takes the slot called `name` in `dir`, or says `None` if somebody has it.
///
/// # Errors
///
/// What opening or locking met: the directory is missing, not writable, or knows no locks.
pub fn try_lock(dir: &Path, name: &str) -> io::Result<Option<SlotLock>> {
    let file = open(&dir.join(name))?;
    match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file(libc_write_lock()))) {
        Ok(_) => Ok(Some(SlotLock { file })),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Takes the lock called `name` in `dir`, waiting in the kernel's order of arrival.
///
/// # Errors
///
/// As [`try_lock`].
pub fn lock(dir: &Path, name: &str) -> io::Result<SlotLock> {
    let file = open(&dir.join(name))?;
    loop {
        match fcntl(&file, FcntlArg::F_OFD_SETLKW(&whole_file(libc_write_lock()))) {
            Ok(_) => return Ok(SlotLock { file }),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Whether somebody has the slot called `name`, found out without writing to the file's
/// directory events (the file is opened for reading only, so nobody who waits is woken).
pub fn is_taken(dir: &Path, name: &str) -> bool {
    let Ok(file) = File::open(dir.join(name)) else { return false };
    let mut lock = whole_file(libc_write_lock());
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock)).is_ok()
        && i32::from(lock.l_type) != nix::libc::F_UNLCK
}

impl SlotLock {
    /// Gives the slot back; the same as dropping it, but says so.
    pub fn release(self) {
        drop(self.file);
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o666).open(path)
}

fn libc_write_lock() -> i16 {
    i16::try_from(nix::libc::F_WRLCK).unwrap_or_default()
}

fn whole_file(kind: i16) -> nix::libc::flock {
    nix::libc::flock {
        l_type: kind,
        l_whence: i16::try_from(nix::libc::SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_is_taken_until_it_is_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let first = try_lock(dir.path(), "cpu_tcp_h_3632_0").unwrap();
        assert!(first.is_some());
        assert!(try_lock(dir.path(), "cpu_tcp_h_3632_0").unwrap().is_none());
        assert!(is_taken(dir.path(), "cpu_tcp_h_3632_0"));
        first.unwrap().release();
        assert!(!is_taken(dir.path(), "cpu_tcp_h_3632_0"));
        assert!(try_lock(dir.path(), "cpu_tcp_h_3632_0").unwrap().is_some());
    }

    #[test]
    fn looking_at_a_slot_does_not_make_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_taken(dir.path(), "cpu_tcp_h_3632_0"));
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn missing_directory_is_an_error() {
        assert!(try_lock(Path::new("/nonexistent"), "cpu_localhost_0").is_err());
    }
}
