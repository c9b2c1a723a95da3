//! The client in a root: which there is, and which is to come into it.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::arch::packages::{self, Installed};
use crate::base::capture::capture;
use crate::base::dirs::MASQUERADE;
use crate::setup::chroot::copied::Copied;
use crate::setup::chroot::pacman::{Pacman, on_path};
use crate::setup::chroot::record::ClientRecord;

/// Our package.
pub(in crate::setup) const PACKAGE: &str = "makepkg-distcc";
/// The package of the distcc that was there before.
const OTHER: &str = "distcc";
/// The client, below the root.
pub(super) const PROGRAM: &str = "usr/bin/distcc";
/// Where pacman keeps the package files that it has got.
const CACHE: &str = "/var/cache/pacman/pkg";
/// How long a small program may take.
const LIMIT: Duration = Duration::from_secs(20);
/// The most that it may print.
const MOST_BYTES: u64 = 1 << 16;

/// What a root has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::setup) enum Client {
    /// Nothing.
    None,
    /// A package, ours or the other.
    Package(Installed),
    /// A program of no package, such as one that we have copied.
    Program,
}

/// What is to be done for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ClientPlan {
    /// Nothing; a sentence about it, if there is something to know.
    Keep(Option<String>),
    /// Install this package file, of this version, in the place of an older one.
    Install {
        /// Who does it.
        pacman: Pacman,
        /// The file.
        file: PathBuf,
        /// Its version.
        version: String,
        /// The version that there is.
        from: Option<String>,
    },
    /// Copy the files of this machine's package.
    Copy(Installed),
}

/// Why there is no client for the root.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum ClientError {
    /// It can be had nowhere.
    #[error(
        "no {PACKAGE} can be had for the chroot: {CACHE} has no package file of it, and it is not \
         installed here (build it: makepkg, in its sources; then name the file: --package FILE)"
    )]
    Nowhere,
    /// Nothing on this machine installs packages.
    #[error(
        "neither arch-nspawn nor pacman is on PATH, so no package can be installed in the chroot"
    )]
    NoPacman,
    /// The file is no package of ours.
    #[error(
        "{file} is no package file of {PACKAGE} (one is named {PACKAGE}-VERSION-ARCH.pkg.tar.zst)",
        file = .0.display()
    )]
    NotOurs(PathBuf),
    /// It is not there.
    #[error("{file}: {error}", file = .0.display(), error = .1)]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// The other distcc is in the root.
    #[error(
        "{root} has the package {name} {version}, which {PACKAGE} would replace for good: remove \
         it first (arch-nspawn {root} pacman -R {name}), or leave --package away: it can stay",
        root = .0.display(),
        name = .1.name,
        version = .1.version
    )]
    Conflict(PathBuf, Installed),
    /// It is in the root and does not run there.
    #[error("{root}/{PROGRAM} does not run in the chroot: {1}", root = .0.display())]
    DoesNotRun(PathBuf, String),
}

impl Client {
    /// That of `root`.
    pub(in crate::setup) fn of(root: &Path) -> Self {
        let package = || [PACKAGE, OTHER].iter().find_map(|name| packages::installed(root, name));
        match root.join(PROGRAM).symlink_metadata() {
            Err(_) => Self::None,
            Ok(_) => package().map_or(Self::Program, Self::Package),
        }
    }

    /// Name and version, for people.
    pub(in crate::setup) fn text(&self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Package(package) => format!("{} {}", package.name, package.version),
            Self::Program => "a program of no package".to_owned(),
        }
    }
}

/// Whether the root has the directory that makepkg puts first in PATH.
pub(in crate::setup) fn has_farm(root: &Path) -> bool {
    root.join(MASQUERADE.trim_start_matches('/')).is_dir()
}

/// What there is to plan with.
pub(super) struct Wish<'a> {
    /// The root.
    pub(super) root: &'a Path,
    /// What it has.
    pub(super) client: &'a Client,
    /// How that got there, if we know.
    pub(super) record: Option<&'a ClientRecord>,
    /// `--package`.
    pub(super) file: Option<&'a Path>,
    /// Our package on this machine.
    pub(super) host: Option<&'a Installed>,
}

impl Wish<'_> {
    /// Works out what is to be done.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub(super) fn plan(&self) -> Result<ClientPlan, ClientError> {
        if let Some(file) = self.file {
            return self.with_file(file);
        }
        match self.client {
            Client::None => match (newest_file(self.host), self.host) {
                (Some((file, version)), _) => install(file, version, None),
                (None, Some(host)) => Ok(ClientPlan::Copy(host.clone())),
                (None, None) => Err(ClientError::Nowhere),
            },
            Client::Package(there) if there.name == PACKAGE => self.update(there),
            Client::Package(other) => Ok(ClientPlan::Keep(Some(format!(
                "The chroot has {} {}, which builds use as it is.",
                other.name, other.version
            )))),
            Client::Program => Ok(match (self.record, self.host) {
                (Some(ClientRecord::Copied(copied)), Some(host))
                    if is_older(&copied.version, &host.version) =>
                {
                    ClientPlan::Copy(host.clone())
                }
                (Some(ClientRecord::Copied(_)), _) => ClientPlan::Keep(None),
                _ => ClientPlan::Keep(Some(format!(
                    "The chroot has a /{PROGRAM} that belongs to no package; builds use it."
                ))),
            }),
        }
    }

    fn with_file(&self, file: &Path) -> Result<ClientPlan, ClientError> {
        let (name, version) =
            packages::of_file_name(file).ok_or_else(|| ClientError::NotOurs(file.to_owned()))?;
        if name != PACKAGE {
            return Err(ClientError::NotOurs(file.to_owned()));
        }
        let unreadable = |error| ClientError::Unreadable(file.to_owned(), error);
        std::fs::File::open(file).map_err(unreadable)?;
        match self.client {
            Client::Package(there) if there.name != PACKAGE => {
                Err(ClientError::Conflict(self.root.to_owned(), there.clone()))
            }
            Client::Package(there) if there.version == version => Ok(ClientPlan::Keep(None)),
            Client::Package(there) => {
                install(file.to_owned(), version, Some(there.version.clone()))
            }
            Client::None | Client::Program => install(file.to_owned(), version, None),
        }
    }

    /// Brings our package up to this machine's, if a package file of it can be had.
    fn update(&self, there: &Installed) -> Result<ClientPlan, ClientError> {
        let Some(host) = self.host.filter(|host| is_older(&there.version, &host.version)) else {
            return Ok(ClientPlan::Keep(None));
        };
        match newest_file(Some(host)) {
            Some((file, version)) if is_older(&there.version, &version) => {
                install(file, version, Some(there.version.clone()))
            }
            _ => Ok(ClientPlan::Keep(Some(format!(
                "The chroot has {PACKAGE} {}, which is older than {} on this machine;\n{CACHE} has \
                 no package file to update it with (--package names one).",
                there.version, host.version
            )))),
        }
    }
}

fn install(
    file: PathBuf,
    version: String,
    from: Option<String>,
) -> Result<ClientPlan, ClientError> {
    let pacman = Pacman::find().ok_or(ClientError::NoPacman)?;
    Ok(ClientPlan::Install { pacman, file, version, from })
}

/// The package file to install, and its version: the one of this machine's package, or the newest.
///
/// It is looked for where only root puts files: in pacman's cache.
fn newest_file(host: Option<&Installed>) -> Option<(PathBuf, String)> {
    let entries = std::fs::read_dir(CACHE).ok()?;
    let mut all: Vec<(PathBuf, String)> = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Some((name, version)) = packages::of_file_name(&path) else { continue };
        let is_package = path.extension() != Some(OsStr::new("sig"));
        let is_file = path.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.uid() == 0);
        if name == PACKAGE && is_package && is_file {
            all.push((path, version));
        }
    }
    let same = all.iter().find(|(_, version)| host.is_some_and(|host| host.version == *version));
    same.cloned().or_else(|| {
        let newer = |a: (PathBuf, String), b: (PathBuf, String)| match is_older(&a.1, &b.1) {
            true => b,
            false => a,
        };
        all.into_iter().reduce(newer)
    })
}

/// Whether version `one` is older than `other`, by pacman's own comparison; without it, whether
/// they differ.
pub(in crate::setup) fn is_older(one: &str, other: &str) -> bool {
    if one == other {
        return false;
    }
    let Some(program) = on_path("vercmp") else { return true };
    let said = capture(Command::new(program).args([one, other]), LIMIT, MOST_BYTES);
    said.map_or(true, |said| said.stdout.starts_with(b"-"))
}

/// Makes sure that the client runs in the root: one that was copied may want another libc.
///
/// # Errors
///
/// [`ClientError::DoesNotRun`].
pub(super) fn ensure_runs(root: &Path) -> Result<(), ClientError> {
    let bad = |why: String| ClientError::DoesNotRun(root.to_owned(), why);
    let mut command = Command::new("chroot");
    command.arg(root).arg(Path::new("/").join(PROGRAM)).arg("--version").env_clear();
    command.env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin");
    let said = capture(&mut command, LIMIT, MOST_BYTES).map_err(|error| bad(error.to_string()))?;
    match said.status.success() {
        true => Ok(()),
        false => {
            let text = String::from_utf8_lossy(&said.stderr).into_owned();
            Err(bad(text.lines().next().unwrap_or("it says nothing").to_owned()))
        }
    }
}

impl ClientPlan {
    /// What will be done, in a sentence; `None` where nothing is.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Keep(_) => None,
            Self::Install { pacman, file, version, from } => {
                let what = match from {
                    None => format!("{PACKAGE} {version} will be installed"),
                    Some(from) => format!("{PACKAGE} {from} will be updated to {version}"),
                };
                Some(format!("{what} by {}:\n  {}", pacman.name(), file.display()))
            }
            Self::Copy(package) => Some(format!(
                "The files of {PACKAGE} {} will be copied from this machine:\n{CACHE} has no \
                 package file of it.",
                package.version
            )),
        }
    }
}

/// Whether the client that the record tells of is gone, as from a root that was made anew.
pub(super) fn is_gone(record: &ClientRecord, root: &Path) -> bool {
    match record {
        ClientRecord::Before => false,
        ClientRecord::Package(name) => packages::installed(root, name).is_none(),
        ClientRecord::Copied(copied) => !Copied::is_there(copied, root),
    }
}
