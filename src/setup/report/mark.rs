//! Marks: when builds began, so that a report can be about one of them.
//!
//! Each user has a file of marks beside his journal, `DISTCC_DIR/journal/UID.builds`, with a line
//! of JSON for each build. makepkg's hook adds one when a build begins.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use serde::{Deserialize, Serialize};

use crate::base::replace;
use crate::setup::tally::shown;

/// A file that is longer keeps its newest marks only.
const FULL: usize = 64 << 10;
/// How many those are.
const KEPT: usize = 32;
/// The most bytes that are read.
const MOST_BYTES: u64 = 4 * FULL as u64;
/// The most letters of a build's name.
const LONGEST_NAME: usize = 256;
/// The most files that are looked at.
const MOST_FILES: usize = 64;

/// The beginning of a build.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Mark {
    /// When, in milliseconds since 1970.
    pub time: u64,
    /// What is built: the package's name.
    pub build: String,
    /// Whose build it is.
    #[serde(skip)]
    pub uid: u32,
}

/// Marks the beginning of a build of `name` in `dir` (`DISTCC_DIR/journal`, made if missing).
///
/// # Errors
///
/// What making or writing the file met.
pub(super) fn write(dir: &Path, name: &str, time: u64) -> io::Result<()> {
    let uid = rustix::process::geteuid().as_raw();
    let path = path(dir, uid);
    DirBuilder::new().mode(0o777).recursive(true).create(dir)?;
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    options.custom_flags(OFlag::O_NOFOLLOW.bits() | OFlag::O_NONBLOCK.bits());
    let mut file = options.open(&path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file"));
    }
    let build = name.chars().take(LONGEST_NAME).collect();
    let mut line = serde_json::to_string(&Mark { time, build, uid })?;
    line.push('\n');
    file.write_all(line.as_bytes())?;
    if file.metadata()?.len() > FULL as u64 {
        trim(&path)?;
    }
    Ok(())
}

/// Leaves the newest marks alone. A mark that another build adds meanwhile may be lost, once in a
/// thousand builds: its report begins with the journal's own time then.
fn trim(path: &Path) -> io::Result<()> {
    let text = read_file(path)?;
    let lines: Vec<_> = text.lines().collect();
    let kept = lines.get(lines.len().saturating_sub(KEPT)..).unwrap_or_default();
    replace::write(path, (kept.join("\n") + "\n").as_bytes(), 0o600)
}

/// The newest mark in `dir`: of anyone whose marks we may read, and of the build `name` if given.
pub(super) fn last(dir: &Path, name: Option<&str>) -> Option<Mark> {
    let files = std::fs::read_dir(dir).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let marks = files.filter_map(|path| Some((uid_of(&path)?, path))).take(MOST_FILES);
    let marks = marks.flat_map(|(uid, path)| {
        // A file that may not be read is another user's.
        let text = read_file(&path).unwrap_or_default();
        let marks = text.lines().filter_map(|line| serde_json::from_str::<Mark>(line).ok());
        marks.map(|mark| Mark { uid, ..mark }).collect::<Vec<_>>()
    });
    marks.filter(|mark| name.is_none_or(|name| mark.is_of(name))).max_by_key(|mark| mark.time)
}

impl Mark {
    /// Whether it is the build called `name`, or one of that package in some build root.
    fn is_of(&self, name: &str) -> bool {
        self.build == name || self.parts().1.is_some_and(|_| self.parts().0 == name)
    }

    /// The package, and the build root if it is built in one; a package's name has no colon.
    fn parts(&self) -> (&str, Option<&str>) {
        match self.build.split_once(':') {
            Some((package, root)) => (package, Some(root)),
            None => (&self.build, None),
        }
    }

    /// The build, for sentences.
    pub(super) fn shown(&self) -> String {
        match self.parts() {
            (package, Some(root)) => format!("{} in {}", shown(package), shown(root)),
            (package, None) => shown(package),
        }
    }
}

fn path(dir: &Path, uid: u32) -> PathBuf {
    dir.join(format!("{uid}.builds"))
}

/// Whose file it is, if it is one of marks.
fn uid_of(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_suffix(".builds")?.parse().ok()
}

fn read_file(path: &Path) -> io::Result<String> {
    let flags = OFlag::O_NONBLOCK.bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn uid() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn the_newest_mark_is_found_and_that_of_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("not/yet");
        assert_eq!(last(&dir, None), None);
        for (time, name) in [(1, "one"), (2, "two"), (3, "one"), (4, "th\"r\nee")] {
            write(&dir, name, time).unwrap();
        }
        let newest = Mark { time: 4, build: "th\"r\nee".to_owned(), uid: uid() };
        assert_eq!(last(&dir, None), Some(newest));
        assert_eq!(last(&dir, Some("one")).unwrap().time, 3);
        assert_eq!(last(&dir, Some("four")), None);
        write(&dir, "one:extra-x86_64/me", 5).unwrap();
        assert_eq!(last(&dir, Some("one")).unwrap().time, 5);
        assert_eq!(last(&dir, Some("one:extra-x86_64/me")).unwrap().time, 5);
        assert_eq!(last(&dir, Some("one")).unwrap().shown(), "one in extra-x86_64/me");
        assert_eq!(last(&dir, Some("one:extra")), None);
    }

    #[test]
    fn a_full_file_keeps_the_newest() {
        let dir = tempfile::tempdir().unwrap();
        let name = "n".repeat(1000);
        for time in 0..300 {
            write(dir.path(), &name, time).unwrap();
        }
        assert_eq!(last(dir.path(), None).unwrap().time, 299);
        let size = std::fs::metadata(path(dir.path(), uid())).unwrap().len();
        assert!(size <= FULL as u64, "{size}");
    }

    #[test]
    fn what_is_no_file_is_neither_read_nor_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), uid());
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(last(dir.path(), None), None);
        assert!(write(dir.path(), "one", 1).is_err());
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(write(dir.path(), "one", 1).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let dir = tempfile::tempdir().unwrap();
            replace::write(&dir.path().join("7.builds"), &bytes, 0o600).unwrap();
            last(dir.path(), None);
        }
    }
}
