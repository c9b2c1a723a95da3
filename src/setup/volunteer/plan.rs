//! What is to become of a daemon's options: `/etc/conf.d/distccd`, `/etc/conf.d/distccd-armv7h`.

use std::path::{Path, PathBuf};

use rustix::fs::statfs;

use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::change::{Change, ChangeSet, Seen};
use crate::setup::volunteer::arguments::{Arguments, Wanted};
use crate::setup::volunteer::daemons::Daemon;
use crate::setup::volunteer::env_file;
use crate::targets::Target;

/// Where temporary files are fast where `/tmp` is on a disk.
const FAST: &str = "/dev/shm";
/// What statfs tells of a tmpfs. Source: statfs(2).
const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;
/// The change, and what the file says afterwards.
#[derive(Debug)]
pub(super) struct Plan {
    /// Whose options.
    pub daemon: Daemon,
    /// What is written; may be nothing.
    pub change: Option<Change>,
    /// DISTCC_ARGS afterwards.
    pub arguments: Arguments,
    /// TMPDIR afterwards, if it is set.
    pub temp_dir: Option<String>,
    /// Targets that are looked after, each of which it must serve.
    pub targets: Vec<&'static Target>,
}

impl Plan {
    /// The port that it listens on afterwards.
    pub(super) fn port(&self) -> u16 {
        self.arguments.port().unwrap_or(self.daemon.port)
    }
}

/// All files that are written.
pub(super) fn changes(plans: &[Plan]) -> ChangeSet {
    let changes = plans.iter().filter_map(|plan| plan.change.clone()).collect();
    ChangeSet { changes, ..ChangeSet::default() }
}

/// What the options of `daemon` say now.
///
/// # Errors
///
/// [`ApplyError`] for a file that cannot be read.
pub(super) fn read(root: &Path, daemon: &Daemon) -> Result<String, ApplyError> {
    // Bytes that are no text are nothing that systemd would read either.
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Seen::read(&root.join(&daemon.file))?.content.map(text).unwrap_or_default())
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

/// Reads the options of `daemon` below `root`, and works out what they should say.
///
/// # Errors
///
/// [`ApplyError`] for a file that cannot be read.
pub(super) fn plan(
    root: &Path,
    daemon: Daemon,
    wanted: &Wanted,
    temp_dir: &TempDir,
) -> Result<Plan, ApplyError> {
    let path: PathBuf = root.join(&daemon.file);
    let seen = Seen::read(&path)?;
    let old = match &seen.content {
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        None => String::new(),
    };
    let before = env_file::get(&old, "DISTCC_ARGS");
    let arguments = Arguments::read(before.as_deref().unwrap_or_default()).with(wanted);
    let start = if seen.content.is_none() { daemon.heading() } else { String::new() };
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
    let is_new = seen.content.as_deref() != Some(new.as_bytes()) && new != old;
    let change = is_new.then(|| Change::new(seen, new.into_bytes()));
    let targets = match daemon.target {
        Some(target) => vec![target],
        None => wanted.toolchains.iter().map(|(target, _)| *target).collect(),
    };
    Ok(Plan { daemon, change, arguments, temp_dir, targets })
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
            let file = root.path().join("etc/conf.d/distccd");
            crate::base::replace::write(&file, text.as_bytes(), 0o644).unwrap();
        }
        let plan = plan(root.path(), Daemon::standard(), wanted, temp_dir).unwrap();
        Some(String::from_utf8(plan.change?.new.unwrap()).unwrap())
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
