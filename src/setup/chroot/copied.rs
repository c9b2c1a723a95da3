//! The client's files, copied from this machine into a root: where no package file can be had.

use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::arch::packages::Installed;
use crate::base::rewrite::{self, Ownership};
use crate::setup::apply::dirs;

/// A longer file is none of our package's.
const MOST_BYTES: u64 = 256 << 20;
/// What is configuration of this machine, and none of a chroot's.
const CONFIGURATION: &str = "etc/";

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::setup) struct Copied {
    /// The version of the package that they are from.
    pub(super) version: String,
    /// The files, as names below the root.
    files: Vec<CopiedFile>,
    /// Directories that were not there, the outermost first.
    dirs: Vec<PathBuf>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CopiedFile {
    name: String,
    /// Length, and time of the last change in seconds and nanoseconds: what tells a file that was
    /// put there since.
    length: u64,
    changed: (i64, i64),
}

/// Why they could not be copied; nothing was left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum CopyError {
    /// Something is in the place of one of them.
    #[error(
        "{file} is there already, and belongs to no package of distcc: nothing was copied (remove \
         it, or name a package file by --package, which pacman then installs)",
        file = .0.display()
    )]
    InTheWay(PathBuf),
    /// One of them cannot be read or written.
    #[error(
        "{file} cannot be copied to {to}: {error}",
        file = .0.display(),
        to = .1.display(),
        error = .2
    )]
    Failed(PathBuf, PathBuf, #[source] io::Error),
}

impl Copied {
    /// Copies the files of `package` from `/` into `root`.
    ///
    /// # Errors
    ///
    /// [`CopyError`].
    pub(super) fn copy(package: &Installed, root: &Path) -> Result<Self, CopyError> {
        // Links to compilers that are not installed have been taken away since.
        let is_there = |name: &String| exists(&Path::new("/").join(name));
        let names: Vec<String> = package
            .files()
            .into_iter()
            .filter(|name| !name.ends_with('/') && !name.starts_with(CONFIGURATION))
            .filter(is_there)
            .collect();
        if let Some(taken) = names.iter().map(|name| root.join(name)).find(|to| exists(to)) {
            return Err(CopyError::InTheWay(taken));
        }
        let mut copied = Self { version: package.version.clone(), ..Self::default() };
        for name in names {
            let (from, to) = (Path::new("/").join(&name), root.join(&name));
            if let Err(error) = copied.one(&name, &from, &to) {
                copied.remove(root);
                return Err(CopyError::Failed(from, to, error));
            }
        }
        Ok(copied)
    }

    fn one(&mut self, name: &str, from: &Path, to: &Path) -> io::Result<()> {
        let missing = dirs::missing(to);
        if let Some(dir) = to.parent() {
            dirs::make(dir, 0o755, None)?;
        }
        self.dirs.extend(missing);
        let meta = from.symlink_metadata()?;
        if meta.is_symlink() {
            symlink(std::fs::read_link(from)?, to)?;
        } else if meta.is_file() && meta.len() <= MOST_BYTES {
            let mode = meta.mode() & 0o7777;
            let ownership = Ownership { owner: Some((meta.uid(), meta.gid())), mode };
            rewrite::create(to, &std::fs::read(from)?, ownership)?;
        } else {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is no file that is copied"));
        }
        let meta = to.symlink_metadata()?;
        let changed = (meta.mtime(), meta.mtime_nsec());
        self.files.push(CopiedFile { name: name.to_owned(), length: meta.len(), changed });
        Ok(())
    }

    /// Removes those that are still what was copied, and the directories that hold nothing then.
    /// Gives those that are something else now.
    pub(super) fn remove(&self, root: &Path) -> Vec<PathBuf> {
        let mut kept = Vec::new();
        for file in &self.files {
            let path = root.join(&file.name);
            let Ok(meta) = path.symlink_metadata() else { continue };
            let same =
                (meta.len(), (meta.mtime(), meta.mtime_nsec())) == (file.length, file.changed);
            if !same || std::fs::remove_file(&path).is_err() {
                kept.push(path);
            }
        }
        for dir in self.dirs.iter().rev() {
            // What holds something else stays.
            let _ = dirs::remove_empty(dir);
        }
        kept
    }

    /// Whether the client among them is still there.
    pub(super) fn is_there(&self, root: &Path) -> bool {
        self.files.iter().any(|file| {
            let meta = root.join(&file.name).symlink_metadata();
            file.name == super::client::PROGRAM && meta.is_ok_and(|meta| meta.len() == file.length)
        })
    }
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
