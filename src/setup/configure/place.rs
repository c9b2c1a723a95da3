//! Where the values are written: into the file that decides, a drop-in, or one file.

use std::path::{Path, PathBuf};

use crate::setup::configure::ConfigureOptions;
use crate::setup::configure::drop_in;
use crate::setup::configure::target::Target;

/// Where the values are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::setup) enum Place {
    /// Each into the file that decides it; makepkg.conf, if none does.
    Deciding,
    /// Into this file of `makepkg.conf.d`.
    DropIn(PathBuf),
    /// Into this file.
    Only(PathBuf),
}

impl Place {
    /// What `options` ask for: a drop-in, unless they say otherwise or makepkg reads none.
    ///
    /// # Errors
    ///
    /// A sentence, where a drop-in is asked for that makepkg would not read.
    pub(in crate::setup) fn choose(
        options: &ConfigureOptions,
        target: &Target,
    ) -> Result<Self, String> {
        let makepkg = &target.subject.makepkg;
        if let Some(file) = &target.only {
            return Ok(Self::Only(file.clone()));
        }
        if options.drop_in && !makepkg.reads_drop_ins {
            let version = makepkg.version.as_deref().unwrap_or_default();
            return Err(format!(
                "makepkg {version} reads no drop-ins, which came with pacman 6.1 (leave --drop-in \
                 away: {} is edited then)",
                target.subject.file.display()
            ));
        }
        Ok(match options.in_place || !makepkg.reads_drop_ins {
            true => Self::Deciding,
            false => Self::DropIn(target.subject.drop_in_dir().join(drop_in::NAME)),
        })
    }

    /// The file, where there is one.
    pub(in crate::setup) fn file(&self) -> Option<&Path> {
        match self {
            Self::Deciding => None,
            Self::DropIn(file) | Self::Only(file) => Some(file),
        }
    }
}
