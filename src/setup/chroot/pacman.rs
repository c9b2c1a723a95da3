//! pacman on a root: by arch-nspawn, devtools' own way, or else by pacman of this machine, which
//! changes into the root (`--sysroot`). Both show what pacman says.
//!
//! pacman wants to know what is mounted, and hooks want /proc and /dev. So the second way has
//! mounts of its own, which end with it: the root over itself, and those two.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::base::disk::{Disk, RealDisk};
use crate::base::env;
use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::change::{Change, ChangeSet, Seen};

/// Where the package file is while it is installed, below the root: as makechrootpkg -I has it.
const INSIDE: &str = "root";
/// What installing a package changes beside its own files: systemd-sysusers makes a user.
const ACCOUNTS: [&str; 8] = [
    "etc/passwd",
    "etc/group",
    "etc/shadow",
    "etc/gshadow",
    "etc/passwd-",
    "etc/group-",
    "etc/shadow-",
    "etc/gshadow-",
];

/// Mounts, and then runs pacman; its arguments are the root, pacman, and pacman's own.
const IN_NAMESPACE: &str = "\
mount --bind \"$1\" \"$1\" &&
mount --rbind /proc \"$1/proc\" && mount --rbind /dev \"$1/dev\" || exit
root=$1 pacman=$2
shift 2
exec \"$pacman\" --sysroot \"$root\" \"$@\"
";

/// How pacman is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pacman {
    /// This arch-nspawn runs the root's own.
    ArchNspawn(PathBuf),
    /// This pacman changes into the root.
    Sysroot(PathBuf),
}

/// Why pacman did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum PacmanError {
    /// The package file cannot be put into the root.
    #[error(
        "{file} cannot be copied to {to}: {error}",
        file = .0.display(),
        to = .1.display(),
        error = .2
    )]
    Copy(PathBuf, PathBuf, #[source] io::Error),
    /// It cannot be started.
    #[error("{program} cannot be run: {error}", program = .0.display(), error = .1)]
    Start(PathBuf, #[source] io::Error),
    /// It failed, and has said why.
    #[error("`{0}` failed ({1}), for the reason that it gives above")]
    Failed(String, ExitStatus),
}

impl Pacman {
    /// The one of this machine.
    pub(super) fn find() -> Option<Self> {
        let arch_nspawn = on_path("arch-nspawn").map(Self::ArchNspawn);
        arch_nspawn.or_else(|| on_path("pacman").map(Self::Sysroot))
    }

    /// What runs it, for people.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::ArchNspawn(_) => "arch-nspawn",
            Self::Sysroot(_) => "pacman --sysroot",
        }
    }

    /// Installs the package `file`, of this machine.
    ///
    /// # Errors
    ///
    /// [`PacmanError`].
    pub(super) fn install(&self, root: &Path, file: &Path) -> Result<(), PacmanError> {
        let mut name = OsString::from(format!(".distcc-setup-{}-", std::process::id()));
        name.push(file.file_name().unwrap_or_default());
        let inside = root.join(INSIDE).join(&name);
        let bad = |error| PacmanError::Copy(file.to_owned(), inside.clone(), error);
        let guest = Guest::copy(file, &inside).map_err(bad)?;
        let path = Path::new("/").join(INSIDE).join(&name);
        let done = self.run(root, &["-U", "--noconfirm", &path.to_string_lossy()]);
        drop(guest);
        done
    }

    /// Removes the package `name`, and nothing else.
    ///
    /// # Errors
    ///
    /// [`PacmanError`].
    pub(super) fn remove(&self, root: &Path, name: &str) -> Result<(), PacmanError> {
        self.run(root, &["-R", "--noconfirm", name])
    }

    fn run(&self, root: &Path, words: &[&str]) -> Result<(), PacmanError> {
        let (program, head) = match self {
            Self::ArchNspawn(program) => (program, vec![root.as_os_str(), "pacman".as_ref()]),
            Self::Sysroot(program) => (program, vec!["--sysroot".as_ref(), root.as_os_str()]),
        };
        let mut command = Command::new(program);
        command.args(head).args(words);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let told = words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>();
        if let Self::Sysroot(program) = self {
            let pacman = command.get_args().skip(2).map(OsStr::to_owned).collect::<Vec<_>>();
            command = Command::new("unshare");
            command.args(["--mount", "--propagation", "private", "sh", "-c", IN_NAMESPACE, "sh"]);
            command.arg(root).arg(program).args(pacman);
        }
        let status = command.stdin(Stdio::null()).status();
        let status = status.map_err(|error| PacmanError::Start(program.clone(), error))?;
        match status.success() {
            true => Ok(()),
            false => Err(PacmanError::Failed(shell_words::join(told), status)),
        }
    }
}

/// A file in the root that is gone when this is.
struct Guest(PathBuf);

impl Guest {
    fn copy(file: &Path, to: &Path) -> io::Result<Self> {
        let mut from = std::fs::File::open(file)?;
        // Never through a link, and over nothing that is there.
        let mut new = std::fs::OpenOptions::new().write(true).create_new(true).open(to)?;
        let guest = Self(to.to_owned());
        io::copy(&mut from, &mut new)?;
        Ok(guest)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It is in nobody's way but on the disk.
        drop(std::fs::remove_file(&self.0));
    }
}

/// The accounts of a root, as they are now.
pub(super) struct Accounts(Vec<Seen>);

impl Accounts {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// What reading met.
    pub(super) fn read(root: &Path) -> Result<Self, ApplyError> {
        let seen: Result<_, _> = ACCOUNTS.iter().map(|name| Seen::read(&root.join(name))).collect();
        Ok(Self(seen?))
    }

    /// What has been changed since, as changes from what they were.
    ///
    /// # Errors
    ///
    /// What reading met.
    pub(super) fn changed(self) -> Result<ChangeSet, ApplyError> {
        let mut set = ChangeSet::default();
        for old in self.0 {
            let new = Seen::read(&old.path)?.content;
            if new == old.content {
                continue;
            }
            let mut change = Change::new(old, Vec::new());
            if let Ok(meta) = std::fs::metadata(change.path()) {
                change.ownership.mode = meta.mode() & 0o7777;
            }
            change.new = new;
            set.changes.push(change);
        }
        Ok(set)
    }
}

/// The program `name` of PATH.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::PATH.get_nonempty().unwrap_or_else(|| "/usr/bin".into());
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| RealDisk.is_executable(file))
}
