//! Files that appear whole or not at all.

use std::collections::hash_map::RandomState;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::fcntl::AtFlags;

/// The new content of a file, which nobody sees until [`Staged::commit`].
///
/// Where the file system can (`O_TMPFILE`), the content has no name until then, so that even a
/// killed process leaves nothing behind; elsewhere it has a temporary name in the same directory.
/// What exists and is no regular file (`/dev/null`, a FIFO) is written in place.
#[derive(Debug)]
pub struct Staged {
    file: File,
    path: PathBuf,
    state: State,
}

#[derive(Debug)]
enum State {
    /// An unnamed file; to be linked under a temporary name, then renamed.
    Unnamed,
    /// A file under this temporary name; to be renamed.
    Named(PathBuf),
    /// The target itself.
    InPlace,
}

impl Staged {
    /// Starts new content for `path`; it will have `mode` less the umask.
    ///
    /// # Errors
    ///
    /// What making the file met: the directory missing, read-only, or full.
    pub fn create(path: &Path, mode: u32) -> io::Result<Self> {
        let special = std::fs::metadata(path).is_ok_and(|meta| {
            let kind = meta.file_type();
            kind.is_char_device() || kind.is_block_device() || kind.is_fifo() || kind.is_socket()
        });
        if special {
            let file = OpenOptions::new().write(true).open(path)?;
            return Ok(Self { file, path: path.to_owned(), state: State::InPlace });
        }
        let dir = match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        let unnamed = OpenOptions::new()
            .read(true)
            .write(true)
            .mode(mode)
            .custom_flags(nix::fcntl::OFlag::O_TMPFILE.bits())
            .open(dir);
        match unnamed {
            Ok(file) => Ok(Self { file, path: path.to_owned(), state: State::Unnamed }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
            Err(_) => {
                let name = temporary_name(path);
                let file = OpenOptions::new()
                    .read(true)
                    .write(true)
                    .create_new(true)
                    .mode(mode)
                    .open(&name)?;
                Ok(Self { file, path: path.to_owned(), state: State::Named(name) })
            }
        }
    }

    /// Where the content is written.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Puts the content in the place of whatever `path` was.
    ///
    /// # Errors
    ///
    /// What linking or renaming met; then nothing has changed.
    pub fn commit(mut self) -> io::Result<()> {
        let name = match &self.state {
            State::InPlace => return Ok(()),
            State::Named(name) => name.clone(),
            State::Unnamed => {
                let name = temporary_name(&self.path);
                let unnamed = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                nix::unistd::linkat(
                    nix::fcntl::AT_FDCWD,
                    Path::new(&unnamed),
                    nix::fcntl::AT_FDCWD,
                    &name,
                    AtFlags::AT_SYMLINK_FOLLOW,
                )?;
                self.state = State::Named(name.clone());
                name
            }
        };
        std::fs::rename(&name, &self.path)?;
        self.state = State::InPlace;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let State::Named(name) = &self.state {
            // Nothing is left to do about a temporary file that cannot be removed.
            drop(std::fs::remove_file(name));
        }
    }
}

fn temporary_name(path: &Path) -> PathBuf {
    path.with_file_name(format!(".distcc-{}.tmp", unique()))
}

/// A part of a file's name that no other process uses, nor we for another file. No pid is in it:
/// processes of two pid namespaces that share a directory may have the same.
pub fn unique() -> String {
    static OURS: OnceLock<u64> = OnceLock::new();
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    // The standard library's keys for hash maps are the kernel's random numbers.
    let ours = OURS.get_or_init(|| RandomState::new().build_hasher().finish());
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{ours:016x}-{count:x}")
}

/// Whether `path` was written less than `limit` ago. A file that is missing, or from the future,
/// was not.
pub fn is_younger(path: &Path, limit: Duration) -> bool {
    let written = std::fs::metadata(path).and_then(|meta| meta.modified());
    written.is_ok_and(|time| time.elapsed().is_ok_and(|age| age < limit))
}

/// Writes `content` to `path`, whole or not at all.
///
/// # Errors
///
/// What any step met; then `path` is as before.
pub fn write(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut staged = Staged::create(path, mode)?;
    staged.file().write_all(content)?;
    staged.commit()
}
