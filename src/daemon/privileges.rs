//! Becoming a user who can do little, before any client is heard.

use std::io::{self, Write};

use nix::unistd::{Gid, Uid, User};

use crate::{notice, warning};

/// Users that a daemon started by root becomes, the first that exists: distcc's own, Debian's name
/// for it, and the one that owns nothing.
const USERS: [&str; 3] = ["distcc", "distccd", "nobody"];
/// Where none of them exists.
const NOBODY: u32 = 65534;

/// Who the daemon is going to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persona {
    /// User id.
    pub uid: Uid,
    /// Group id; the only group.
    pub gid: Gid,
}

impl Persona {
    /// The user to become: only root changes, to `wanted` or the first usual one.
    pub fn choose(wanted: Option<&str>) -> Option<Self> {
        if !Uid::effective().is_root() {
            if let Some(wanted) = wanted {
                notice!("--user {wanted} is ignored: only root can change the user");
            }
            return None;
        }
        let find = |name: &str| User::from_name(name).ok().flatten();
        if let Some(name) = wanted.filter(|name| find(name).is_none()) {
            warning!("there is no user {name}; another is taken");
        }
        let user = wanted.into_iter().chain(USERS).find_map(find);
        Some(match user {
            Some(user) => Self { uid: user.uid, gid: user.gid },
            None => Self { uid: Uid::from_raw(NOBODY), gid: Gid::from_raw(NOBODY) },
        })
    }

    /// Becomes this user, for good.
    ///
    /// # Errors
    ///
    /// A step was refused; then nothing must be served.
    pub fn become_it(self) -> io::Result<()> {
        nix::unistd::setgroups(&[self.gid])?;
        nix::unistd::setgid(self.gid)?;
        nix::unistd::setuid(self.uid)?;
        if !self.uid.is_root() && nix::unistd::setuid(Uid::from_raw(0)).is_ok() {
            return Err(io::Error::other("root came back"));
        }
        Ok(())
    }
}

/// Neither the daemon nor a compiler gains rights by running a program.
///
/// # Errors
///
/// The kernel is older than 3.5.
pub fn gain_nothing() -> io::Result<()> {
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// Makes way for others: nice level, and the out-of-memory killer's eye. Failures are told, and
/// are no reason not to serve.
pub fn be_nice(nice: i32, oom_score_adj: Option<i32>) {
    if nice != 0
        && let Err(error) = rustix::process::nice(nice)
    {
        warning!("cannot change the nice level by {nice}: {error}");
    }
    if let Some(value) = oom_score_adj {
        let file = std::fs::OpenOptions::new().write(true).open("/proc/self/oom_score_adj");
        if let Err(error) = file.and_then(|mut file| file.write_all(value.to_string().as_bytes())) {
            warning!("cannot set oom_score_adj to {value}: {error}");
        }
    }
}

/// Raises the limit of open files as far as it goes, and switches core files of compilers off.
/// Gives the number of files that may be open.
pub fn set_limits() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let none = Rlimit { current: Some(0), maximum: getrlimit(Resource::Core).maximum };
    let _ = setrlimit(Resource::Core, none);
    let files = getrlimit(Resource::Nofile);
    // Without a limit, as much as anyone can use.
    let most = files.maximum.unwrap_or(1 << 20);
    let raised = Rlimit { current: Some(most), maximum: files.maximum };
    let current =
        if setrlimit(Resource::Nofile, raised).is_ok() { Some(most) } else { files.current };
    current.and_then(|count| usize::try_from(count).ok()).unwrap_or(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_becomes_someone_else() {
        let persona = Persona::choose(Some("nobody"));
        assert_eq!(persona.is_some(), Uid::effective().is_root());
        if let Some(persona) = persona {
            assert_ne!(persona.uid.as_raw(), 0);
        }
    }

    #[test]
    fn a_user_who_does_not_exist_is_replaced() {
        if Uid::effective().is_root() {
            let persona = Persona::choose(Some("no-such-user-here")).unwrap();
            assert!(!persona.uid.is_root());
        }
    }
}
