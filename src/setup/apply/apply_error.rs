//! Why files could not be changed, and what helps.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use nix::unistd::Uid;

use crate::base::env;
use crate::setup::apply::state::PATIENCE;

/// Why files could not be changed; unless it says otherwise, none was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ApplyError {
    /// A file is there and cannot be read.
    #[error("{file} cannot be read: {error}", file = .0.display(), error = .1)]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is a directory, a device, or the like.
    #[error("{file} is no regular file", file = .0.display())]
    NotAFile(PathBuf),
    /// It is somebody else's than the user's for whom root would use it.
    #[error(
        "{file} does not belong to {1}, so root leaves it alone (it may be a link; chown it, or \
         name the file itself by --file)",
        file = .0.display()
    )]
    NotTheirs(PathBuf, String),
    /// Somebody else wrote it.
    #[error(
        "{file} was changed by somebody else since it was read; nothing was written (run the \
         command again)",
        file = .0.display()
    )]
    Changed(PathBuf),
    /// It cannot be written.
    #[error("{file} cannot be written: {error}", file = .0.display(), error = .1)]
    Unwritable(PathBuf, #[source] io::Error),
    /// It cannot be written, and those written before cannot be put back.
    #[error(
        "{file} cannot be written: {error}; other files have been, and cannot be put back now \
         (`distcc-setup undo` does it)",
        file = .0.display(),
        error = .1
    )]
    HalfWritten(PathBuf, #[source] io::Error),
    /// What `undo` needs cannot be kept.
    #[error(
        "{place} cannot be written: {error}; what `distcc-setup undo` needs is kept there, so \
         nothing was changed",
        place = .0.display(),
        error = .1
    )]
    State(PathBuf, #[source] io::Error),
    /// What `undo` needs is there and cannot be used.
    #[error("{place} cannot be used: {what}", place = .0.display(), what = .1)]
    BadState(PathBuf, String),
    /// Another process is at it.
    #[error(
        "another distcc-setup has been writing for {PATIENCE:?} (it holds {place}); nothing was \
         written",
        place = .0.display()
    )]
    Busy(PathBuf),
}

impl ApplyError {
    /// The file, and what the system said of it.
    fn cause(&self) -> Option<(&PathBuf, &io::Error)> {
        match self {
            Self::Unreadable(file, error)
            | Self::Unwritable(file, error)
            | Self::HalfWritten(file, error)
            | Self::State(file, error) => Some((file, error)),
            _ => None,
        }
    }

    /// What to do about it, where that is known.
    pub(crate) fn advice(&self) -> Option<String> {
        let (file, error) = self.cause()?;
        let file = shell_words::quote(&file.to_string_lossy()).into_owned();
        match error.kind() {
            ErrorKind::PermissionDenied if !Uid::effective().is_root() => {
                Some(format!("run it as root: {}", sudo_command()))
            }
            ErrorKind::PermissionDenied => Some(format!(
                "root may not write it either: see `lsattr {file}`, `findmnt -T {file}`"
            )),
            ErrorKind::ReadOnlyFilesystem => {
                Some(format!("its file system is mounted read-only: see `findmnt -T {file}`"))
            }
            _ => None,
        }
    }
}

/// This very command, as root.
pub(crate) fn sudo_command() -> String {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let mut command = format!("sudo distcc-setup {}", shell_words::join(&words));
    let names = |word: &String| {
        ["--config", "--file", "--chroot"].iter().any(|option| word.starts_with(option))
    };
    // sudo does not pass the variable on.
    if let Some(file) = env::MAKEPKG_CONF.text().filter(|_| !words.iter().any(names)) {
        command += &format!(" --config {}", shell_words::quote(&file));
    }
    command
}
