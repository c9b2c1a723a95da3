//! What this machine keeps of a root that it has enabled: how, and what takes it back.
//!
//! A directory for each root in `/var/lib/distcc-setup/chroots`, named after the root's path:
//! `enabled.json`, the runs (`apply::run`) that changed its configuration, and in `accounts` the
//! run of what installing the package changed. It is on the host, for a root can be copied or made
//! anew at any time: what was done to one at this path is not done to one at another.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::disk::{Disk, RealDisk};
use crate::base::rewrite::{self, Ownership};
use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::state::{SYSTEM_DIR, State};
use crate::setup::chroot::copied::Copied;

/// The directory in the state directory of the host.
const DIR: &str = "chroots";
/// The record's name.
const FILE: &str = "enabled.json";
/// The form of [`Record`]; other numbers are for versions to come.
const FORMAT: u32 = 1;
/// A longer record is none of ours: one of a copied package has some hundred files.
const MOST_BYTES: u64 = 1 << 20;
/// The most roots that are remembered.
const MOST_ROOTS: usize = 256;
/// The longest name of a directory.
const LONGEST_NAME: usize = 255;

/// How a root was enabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::setup) struct Record {
    format: u32,
    /// The root.
    pub(in crate::setup) root: PathBuf,
    /// What `--hosts` said, names and all.
    pub(in crate::setup) hosts: Option<String>,
    /// What `--jobs` said.
    pub(in crate::setup) jobs: Option<u32>,
    /// What `-4` and `-6` said.
    pub(in crate::setup) family: Option<u8>,
    /// How the client got there.
    pub(in crate::setup) client: ClientRecord,
}

/// How the client got into a root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::setup) enum ClientRecord {
    /// It was there before.
    Before,
    /// pacman installed the package of this name.
    Package(String),
    /// These files were copied.
    Copied(Copied),
}

impl Record {
    /// One for `root`, whose client was there before.
    pub(super) fn new(root: &Path) -> Self {
        Self {
            format: FORMAT,
            root: root.to_owned(),
            hosts: None,
            jobs: None,
            family: None,
            client: ClientRecord::Before,
        }
    }
}

/// Where the record of a root is.
#[derive(Clone, Debug)]
pub(in crate::setup) struct Store {
    /// The runs that changed its configuration.
    pub(super) runs: State,
}

impl Store {
    /// That of the root at `root`, an absolute path.
    pub(in crate::setup) fn of(root: &Path) -> Self {
        Self { runs: State { dir: top().join(name_of(root)) } }
    }

    /// The run of what installing the package changed beside the package's own files.
    pub(super) fn accounts(&self) -> State {
        State { dir: self.runs.dir.join("accounts") }
    }

    fn file(&self) -> PathBuf {
        self.runs.dir.join(FILE)
    }

    /// The record, if there is one.
    ///
    /// # Errors
    ///
    /// [`ApplyError`] for one that is there and is no good.
    pub(in crate::setup) fn load(&self) -> Result<Option<Record>, ApplyError> {
        let file = self.file();
        let bytes = match RealDisk.read(&file, MOST_BYTES) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(|error| ApplyError::Unreadable(file.clone(), error))?,
        };
        let bad = |what: String| ApplyError::BadState(file.clone(), what);
        let record: Record =
            serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
        match record.format {
            FORMAT => Ok(Some(record)),
            other => Err(bad(format!("format {other} (another version's)"))),
        }
    }

    /// Writes it; the directory is there, for it is locked.
    ///
    /// # Errors
    ///
    /// What writing met.
    pub(super) fn save(&self, record: &Record) -> Result<(), ApplyError> {
        let bad = |error: std::io::Error| ApplyError::State(self.file(), error);
        let json = serde_json::to_vec_pretty(record).map_err(|error| bad(error.into()))?;
        let ownership = Ownership { owner: None, mode: 0o644 };
        rewrite::create(&self.file(), &json, ownership).map_err(bad)
    }

    /// Removes everything about the root.
    ///
    /// # Errors
    ///
    /// What removing met.
    pub(super) fn forget(&self) -> Result<(), ApplyError> {
        let dir = &self.runs.dir;
        std::fs::remove_dir_all(dir).map_err(|error| ApplyError::State(dir.clone(), error))?;
        // The directory of all roots goes with the last of them.
        drop(std::fs::remove_dir(top()));
        Ok(())
    }
}

/// The roots that have a record, in the order of names; those whose record cannot be read are left
/// out.
pub(super) fn roots() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(top()).into_iter().flatten();
    let stores = entries
        .filter_map(|entry| Some(Store { runs: State { dir: entry.ok()?.path() } }))
        .take(MOST_ROOTS);
    let mut roots: Vec<PathBuf> =
        stores.filter_map(|store| Some(store.load().ok()??.root)).collect();
    roots.sort();
    roots
}

fn top() -> PathBuf {
    Path::new("/").join(SYSTEM_DIR).join(DIR)
}

/// A directory's name for a path: `/` is `+`, and what is no plain letter is written as its number.
fn name_of(root: &Path) -> String {
    let mut name = String::new();
    for byte in root.as_os_str().as_encoded_bytes().iter().skip(1) {
        match byte {
            b'/' => name.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"-_.".contains(byte) => {
                name.push(char::from(*byte));
            }
            byte => name += &format!("%{byte:02x}"),
        }
    }
    // Too long a name is an error when it is made, and says which.
    name.truncate(LONGEST_NAME + 1);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_root_has_a_name_of_its_own() {
        let of = |path: &str| name_of(Path::new(path));
        assert_eq!(
            of("/var/lib/archbuild/extra-x86_64/root"),
            "var+lib+archbuild+extra-x86_64+root"
        );
        assert_eq!(of("/a+b/c d/é"), "a%2bb+c%20d+%c3%a9");
        assert_ne!(of("/a/b"), of("/a+b"));
    }
}
