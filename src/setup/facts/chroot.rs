//! A build root of devtools, as far as rules look at it.

use std::path::{Path, PathBuf};

use crate::arch::chroots::BuildRoot;
use crate::setup::chroot::look::{Look, Standing};

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct Chroot {
    /// What is missing in a root that was enabled.
    pub lost: Option<String>,
    /// The version of our package in it and that of this machine, where the former is older.
    pub older: Option<(String, String)>,
    /// Copies that builds use as they are, and in what they differ.
    pub stale: Vec<(PathBuf, String)>,
}

impl Chroot {
    /// Looks at the root; `None` for a directory that devtools did not make, and for a copy.
    pub fn look(dir: &Path) -> Option<Self> {
        let root = BuildRoot::find(dir).ok().filter(|root| root.instead_of.is_none())?;
        let look = Look::at(root);
        let lost = look.lacks().filter(|_| look.standing() == Standing::Lost);
        let stale = look.stale_copies();
        Some(Self {
            lost: lost.map(str::to_owned),
            older: look.older_client().map(|(one, other)| (one.to_owned(), other.to_owned())),
            stale: stale
                .map(|copy| (copy.dir.clone(), copy.stale.unwrap_or_default().to_owned()))
                .collect(),
        })
    }
}
