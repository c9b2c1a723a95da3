//! Running on in the background, and the file with our process id.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::unistd::ForkResult;

use crate::base::exit::Exit;
use crate::daemon::privileges::Persona;
use crate::{error, warning};

/// Which of the two we are.
#[derive(Debug)]
pub enum Side {
    /// The one that was started: ends with this once the other is ready, or has failed.
    Parent(Exit),
    /// The one that serves; tells the parent how the start went.
    Child(Ready),
}

/// What a parent waits for.
#[derive(Debug)]
pub struct Ready {
    parent: Option<UnixStream>,
    keep_stderr: bool,
}

impl Ready {
    /// Nobody waits: the daemon stays in the foreground.
    pub fn nobody() -> Self {
        Self { parent: None, keep_stderr: true }
    }

    /// Tells the parent that clients can connect, and lets go of the terminal.
    pub fn serve(self) {
        if let Some(mut parent) = self.parent {
            if let Err(error) = leave_terminal(self.keep_stderr) {
                warning!("cannot let go of the terminal: {error}");
            }
            // A parent that is gone needs no answer.
            drop(parent.write_all(&[Exit::OK.0]));
        }
    }

    /// Tells the parent that there will be no daemon, and why.
    pub fn fail(self, exit: Exit) -> Exit {
        if let Some(mut parent) = self.parent {
            drop(parent.write_all(&[exit.0]));
        }
        exit
    }
}

/// Splits in two. To be called while there is one thread only.
///
/// # Errors
///
/// No process or no descriptor is left.
pub fn detach(keep_stderr: bool) -> io::Result<Side> {
    let (ours, theirs) = UnixStream::pair()?;
    // SAFETY: there is one thread, so the child finds every lock free and all memory whole.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { .. } => {
            drop(theirs);
            let mut exit = [Exit::FAILED.0];
            // A child that dies without a word leaves the code of a failure.
            drop((&ours).read_exact(&mut exit));
            let [exit] = exit;
            Ok(Side::Parent(Exit(exit)))
        }
        ForkResult::Child => {
            drop(ours);
            nix::unistd::setsid()?;
            Ok(Side::Child(Ready { parent: Some(theirs), keep_stderr }))
        }
    }
}

fn leave_terminal(keep_stderr: bool) -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    if !keep_stderr {
        nix::unistd::dup2_stderr(&null)?;
    }
    Ok(())
}

/// The file with our process id; gone when dropped.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    /// Writes it; `persona` will own it, to be able to remove it.
    ///
    /// # Errors
    ///
    /// What writing met.
    pub fn write(path: &Path, persona: Option<Persona>) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(path)?;
        writeln!(file, "{}", std::process::id())?;
        if let Some(Persona { uid, gid }) = persona {
            std::os::unix::fs::fchown(&file, Some(uid.as_raw()), Some(gid.as_raw()))?;
        }
        Ok(Self { path: path.to_owned(), file })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if std::fs::remove_file(&self.path).is_err() {
            // Its directory belongs to root: an empty file misleads nobody.
            if let Err(error) = self.file.set_len(0) {
                error!("cannot remove pid file {}: {error}", self.path.display());
            }
        }
    }
}
