//! What is to become of `/etc/conf.d/distccd`.

use std::path::{Path, PathBuf};

use rustix::fs::statfs;

use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::change::{Change, ChangeSet, Seen};
use crate::setup::volunteer::arguments::{Arguments, Wanted};
use crate::setup::volunteer::env_file;

/// The file, below a root.
pub(super) const FILE: &str = "etc/conf.d/distccd";
/// Where temporary files are fast where `/tmp` is on a disk.
const FAST: &str = "/dev/shm";
/// What statfs tells of a tmpfs. Source: statfs(2).
const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;
/// The heading of a file that we make.
const HEADING: &str = "# Options of distccd(1), for distccd.service. One line; systemd splits it \
                       at blanks, and no\n# shell reads it.\n";

/// The change, and what the file says afterwards.
#[derive(Debug)]
pub(super) struct Plan {
    /// What is written; may be nothing.
    pub changes: ChangeSet,
    /// DISTCC_ARGS afterwards.
    pub arguments: Arguments,
    /// TMPDIR afterwards, if it is set.
    pub temp_dir: Option<String>,
}

/// Where the daemon's temporary files are to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TempDir {
    /// Where the file says; else in `/tmp`, or in `/dev/shm` if that is in memory and `/tmp` is
    /// not.
    Fitting,
    /// Here.
    At(String),
}

/// Reads the file below `root`, and works out what it should say.
///
/// # Errors
///
/// [`ApplyError`] for a file that cannot be read.
pub(super) fn plan(root: &Path, wanted: &Wanted, temp_dir: &TempDir) -> Result<Plan, ApplyError> {
    let path: PathBuf = root.join(FILE);
    let seen = Seen::read(&path)?;
    let old = match &seen.content {
        // Bytes that are no text are nothing that systemd would read either.
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        None => String::new(),
    };
    let before = env_file::get(&old, "DISTCC_ARGS");
    let arguments = Arguments::read(before.as_deref().unwrap_or_default()).with(wanted);
    let start = if seen.content.is_none() { HEADING } else { "" };
    let mut new = format!("{start}{old}");
    if before.as_deref() != Some(&arguments.text()) {
        new = env_file::set(&new, "DISTCC_ARGS", &arguments.text());
    }
    let set = env_file::get(&old, "TMPDIR");
    let temp_dir = match temp_dir {
        TempDir::At(dir) => Some(dir.clone()),
        TempDir::Fitting => set.clone().or_else(|| fitting_temp_dir(root)),
    };
    if let Some(dir) = temp_dir.as_ref().filter(|_| temp_dir != set) {
        new = env_file::set(&new, "TMPDIR", dir);
    }
    let mut changes = ChangeSet::default();
    if seen.content.as_deref() != Some(new.as_bytes()) && new != old {
        changes.changes.push(Change::new(seen, new.into_bytes()));
    }
    Ok(Plan { changes, arguments, temp_dir })
}

/// A directory in memory, if `/tmp` is on a disk. What is mounted tells of the running system only.
fn fitting_temp_dir(root: &Path) -> Option<String> {
    let running = root == Path::new("/");
    let on_disk = running && !is_in_memory("/tmp");
    (on_disk && is_in_memory(FAST)).then(|| FAST.to_owned())
}

fn is_in_memory(dir: &str) -> bool {
    statfs(dir).is_ok_and(|found| found.f_type == TMPFS_MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file becomes.
    fn becomes(text: Option<&str>, wanted: &Wanted, temp_dir: &TempDir) -> Option<String> {
        let root = tempfile::tempdir().unwrap();
        if let Some(text) = text {
            std::fs::create_dir_all(root.path().join("etc/conf.d")).unwrap();
            crate::base::replace::write(&root.path().join(FILE), text.as_bytes(), 0o644).unwrap();
        }
        let plan = plan(root.path(), wanted, temp_dir).unwrap();
        let change = plan.changes.changes.first()?;
        Some(String::from_utf8(change.new.clone().unwrap()).unwrap())
    }

    #[test]
    fn arch_s_file_gets_one_new_line_and_keeps_all_others() {
        let arch = "#\n# Parameters to be passed to distccd\n#\nDISTCC_ARGS=\"--allow 127.0.0.1\"\n\
                    #DISTCC_ARGS=\"--allow 192.168.0.0/24\"\nPATH=/usr/bin\n";
        let new = becomes(Some(arch), &Wanted::default(), &TempDir::Fitting).unwrap();
        let expected = arch
            .replace("\"--allow 127.0.0.1\"", "\"--allow-private --log-file /tmp/distccd.log\"");
        assert_eq!(new, expected);
        assert_eq!(becomes(Some(&new), &Wanted::default(), &TempDir::Fitting), None);
    }

    #[test]
    fn a_file_that_is_not_there_is_made() {
        let wanted = Wanted { jobs: Some(6), ..Wanted::default() };
        let new = becomes(None, &wanted, &TempDir::At("/run/distccd".into())).unwrap();
        insta::assert_snapshot!(new, @r#"
        # Options of distccd(1), for distccd.service. One line; systemd splits it at blanks, and no
        # shell reads it.
        DISTCC_ARGS="--allow-private --jobs 6 --log-file /tmp/distccd.log"
        TMPDIR="/run/distccd"
        "#);
    }

    #[test]
    fn a_directory_that_somebody_chose_stays() {
        let text = "TMPDIR=/var/tmp\nDISTCC_ARGS=--allow-private\n";
        assert_eq!(becomes(Some(text), &Wanted::default(), &TempDir::Fitting), None);
        let new = becomes(Some(text), &Wanted::default(), &TempDir::At("/x".into())).unwrap();
        assert_eq!(new, "TMPDIR=\"/x\"\nDISTCC_ARGS=--allow-private\n");
    }
}
