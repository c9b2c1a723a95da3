//! The files that pure code may look at: a trait, the real one, and one in memory for tests.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Read-only access to files.
pub trait Disk {
    /// The content of `path`; more than `limit` bytes is an error.
    ///
    /// # Errors
    ///
    /// What opening or reading met, or `FileTooLarge`.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// Whether `path` is a regular file (links followed) that has an execute bit.
    fn is_executable(&self, path: &Path) -> bool;

    /// The text of the symbolic link `path`, or `None` if it is none.
    fn link_target(&self, path: &Path) -> Option<PathBuf>;
}

/// The machine's own files.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            let what = format!("it is larger than {limit} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
        }
        Ok(bytes)
    }

    fn is_executable(&self, path: &Path) -> bool {
        std::fs::metadata(path)
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    }

    fn link_target(&self, path: &Path) -> Option<PathBuf> {
        std::fs::read_link(path).ok()
    }
}

/// Files that exist in memory only, by absolute path.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    /// Contents by path.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Symbolic links by path.
    pub links: BTreeMap<PathBuf, PathBuf>,
}

impl Disk for MemoryDisk {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let bytes = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        if bytes.len() as u64 > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes.clone())
    }

    fn is_executable(&self, path: &Path) -> bool {
        self.files.contains_key(path) || self.links.contains_key(path)
    }

    fn link_target(&self, path: &Path) -> Option<PathBuf> {
        self.links.get(path).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_told_the_limit() {
        let error = RealDisk.read(Path::new("/dev/zero"), 9).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 9 bytes");
    }
}
