//! How a root stands: its client, what makepkg would do in it, its copies, and what we did to it.

use std::path::{Path, PathBuf};

use crate::arch::chroots::{BuildRoot, RootError, lock_of};
use crate::arch::configuration::Configuration;
use crate::arch::evaluate::evaluate;
use crate::arch::makepkg::Makepkg;
use crate::arch::packages::{self, Installed};
use crate::hosts::list;
use crate::makepkg_conf::makeflags::{self, Jobs};
use crate::setup::chroot::client::{self, Client, PACKAGE};
use crate::setup::chroot::lock;
use crate::setup::chroot::record::{Record, Store};
use crate::setup::subject::{Subject, SubjectOptions};

/// A root.
#[derive(Clone, Debug)]
pub(in crate::setup) struct Look {
    /// Which.
    pub(in crate::setup) root: BuildRoot,
    /// Why it cannot be set up.
    pub(in crate::setup) fault: Option<RootError>,
    /// Its makepkg.
    pub(in crate::setup) makepkg: Makepkg,
    /// Its client.
    pub(in crate::setup) client: Client,
    /// Whether it has the directory of links that makepkg puts first in PATH.
    pub(in crate::setup) has_farm: bool,
    /// Our package on this machine.
    pub(in crate::setup) host: Option<Installed>,
    /// What makepkg would work with, or why it would not.
    pub(in crate::setup) values: Result<Values, String>,
    /// What is beside it.
    pub(in crate::setup) copies: Vec<Copy>,
    /// What we keep of it.
    pub(in crate::setup) record: Option<Record>,
}

/// What makepkg's configuration says in a root or a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::setup) struct Values {
    /// Whether BUILDENV has distcc.
    pub(in crate::setup) is_on: bool,
    /// DISTCC_HOSTS.
    pub(in crate::setup) hosts: Option<String>,
    /// The `-j` of MAKEFLAGS.
    pub(in crate::setup) jobs: Option<u32>,
    /// Whether MAKEFLAGS stands where devtools puts its own in its place.
    pub(in crate::setup) jobs_are_replaced: bool,
}

/// A copy of a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::setup) struct Copy {
    /// Its directory.
    pub(in crate::setup) dir: PathBuf,
    /// In what it differs from the root, if it does.
    pub(in crate::setup) stale: Option<&'static str>,
    /// Whether a build runs in it.
    pub(in crate::setup) in_use: bool,
}

/// How a root stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::setup) enum Standing {
    /// We enabled it, and builds are distributed.
    Enabled,
    /// We enabled it, and something of it is gone.
    Lost,
    /// Builds are distributed, and it was not us.
    ByHand,
    /// Builds are not distributed.
    Off,
}

impl Standing {
    /// The word.
    pub(in crate::setup) fn word(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Lost => "lost",
            Self::ByHand => "by-hand",
            Self::Off => "off",
        }
    }
}

impl Values {
    /// Those of the system below `root`.
    pub(in crate::setup) fn of(root: &Path) -> Result<Self, String> {
        let subject = subject(root);
        let mut request = subject.request();
        // Its files may ask whether a program is there that only the chroot has.
        request.last_on_path = Some(root.join("usr/bin"));
        let found = evaluate(&request).map_err(|error| error.to_string())?;
        Ok(Self::from(&found))
    }

    fn from(found: &Configuration) -> Self {
        let makeflags = found.position("MAKEFLAGS").and_then(|_| found.text("MAKEFLAGS"));
        let jobs = match makeflags.as_deref().map(makeflags::jobs) {
            Some(Jobs::Number(jobs)) => Some(jobs),
            _ => None,
        };
        let place = found.position("MAKEFLAGS").map(|position| position.file.as_path());
        Self {
            is_on: found.option("BUILDENV", "distcc") == Some(true),
            hosts: found.text("DISTCC_HOSTS"),
            jobs,
            jobs_are_replaced: place.is_some() && place == found.main_file(),
        }
    }

    /// Whether the host list has a host beside this machine.
    pub(in crate::setup) fn has_volunteers(&self) -> bool {
        let Some(Ok(list)) = self.hosts.as_deref().map(list::parse) else { return false };
        list.zeroconf || list.hosts.iter().any(|host| !host.is_local())
    }

    /// Whether nothing of what we write is in it.
    pub(in crate::setup) fn is_untouched(&self) -> bool {
        !self.is_on && self.hosts.is_none()
    }
}

impl Look {
    /// Looks at `root`.
    pub(in crate::setup) fn at(root: BuildRoot) -> Self {
        let values = Values::of(&root.dir);
        let client = Client::of(&root.dir);
        let copies = root.copies().into_iter().map(|dir| Copy::at(dir, &client, &values)).collect();
        Self {
            fault: root.ensure_usable().err(),
            makepkg: Makepkg::find(&root.dir),
            has_farm: client::has_farm(&root.dir),
            host: packages::installed(Path::new("/"), PACKAGE),
            // One that cannot be read is told of when it is needed.
            record: Store::of(&root.dir).load().ok().flatten(),
            root,
            client,
            values,
            copies,
        }
    }

    /// Whether makechrootpkg, as it is, distributes builds.
    pub(in crate::setup) fn distributes(&self) -> bool {
        self.lacks().is_none()
    }

    /// What is missing for that.
    pub(in crate::setup) fn lacks(&self) -> Option<&'static str> {
        let Ok(values) = &self.values else { return Some("its makepkg.conf cannot be read") };
        if self.client == Client::None {
            Some("the client is not installed in it")
        } else if !self.has_farm {
            Some("it has no /usr/lib/distcc/bin, so makepkg finds no links to the client")
        } else if !values.is_on {
            Some("BUILDENV has no distcc in it")
        } else if !values.has_volunteers() {
            Some("DISTCC_HOSTS names no volunteer")
        } else {
            None
        }
    }

    /// How it stands.
    pub(in crate::setup) fn standing(&self) -> Standing {
        match (self.record.is_some(), self.distributes()) {
            (true, true) => Standing::Enabled,
            (true, false) => Standing::Lost,
            (false, true) => Standing::ByHand,
            (false, false) => Standing::Off,
        }
    }

    /// The version of our package in it and that of this machine, where the former is older.
    pub(in crate::setup) fn older_client(&self) -> Option<(&str, &str)> {
        let Client::Package(there) = &self.client else { return None };
        let host = self.host.as_ref().filter(|host| host.name == there.name)?;
        client::is_older(&there.version, &host.version)
            .then_some((there.version.as_str(), host.version.as_str()))
    }

    /// Copies that builds would still use as they are.
    pub(in crate::setup) fn stale_copies(&self) -> impl Iterator<Item = &Copy> {
        self.copies.iter().filter(|copy| copy.stale.is_some())
    }
}

impl Copy {
    fn at(dir: PathBuf, client: &Client, values: &Result<Values, String>) -> Self {
        let in_use = lock::is_held(&lock_of(&dir));
        let theirs = Client::of(&dir);
        let stale = if theirs.text() != client.text() {
            Some(match theirs {
                Client::None => "it has no client",
                _ => "it has another client",
            })
        } else {
            match (Values::of(&dir), values) {
                (Ok(theirs), Ok(ours)) if theirs.is_on != ours.is_on => {
                    Some(if ours.is_on { "distcc is off in it" } else { "distcc is on in it" })
                }
                (Ok(theirs), Ok(ours)) if theirs.hosts != ours.hosts => Some("it has other hosts"),
                _ => None,
            }
        };
        Self { dir, stale, in_use }
    }
}

/// The configuration of the system below `root`.
pub(super) fn subject(root: &Path) -> Subject {
    Subject::find(&SubjectOptions { config: None, chroot: Some(root.to_owned()) })
}
