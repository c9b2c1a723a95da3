//! Who will run makepkg in the build root.
//!
//! Source: makechrootpkg of devtools 1.5: `-U`, else SUDO_USER, else the caller. Called by somebody
//! who is not root it runs itself again by sudo, and SUDO_USER is then the caller.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use nix::unistd::{Uid, User};

use crate::arch::evaluate::OtherUser;
use crate::base::env;

/// The user whose state a build shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Builder {
    /// The number, which is the same in the build root.
    pub(super) uid: u32,
    /// The number of the main group.
    pub(super) gid: u32,
    /// The name, for sentences.
    pub(super) name: String,
    /// The home directory.
    pub(super) home: PathBuf,
}

impl Builder {
    /// Finds out; `named` is the value of `-U`.
    ///
    /// # Errors
    ///
    /// A sentence: there is no such user, or makepkg would refuse to run as that one.
    pub(super) fn find(named: Option<&OsStr>) -> Result<Self, String> {
        let own = Uid::effective();
        let by_sudo = env::SUDO_USER.get_nonempty().filter(|_| own.is_root());
        let name = named.map(OsStr::to_owned).or(by_sudo);
        let found = match &name {
            Some(name) => name.to_str().and_then(|name| User::from_name(name).ok().flatten()),
            None => User::from_uid(own).ok().flatten(),
        };
        let Some(user) = found else {
            return match name {
                Some(name) => Err(format!("there is no user {}", name.display())),
                None => Self::without_entry(own),
            };
        };
        if user.uid.is_root() {
            return Err("makepkg does not build as root: call this as the user who builds, or \
                        name that user with -U"
                .to_owned());
        }
        let home = if user.uid == own { env::HOME.get_nonempty() } else { None };
        Ok(Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            name: user.name,
            home: home.map_or(user.dir, PathBuf::from),
        })
    }

    /// A caller whom the password file does not know.
    fn without_entry(uid: Uid) -> Result<Self, String> {
        let home = env::HOME.get_nonempty().map(PathBuf::from);
        Ok(Self {
            uid: uid.as_raw(),
            gid: nix::unistd::getegid().as_raw(),
            name: format!("user {uid}"),
            home: home.ok_or_else(|| format!("user {uid} has no home"))?,
        })
    }

    /// Whether that is who runs us.
    pub(super) fn is_us(&self) -> bool {
        self.uid == Uid::effective().as_raw()
    }

    /// The same, for what is to be done in the user's name; `None` where that is our own.
    pub(super) fn as_other(&self) -> Option<OtherUser> {
        let (uid, gid) = (self.uid, self.gid);
        let other = OtherUser { uid, gid, name: self.name.clone(), home: self.home.clone() };
        (!self.is_us()).then_some(other)
    }

    /// The name of the working copy that makechrootpkg uses if it is told none.
    pub(super) fn name_of_copy() -> OsString {
        let user = || User::from_uid(Uid::effective()).ok().flatten().map(|user| user.name.into());
        let name = env::SUDO_USER.get_nonempty().or_else(user);
        name.filter(|name| name != "root").unwrap_or_else(|| "copy".into())
    }
}
