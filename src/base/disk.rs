//! The files that pure code may look at: a trait, the real one, and one in memory for tests.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
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

    /// What `path` itself is, links not followed; `None` where there is nothing.
    fn entry(&self, path: &Path) -> Option<EntryKind> {
        match self.link_target(path) {
            Some(_) => Some(EntryKind::Link),
            None => self.stamp(path).ok().map(|stamp| stamp.kind),
        }
    }

    /// What `path` leads to, and what tells this state of it from others.
    ///
    /// # Errors
    ///
    /// What asking met.
    fn stamp(&self, path: &Path) -> io::Result<Stamp>;

    /// The names in a directory, and what each is.
    ///
    /// # Errors
    ///
    /// What listing met, or `FileTooLarge` for more than `limit` names.
    fn list(&self, dir: &Path, limit: usize) -> io::Result<Vec<(OsString, EntryKind)>>;
}

/// What a name in a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A pipe, a device, a socket.
    Other,
    /// What nobody may look at, or asking met another error: a compiler does not go on to the next
    /// directory then.
    Hidden,
}

/// One state of a file: equal stamps, equal contents, unless the file was written to at the very
/// time that the stamp was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// What it is; never a link.
    pub kind: EntryKind,
    /// Length in bytes.
    pub size: u64,
    /// When the content changed: nanoseconds since 1970.
    pub mtime: i128,
    /// When anything about it changed: nanoseconds since 1970.
    pub ctime: i128,
    /// Number of the file in its file system.
    pub inode: u64,
    /// The file system.
    pub device: u64,
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

    fn entry(&self, path: &Path) -> Option<EntryKind> {
        match std::fs::symlink_metadata(path) {
            Ok(meta) => Some(kind(meta.file_type())),
            Err(error) if is_absence(&error) => None,
            Err(_) => Some(EntryKind::Hidden),
        }
    }

    fn stamp(&self, path: &Path) -> io::Result<Stamp> {
        std::fs::metadata(path).map(|meta| stamp_of(&meta))
    }

    fn list(&self, dir: &Path, limit: usize) -> io::Result<Vec<(OsString, EntryKind)>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            if names.len() >= limit {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            names.push((entry.file_name(), kind(entry.file_type()?)));
        }
        Ok(names)
    }
}

/// Whether the error says that there is nothing at a path.
pub fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The stamp of a file that is known otherwise: an open one.
pub fn stamp_of(meta: &std::fs::Metadata) -> Stamp {
    let time = |seconds: i64, nanoseconds: i64| {
        i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
    };
    Stamp {
        kind: kind(meta.file_type()),
        size: meta.size(),
        mtime: time(meta.mtime(), meta.mtime_nsec()),
        ctime: time(meta.ctime(), meta.ctime_nsec()),
        inode: meta.ino(),
        device: meta.dev(),
    }
}

fn kind(kind: std::fs::FileType) -> EntryKind {
    if kind.is_file() {
        EntryKind::File
    } else if kind.is_dir() {
        EntryKind::Dir
    } else if kind.is_symlink() {
        EntryKind::Link
    } else {
        EntryKind::Other
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

    fn stamp(&self, path: &Path) -> io::Result<Stamp> {
        let mut path = path.to_owned();
        for _ in 0..40 {
            let Some(target) = self.links.get(&path) else { break };
            path = path.parent().unwrap_or(Path::new("/")).join(target);
        }
        let stamp = |kind, size: usize, inode: usize| Stamp {
            kind,
            size: size as u64,
            mtime: 0,
            ctime: 0,
            inode: inode as u64,
            device: 0,
        };
        if let Some(bytes) = self.files.get(&path) {
            let sum = bytes
                .iter()
                .fold(1_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
            return Ok(stamp(EntryKind::File, bytes.len(), sum));
        }
        // How many names there are, and how long, stands for the time.
        let names = self.list(&path, usize::MAX)?;
        let length = names.iter().map(|(name, _)| name.len()).sum();
        Ok(stamp(EntryKind::Dir, names.len(), length))
    }

    fn list(&self, dir: &Path, limit: usize) -> io::Result<Vec<(OsString, EntryKind)>> {
        let mut names = BTreeMap::new();
        let files = self.files.keys().map(|path| (path, EntryKind::File));
        for (path, kind) in files.chain(self.links.keys().map(|path| (path, EntryKind::Link))) {
            let Ok(below) = path.strip_prefix(dir) else { continue };
            let mut parts = below.iter();
            let Some(first) = parts.next() else { continue };
            let kind = if parts.next().is_some() { EntryKind::Dir } else { kind };
            names.insert(first.to_owned(), kind);
        }
        match names.len() {
            0 => Err(io::ErrorKind::NotFound.into()),
            count if count > limit => Err(io::ErrorKind::FileTooLarge.into()),
            _ => Ok(names.into_iter().collect()),
        }
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
