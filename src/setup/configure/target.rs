//! Which configuration is written, and where what `undo` needs is kept.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::arch::makepkg::CONFIG;
use crate::base::env;
use crate::base::rewrite;
use crate::setup::apply::run::Run;
use crate::setup::apply::state::{SYSTEM_DIR, State};
use crate::setup::subject::{Subject, SubjectOptions};

/// Options that choose what is written, or taken back.
#[derive(Args, Clone, Debug, Default)]
pub struct TargetOptions {
    /// Which makepkg reads it.
    #[command(flatten)]
    pub subject: SubjectOptions,
    /// The user's own file: ~/.config/pacman/makepkg.conf, or ~/.makepkg.conf if that is there
    #[arg(long, conflicts_with_all = ["config", "chroot"])]
    pub user: bool,
    /// FILE itself: one of those that makepkg reads, or one for makepkg --config
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "chroot", "user"])]
    pub file: Option<PathBuf>,
}

/// What is written.
#[derive(Clone, Debug)]
pub(in crate::setup) struct Target {
    /// The configuration as makepkg reads it.
    pub(in crate::setup) subject: Subject,
    /// The one file that was asked for, if one was.
    pub(in crate::setup) only: Option<PathBuf>,
    /// Where runs are kept.
    pub(in crate::setup) state: State,
}

/// Why nothing can be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(in crate::setup) enum TargetError {
    /// There is no home directory.
    #[error("HOME is not set, so there is no file of yours (set it, or name a file by --file)")]
    NoHome,
    /// Nor is there one to keep things in.
    #[error(
        "HOME is not set, so what `distcc-setup undo` needs cannot be kept; nothing was changed \
         (set HOME or XDG_STATE_HOME to an absolute path)"
    )]
    NoState,
    /// root has no business in a user's own state.
    #[error("--user is about your own file: run it without sudo")]
    Sudo,
    /// It is no root directory of a system with pacman.
    #[error("{dir} is no chroot: it has no etc/makepkg.conf{hint}", dir = .0.display(), hint = .1)]
    NoChroot(PathBuf, String),
}

impl Target {
    /// What `options` ask for.
    ///
    /// # Errors
    ///
    /// [`TargetError`].
    pub(in crate::setup) fn find(options: &TargetOptions) -> Result<Self, TargetError> {
        let mut subject = Subject::find(&options.subject);
        if let Some(dir) = &options.subject.chroot {
            check_chroot(dir)?;
        }
        let mut only = None;
        if options.user {
            // makepkg reads the user's file after this one only.
            let system = Some(Path::new("/").join(CONFIG));
            subject = Subject::find(&SubjectOptions { config: system, chroot: None });
            if subject.user.is_some() {
                return Err(TargetError::Sudo);
            }
            only = Some(subject.user_file().ok_or(TargetError::NoHome)?);
        } else if let Some(file) = &options.file {
            if !reads(&subject, file) {
                let config = Some(file.clone());
                subject = Subject::find(&SubjectOptions { config, chroot: None });
            }
            only = Some(file.clone());
        }
        let state = state(&subject, only.as_deref())?;
        Ok(Self { subject, only, state })
    }
}

impl Target {
    /// Whether `run` changed what is meant: the one file, or a file of the configuration named. The
    /// system's configuration has all runs that are kept with the system.
    pub(in crate::setup) fn is_about(&self, run: &Run) -> bool {
        let file = &self.subject.file;
        match &self.only {
            Some(only) => run.has(only),
            None if *file == self.subject.root.join(CONFIG) => true,
            None => run.has(file) || run.has_below(&self.subject.drop_in_dir()),
        }
    }
}

/// Whether makepkg reads `file` as a part of the configuration.
fn reads(subject: &Subject, file: &Path) -> bool {
    let same = |other: &Path| rewrite::destination(other) == rewrite::destination(file);
    let is_drop_in = subject.makepkg.reads_drop_ins
        && file.extension().is_some_and(|extension| extension == "conf")
        && file.parent().is_some_and(|dir| same_dir(dir, &subject.drop_in_dir()));
    let is_users =
        subject.request().user_files && subject.user_file().is_some_and(|own| same(&own));
    is_drop_in || is_users || same(&subject.file)
}

fn same_dir(one: &Path, other: &Path) -> bool {
    let absolute = |dir: &Path| std::fs::canonicalize(dir).ok();
    absolute(one).is_some_and(|dir| Some(dir) == absolute(other))
}

fn check_chroot(dir: &Path) -> Result<(), TargetError> {
    if dir.join(CONFIG).exists() {
        return Ok(());
    }
    let root = dir.join("root");
    let hint = match root.join(CONFIG).exists() {
        true => format!(" (write `--chroot {}`)", root.display()),
        false => " (name the directory that mkarchroot made, as in `--chroot \
                  /var/lib/archbuild/extra-x86_64/root`)"
            .to_owned(),
    };
    Err(TargetError::NoChroot(dir.to_owned(), hint))
}

/// The system's files have their runs with the system, in the chroot if it is one, and so has what
/// sudo writes; a user's have them with that user.
fn state(subject: &Subject, only: Option<&Path>) -> Result<State, TargetError> {
    let file = rewrite::destination(only.unwrap_or(&subject.file));
    if subject.is_chroot() || subject.user.is_some() || file.starts_with("/etc") {
        return Ok(State { dir: subject.root.join(SYSTEM_DIR) });
    }
    let base = env::XDG_STATE_HOME.get_nonempty().map(PathBuf::from);
    let own = || Some(subject.home.as_ref()?.join(".local/state"));
    // From another directory, a relative one would be another.
    let base = base.filter(|dir| dir.is_absolute()).or_else(own).filter(|dir| dir.is_absolute());
    Ok(State { dir: base.ok_or(TargetError::NoState)?.join("distcc-setup") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::replace;

    fn find(options: &TargetOptions) -> Result<Target, String> {
        Target::find(options).map_err(|error| error.to_string())
    }

    #[test]
    fn a_directory_that_is_no_chroot_is_told_from_its_root() {
        let top = tempfile::tempdir().unwrap();
        let subject = SubjectOptions { config: None, chroot: Some(top.path().to_owned()) };
        let options = TargetOptions { subject, ..TargetOptions::default() };
        assert!(find(&options).unwrap_err().contains("archbuild"));
        let etc = top.path().join("root/etc");
        std::fs::create_dir_all(&etc).unwrap();
        replace::write(&etc.join("makepkg.conf"), b"", 0o644).unwrap();
        let expected = format!("(write `--chroot {}/root`)", top.path().display());
        assert!(find(&options).unwrap_err().contains(&expected));
        let subject = SubjectOptions { config: None, chroot: Some(top.path().join("root")) };
        let target = find(&TargetOptions { subject, ..TargetOptions::default() }).unwrap();
        assert_eq!(target.state.dir, top.path().join("root/var/lib/distcc-setup"));
    }

    #[test]
    fn a_file_of_its_own_is_what_makepkg_would_read_by_config() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("my.conf");
        replace::write(&file, b"", 0o644).unwrap();
        let options = TargetOptions { file: Some(file.clone()), ..TargetOptions::default() };
        let target = find(&options).unwrap();
        assert_eq!((target.subject.file, target.only), (file.clone(), Some(file)));
    }
}
