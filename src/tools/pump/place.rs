//! The directory of one pump: what is in it, how it is made, and when it may be removed.
//!
//! Its name and those in it are as in distcc 3.4, whose clients count discrepancies there.

use std::fs::Permissions;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use crate::base::dirs;

/// How the directory's name begins.
const PREFIX: &str = "distcc-pump.";
/// The socket that clients ask.
const SOCKET: &str = "socket";
/// The agent's process number.
const PID_FILE: &str = "pid";
/// What an include server of distcc's printed, as the C `pump --startup` has it.
const PRINTED: [&str; 2] = ["stdout", "stderr"];
/// A byte for each unit that failed on a volunteer and not here.
const COUNTER: &str = "discrepancy_counter";
/// The longest path that a socket can have: 108 bytes with the one that ends it.
const LONGEST_SOCKET: usize = 107;
/// Where the directory is made if TMPDIR is too long.
const SHORT: &str = "/tmp";

/// A directory that is removed when this goes.
#[derive(Debug)]
pub(super) struct Place {
    dir: PathBuf,
    is_kept: bool,
}

impl Place {
    /// Makes one, for this user alone.
    ///
    /// # Errors
    ///
    /// A sentence: what making it met.
    pub(super) fn make() -> Result<Self, String> {
        let temp = std::path::absolute(dirs::temp_dir()).map_err(|error| error.to_string())?;
        let length = temp.as_os_str().len() + PREFIX.len() + SOCKET.len() + "/ABCDEF/".len();
        let parent = if length > LONGEST_SOCKET { Path::new(SHORT) } else { &temp };
        let private = Permissions::from_mode(0o700);
        let made = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(parent);
        let dir = made.map_err(|error| format!("no directory in {}: {error}", parent.display()))?;
        Ok(Self { dir: dir.keep(), is_kept: false })
    }

    /// The one that an earlier pump left for us.
    ///
    /// # Errors
    ///
    /// A sentence: it is gone, or it is not such a directory of this user's, which is not removed.
    pub(super) fn of(dir: PathBuf) -> Result<Self, String> {
        let meta = std::fs::symlink_metadata(&dir)
            .map_err(|error| format!("INCLUDE_SERVER_DIR={}: {error}", dir.display()))?;
        let name = dir.file_name().unwrap_or_default().as_bytes();
        let is_ours = meta.is_dir() && meta.uid() == Uid::effective().as_raw();
        if !is_ours || !name.starts_with(PREFIX.as_bytes()) || !dir.is_absolute() {
            return Err(format!(
                "INCLUDE_SERVER_DIR={} is no directory that `pump --startup` made for this user; \
                 nothing in it is touched",
                dir.display()
            ));
        }
        Ok(Self { dir, is_kept: false })
    }

    /// The directory.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The socket's path.
    pub(super) fn socket(&self) -> PathBuf {
        self.dir.join(SOCKET)
    }

    /// The path of the file with the agent's process number.
    pub(super) fn pid_file(&self) -> PathBuf {
        self.dir.join(PID_FILE)
    }

    /// What the include server printed on stdout and stderr; ours prints nothing.
    pub(super) fn printed(&self) -> [Vec<u8>; 2] {
        PRINTED.map(|name| std::fs::read(self.dir.join(name)).unwrap_or_default())
    }

    /// How many units failed on a volunteer and not here.
    pub(super) fn discrepancies(&self) -> u64 {
        std::fs::metadata(self.dir.join(COUNTER)).map_or(0, |meta| meta.len())
    }

    /// Leaves the directory to a later pump.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        if let Err(error) = std::fs::remove_dir_all(&self.dir)
            && error.kind() != io::ErrorKind::NotFound
        {
            crate::warning!("{} could not be removed: {error}", self.dir.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::replace;

    #[test]
    fn it_goes_with_all_that_is_in_it() {
        let place = Place::make().unwrap();
        let dir = place.dir().to_owned();
        replace::write(&dir.join(COUNTER), b"@@", 0o600).unwrap();
        assert_eq!(place.discrepancies(), 2);
        place.keep();
        drop(Place::of(dir.clone()).unwrap());
        assert!(!dir.exists());
        assert!(Place::of(dir).is_err());
    }

    #[test]
    fn nothing_else_is_removed() {
        let top = tempfile::tempdir().unwrap();
        let other = top.path().join("other");
        std::fs::create_dir(&other).unwrap();
        let link = top.path().join("distcc-pump.abcdef");
        std::os::unix::fs::symlink(&other, &link).unwrap();
        for dir in [other.clone(), link, PathBuf::from("distcc-pump.x"), PathBuf::from("/")] {
            assert!(Place::of(dir).is_err());
        }
        assert!(other.exists());
    }
}
