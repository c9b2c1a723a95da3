//! Where our files live.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::base::env;

/// System-wide host list.
pub const SYSTEM_HOSTS: &str = "/etc/distcc/hosts";
/// The daemon's first whitelist of compiler names, and Arch's link farm for it.
pub const WHITELIST: &str = "/usr/lib/distcc";
/// The name of the agent's program, which is installed in [`WHITELIST`] and is no compiler.
pub const AGENT: &str = "distcc-agent";
/// The client's masquerade directory on Arch; makepkg puts it first in PATH.
pub const MASQUERADE: &str = "/usr/lib/distcc/bin";

/// `$DISTCC_DIR`, or `$HOME/.distcc`; not created. `None` where neither variable is set.
pub fn state_dir() -> Option<PathBuf> {
    if let Some(dir) = env::DISTCC_DIR.get_nonempty() {
        return Some(PathBuf::from(dir));
    }
    env::HOME.get_nonempty().map(|home| Path::new(&home).join(".distcc"))
}

/// A directory below [`state_dir`], made (with its parents) if it is missing.
///
/// # Errors
///
/// `NotFound` where neither DISTCC_DIR nor HOME is set; else what creating it met.
pub fn state_subdir(name: &str) -> io::Result<PathBuf> {
    let state_dir = state_dir().ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, "neither DISTCC_DIR nor HOME is set")
    })?;
    let dir = state_dir.join(name);
    match DirBuilder::new().mode(0o777).create(&dir) {
        Ok(()) => Ok(dir),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(dir),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().mode(0o777).recursive(true).create(&dir).map(|()| dir)
        }
        Err(error) => Err(error),
    }
}

/// The files that hold a host list where DISTCC_HOSTS is not set: the user's, the system's.
pub fn hosts_files() -> Vec<PathBuf> {
    let user = state_dir().map(|dir| dir.join("hosts"));
    user.into_iter().chain([PathBuf::from(SYSTEM_HOSTS)]).collect()
}

/// `$TMPDIR`, or `/tmp`.
pub fn temp_dir() -> PathBuf {
    env::TMPDIR.get_nonempty().unwrap_or_else(|| OsString::from("/tmp")).into()
}
