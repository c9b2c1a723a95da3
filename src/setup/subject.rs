//! Whose configuration a command is about: this machine's, a file's, or a chroot's.

use std::path::{Path, PathBuf};

use clap::Args;
use nix::unistd::{Uid, User};

use crate::arch::evaluate::{OtherUser, Request};
use crate::arch::makepkg::{CONFIG, Makepkg};
use crate::base::env;

/// Options that choose it; part of the commands that read or write makepkg's configuration.
#[derive(Args, Clone, Debug, Default)]
pub struct SubjectOptions {
    /// Take FILE for makepkg.conf, as makepkg --config does
    #[arg(long, value_name = "FILE", conflicts_with = "chroot")]
    pub config: Option<PathBuf>,
    /// Take the makepkg.conf, and the programs, of the system below DIR
    #[arg(long, value_name = "DIR")]
    pub chroot: Option<PathBuf>,
}

/// A configuration, and the system that it belongs to.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The system's root directory: `/`, or a chroot's.
    pub root: PathBuf,
    /// The file that makepkg reads first.
    pub file: PathBuf,
    /// The system's makepkg.
    pub makepkg: Makepkg,
    /// The user who runs makepkg, where that is not us: makepkg is never run as root.
    pub user: Option<OtherUser>,
    /// That user's, or our, home directory.
    pub home: Option<PathBuf>,
}

impl Subject {
    /// What `options`, or else MAKEPKG_CONF, ask for.
    ///
    /// A file of a devtools root (`ROOT/etc/makepkg.conf` beside `ROOT/.arch-chroot`) is about that
    /// root, however it was named: so makepkg itself names it while devtools fetches sources.
    pub fn find(options: &SubjectOptions) -> Self {
        let named = options.config.clone();
        let file = match &options.chroot {
            Some(dir) => dir.join(CONFIG),
            None => named
                .or_else(|| env::MAKEPKG_CONF.get_nonempty().map(PathBuf::from))
                .unwrap_or_else(|| Path::new("/").join(CONFIG)),
        };
        let root = options.chroot.clone().or_else(|| root_of(&file));
        let user = caller();
        let home = match &user {
            Some(user) => Some(user.home.clone()),
            None => env::HOME.get_nonempty().map(PathBuf::from),
        };
        let root = root.unwrap_or_else(|| PathBuf::from("/"));
        let makepkg = Makepkg::find(&root);
        Self { root, file, makepkg, user, home }
    }

    /// Whether it is about a chroot.
    pub fn is_chroot(&self) -> bool {
        self.root != Path::new("/")
    }

    /// How makepkg would read it.
    pub fn request(&self) -> Request {
        let mut request = Request::new(&self.file, self.makepkg.reads_drop_ins);
        request.user_files = self.file == Path::new("/").join(CONFIG);
        request.user = self.user.clone();
        request
    }

    /// Where drop-ins are: `FILE.d`.
    pub fn drop_in_dir(&self) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(".d");
        name.into()
    }

    /// The user's own file: the one that makepkg would read, or the one to make.
    pub fn user_file(&self) -> Option<PathBuf> {
        let home = self.home.as_ref()?;
        let config = match (&self.user, env::XDG_CONFIG_HOME.get_nonempty()) {
            (None, Some(dir)) => dir.into(),
            _ => home.join(".config"),
        };
        let (new, old) = (config.join("pacman/makepkg.conf"), home.join(".makepkg.conf"));
        Some(if !new.exists() && old.exists() { old } else { new })
    }
}

/// The devtools root that `file` is the configuration of.
fn root_of(file: &Path) -> Option<PathBuf> {
    let root = file.parent()?.parent()?;
    let is_chroot = root != Path::new("/") && root.join(".arch-chroot").exists();
    (file.ends_with(CONFIG) && is_chroot).then(|| root.to_owned())
}

/// The user who called us by sudo.
fn caller() -> Option<OtherUser> {
    if !Uid::effective().is_root() {
        return None;
    }
    let name = env::SUDO_USER.text().filter(|name| name != "root")?;
    let user = User::from_name(&name).ok().flatten()?;
    let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
    Some(OtherUser { uid, gid, name, home: user.dir })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_devtools_root_is_about_that_root() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("etc/makepkg.conf");
        assert_eq!(root_of(&file), None);
        crate::base::replace::write(&dir.path().join(".arch-chroot"), b"v6\n", 0o644).unwrap();
        assert_eq!(root_of(&file).as_deref(), Some(dir.path()));
        assert_eq!(root_of(&dir.path().join("etc/other.conf")), None);
        let options = SubjectOptions { config: Some(file), chroot: None };
        assert!(Subject::find(&options).is_chroot());
    }
}
