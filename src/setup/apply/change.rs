//! What is to become of which files.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::base::disk::{Disk, RealDisk};
use crate::base::rewrite::{self, Ownership};
use crate::setup::apply::apply_error::ApplyError;

/// A longer file is none that people write by hand.
pub(crate) const MOST_BYTES: u64 = 1 << 20;

/// A file as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The name used for it.
    pub(crate) path: PathBuf,
    /// Its content; `None` where there was no file.
    pub(crate) content: Option<Vec<u8>>,
}

impl Seen {
    /// Reads `path`, links followed.
    ///
    /// # Errors
    ///
    /// For what is there and cannot be read, is no regular file, or is longer than [`MOST_BYTES`].
    pub(crate) fn read(path: &Path) -> Result<Self, ApplyError> {
        let unreadable = |error| ApplyError::Unreadable(path.to_owned(), error);
        let content = match std::fs::metadata(path) {
            Ok(meta) if !meta.is_file() => return Err(ApplyError::NotAFile(path.to_owned())),
            Ok(_) => Some(RealDisk.read(path, MOST_BYTES).map_err(unreadable)?),
            Err(error) if is_absent(&error) => None,
            Err(error) => return Err(unreadable(error)),
        };
        Ok(Self { path: path.to_owned(), content })
    }

    /// Makes sure that the file is still what it was.
    fn ensure_same(&self) -> Result<(), ApplyError> {
        match Self::read(&self.path)?.content == self.content {
            true => Ok(()),
            false => Err(ApplyError::Changed(self.path.clone())),
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// One file's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The file as it was.
    pub(crate) old: Seen,
    /// What it is to hold; `None` removes it.
    pub(crate) new: Option<Vec<u8>>,
    /// Owner and mode, if it is made anew; what is there keeps its own.
    pub(crate) ownership: Ownership,
}

impl Change {
    /// New content for `old`, which is ours to everybody's reading if it is made anew.
    pub(crate) fn new(old: Seen, new: Vec<u8>) -> Self {
        Self { old, new: Some(new), ownership: Ownership { owner: None, mode: 0o644 } }
    }

    /// The file's name.
    pub(crate) fn path(&self) -> &Path {
        &self.old.path
    }

    /// Carries it out.
    pub(crate) fn write(&self) -> io::Result<()> {
        put(self.path(), self.old.content.is_some(), self.new.as_deref(), self.ownership)
    }

    /// Takes it back.
    pub(crate) fn take_back(&self) -> io::Result<()> {
        put(self.path(), self.new.is_some(), self.old.content.as_deref(), self.ownership)
    }
}

fn put(path: &Path, exists: bool, new: Option<&[u8]>, ownership: Ownership) -> io::Result<()> {
    match new {
        Some(new) if exists => rewrite::rewrite(path, new),
        Some(new) => rewrite::create(&rewrite::destination(path), new, ownership),
        None => {
            let path = rewrite::destination(path);
            std::fs::remove_file(&path)?;
            rewrite::sync_dir(&path);
            Ok(())
        }
    }
}

/// All changes of one command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChangeSet {
    /// The changes, in the order in which they are carried out.
    pub(crate) changes: Vec<Change>,
    /// Files that stay as they are, and on whose content the changes rest.
    pub(crate) rests_on: Vec<Seen>,
}

impl ChangeSet {
    /// Whether nothing is to be done.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Makes sure that all files are still what they were.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Changed`], or what reading met.
    pub(crate) fn ensure_same(&self) -> Result<(), ApplyError> {
        let mut seen = self.changes.iter().map(|change| &change.old).chain(&self.rests_on);
        seen.try_for_each(Seen::ensure_same)
    }

    /// Makes sure, as far as that can be known before, that all of it can be written: a person
    /// should not answer a question for nothing.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Unwritable`] for the first directory where that is not so.
    pub(crate) fn ensure_writable(&self) -> Result<(), ApplyError> {
        use rustix::fs::{Access, AtFlags, CWD, accessat};
        for change in &self.changes {
            let destination = rewrite::destination(change.path());
            let dir = destination.ancestors().skip(1).find(|dir| dir.exists());
            let access = Access::WRITE_OK | Access::EXEC_OK;
            let asked = accessat(CWD, dir.unwrap_or(Path::new(".")), access, AtFlags::EACCESS);
            asked.map_err(|e| ApplyError::Unwritable(change.path().to_owned(), e.into()))?;
        }
        Ok(())
    }
}
