//! How the C library's allocator treats large blocks, and memory that another process fills.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use rustix::fs::{SealFlags, fcntl_get_seals, fstat};

/// A file in memory that another process fills, and which never becomes shorter.
///
/// It stays mapped for as long as this process lives: who maps one ends soon.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    bytes: &'static [u8],
}

impl Mapped {
    /// Maps the file, to be read.
    ///
    /// # Errors
    ///
    /// `InvalidInput` unless the file is sealed against being made shorter; what mapping met.
    pub fn new(file: impl AsFd) -> io::Result<Self> {
        let file = file.as_fd();
        if !fcntl_get_seals(file)?.contains(SealFlags::SHRINK) {
            let text = "the memory is not sealed against becoming shorter";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let length = usize::try_from(fstat(file)?.st_size).unwrap_or_default();
        if length == 0 {
            return Ok(Self { bytes: &[] });
        }
        let (kind, access) = (nix::libc::MAP_SHARED, nix::libc::PROT_READ);
        // SAFETY: a new mapping at an address that the kernel picks disturbs nothing, and it is
        // never undone. All of its pages exist, since the file is sealed against shrinking. Whoever
        // fills the file may write where nothing is read yet; bytes are read where that is over.
        let bytes = unsafe {
            let at =
                nix::libc::mmap(std::ptr::null_mut(), length, access, kind, file.as_raw_fd(), 0);
            if at == nix::libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            std::slice::from_raw_parts(at.cast::<u8>(), length)
        };
        Ok(Self { bytes })
    }

    /// The `length` bytes from `at` on; `None` if the file is shorter.
    pub fn part(&self, at: u64, length: u64) -> Option<&'static [u8]> {
        let start = usize::try_from(at).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        self.bytes.get(start..end)
    }
}

/// Has every block of 256 KiB and more come from the kernel and go back to it.
///
/// Left alone, glibc raises that bound to the largest block it has seen freed (up to 32 MiB), and
/// then keeps such blocks in one heap a thread: after a burst of large objects, a daemon with many
/// threads would sit on hundreds of MiB for good.
#[cfg(target_env = "gnu")]
pub fn give_back_large_blocks() {
    const LARGE: nix::libc::c_int = 256 * 1024;
    // SAFETY: it sets a number in the allocator; called while there is one thread.
    let _ = unsafe { nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, LARGE) };
}

/// Other C libraries do so by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn give_back_large_blocks() {}
