//! A run: what one command changed, kept so that it can be taken back.
//!
//! A directory with `run.json`, and for the file number N of it `N.before` and `N.after`, which are
//! the whole contents. It gets its name when all of that is on disk, and before any file is
//! changed; `done` is added afterwards. So the files themselves tell how far a run has come that
//! was killed: each is as before, or as after.

use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::Uid;
use serde::{Deserialize, Serialize};

use crate::base::clock;
use crate::base::disk::{Disk, RealDisk};
use crate::base::rewrite::{self, Ownership};
use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::change::{Change, ChangeSet, MOST_BYTES, Seen};
use crate::setup::apply::{diff, dirs};

/// The list of files.
const LIST: &str = "run.json";
/// Made when all files are written.
const DONE: &str = "done";
/// The form of [`Record`]; other numbers are for versions to come.
const FORMAT: u32 = 1;
/// The most files of one run; a configuration has a handful.
const MOST_FILES: usize = 64;

/// What `run.json` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    format: u32,
    /// Seconds since 1970.
    when: u64,
    /// The command, as one would type it.
    command: String,
    files: Vec<FileRecord>,
    /// Directories that were not there, the outermost first.
    made_dirs: Vec<PathBuf>,
}

/// One file of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileRecord {
    /// Where it is; no link.
    path: PathBuf,
    /// Owner, group and mode of the file that was there.
    before: Option<(u32, u32, u32)>,
    /// Whether it is there afterwards.
    after: bool,
}

/// A run that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Its directory.
    pub(crate) dir: PathBuf,
    /// The command, as one would type it.
    pub(crate) command: String,
    /// The files.
    pub(crate) files: Vec<RunFile>,
    /// Whether it came to its end.
    pub(crate) done: bool,
    when: u64,
    made_dirs: Vec<PathBuf>,
}

/// One file of a run, with its contents.
#[derive(Clone, Debug)]
pub(crate) struct RunFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its content before; `None` where there was no file.
    pub(crate) before: Option<Vec<u8>>,
    /// Its content after.
    pub(crate) after: Option<Vec<u8>>,
    ownership: Ownership,
}

/// What has become of a file since a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// It is as the run left it.
    Untouched,
    /// It is as it was before the run.
    AlreadyBack,
    /// Somebody changed it.
    Changed,
}

impl RunFile {
    /// Compares with what is there now.
    pub(crate) fn since(&self, now: &Seen) -> Since {
        match &now.content {
            now if *now == self.before => Since::AlreadyBack,
            now if *now == self.after => Since::Untouched,
            _ => Since::Changed,
        }
    }
}

impl Run {
    /// How long ago it was, in words.
    pub(crate) fn age(&self) -> String {
        words(clock::now().saturating_sub(Duration::from_secs(self.when)))
    }

    /// Whether it changed `file`.
    pub(crate) fn has(&self, file: &Path) -> bool {
        let file = rewrite::destination(file);
        self.files.iter().any(|one| one.path == file)
    }

    /// Whether it changed a file in `dir`.
    pub(crate) fn has_below(&self, dir: &Path) -> bool {
        let dir = rewrite::destination(&dir.join("file"));
        self.files.iter().any(|one| one.path.parent() == dir.parent())
    }

    /// What takes it back, given what is there now.
    ///
    /// # Errors
    ///
    /// What reading the files met.
    pub(crate) fn reversal(&self) -> Result<ChangeSet, ApplyError> {
        let mut set = ChangeSet::default();
        for file in &self.files {
            let now = Seen::read(&file.path)?;
            if file.since(&now) != Since::AlreadyBack {
                let (new, ownership) = (file.before.clone(), file.ownership);
                set.changes.push(Change { old: now, new, ownership });
            }
        }
        Ok(set)
    }

    /// Removes the directories that the run made, and that hold nothing now; and an empty one that
    /// would do harm. Gives them.
    pub(crate) fn remove_dirs(&self) -> Vec<PathBuf> {
        let gone = self.files.iter().filter(|file| file.before.is_none());
        let parents = gone.filter_map(|file| file.path.parent());
        let harmful = parents.filter(|dir| dirs::must_not_be_empty(dir)).map(Path::to_owned);
        let made = self.made_dirs.iter().rev().cloned();
        harmful.chain(made).filter(|dir| dirs::remove_empty(dir)).collect()
    }

    /// Notes that all files are written.
    ///
    /// # Errors
    ///
    /// What writing the note met.
    pub(crate) fn mark_done(&self) -> Result<(), ApplyError> {
        let file = self.dir.join(DONE);
        let private = Ownership { owner: None, mode: 0o600 };
        rewrite::create(&file, b"", private).map_err(|error| ApplyError::State(file, error))
    }

    /// Reads a run's directory.
    ///
    /// # Errors
    ///
    /// [`ApplyError::BadState`] where something in it is not as it was written.
    pub(crate) fn load(dir: &Path) -> Result<Self, ApplyError> {
        let bad = |what: String| ApplyError::BadState(dir.to_owned(), what);
        let read = |name: &str| {
            let path = dir.join(name);
            if std::fs::symlink_metadata(&path).is_ok_and(|meta| !meta.is_file()) {
                return Err(bad(format!("{name} is no regular file")));
            }
            RealDisk.read(&path, MOST_BYTES).map_err(|error| match error.kind() {
                ErrorKind::PermissionDenied => ApplyError::Unreadable(path, error),
                _ => bad(format!("{name}: {error}")),
            })
        };
        let record: Record = serde_json::from_slice(&read(LIST)?)
            .map_err(|error| bad(format!("{LIST}: {error}")))?;
        // What others can write here would become files of ours, with any owner and any mode.
        let meta = std::fs::metadata(dir).map_err(|error| bad(error.to_string()))?;
        let (uid, ours) = (meta.uid(), Uid::effective().as_raw());
        if uid != ours && uid != 0 {
            return Err(bad(format!("it belongs to user {uid}, and not to {ours}")));
        }
        if meta.mode() & 0o022 != 0 {
            return Err(bad("others may write into it".to_owned()));
        }
        if record.files.len() > MOST_FILES {
            return Err(bad(format!(
                "{LIST}: {} files, more than any run has",
                record.files.len()
            )));
        }
        if record.format != FORMAT {
            return Err(bad(format!("{LIST}: format {} (another version's)", record.format)));
        }
        let mut files = Vec::new();
        for (number, file) in record.files.into_iter().enumerate() {
            let content = |there: bool, when: &str| match there {
                true => read(&format!("{number}.{when}")).map(Some),
                false => Ok(None),
            };
            let before = content(file.before.is_some(), "before")?;
            let after = content(file.after, "after")?;
            let owner = file.before.map(|(uid, gid, _)| (uid, gid));
            let mode = file.before.map_or(0o644, |(_, _, mode)| mode);
            let ownership = Ownership { owner, mode };
            files.push(RunFile { path: file.path, before, after, ownership });
        }
        let done = dir.join(DONE).exists();
        let (dir, when, made_dirs) = (dir.to_owned(), record.when, record.made_dirs);
        let command = diff::escaped(record.command.as_bytes());
        Ok(Self { dir, command, files, done, when, made_dirs })
    }

    /// Writes what `set` is about to change into `dir`, which is there and empty.
    pub(super) fn save(set: &ChangeSet, command: &str, dir: &Path) -> io::Result<()> {
        let private = Ownership { owner: None, mode: 0o600 };
        let put = |name: &str, content: &[u8]| rewrite::create(&dir.join(name), content, private);
        let mut files = Vec::new();
        let mut made_dirs = Vec::new();
        for (number, change) in set.changes.iter().enumerate() {
            let path = rewrite::destination(change.path());
            for dir in dirs::missing(&path) {
                if !made_dirs.contains(&dir) {
                    made_dirs.push(dir);
                }
            }
            let mut before = None;
            if let Some(content) = &change.old.content {
                let meta = std::fs::metadata(&path)?;
                before = Some((meta.uid(), meta.gid(), meta.mode() & 0o7777));
                put(&format!("{number}.before"), content)?;
            }
            if let Some(content) = &change.new {
                put(&format!("{number}.after"), content)?;
            }
            files.push(FileRecord { path, before, after: change.new.is_some() });
        }
        let when = clock::seconds();
        let record = Record { format: FORMAT, when, command: command.to_owned(), files, made_dirs };
        put(LIST, &serde_json::to_vec_pretty(&record)?)
    }
}

/// A length of time, roughly: people want to recognise what they did.
fn words(age: Duration) -> String {
    let seconds = age.as_secs();
    let (count, unit) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} ago")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    proptest::proptest! {
        #[test]
        fn no_list_of_files_is_too_strange_to_be_refused(list: Vec<u8>) {
            let dir = tempfile::tempdir().unwrap();
            crate::base::replace::write(&dir.path().join(LIST), &list, 0o600).unwrap();
            proptest::prop_assert!(Run::load(dir.path()).is_err());
        }
    }

    #[test]
    fn a_list_that_names_what_is_not_there_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let load = |list: &str| {
            let file = dir.path().join(LIST);
            crate::base::replace::write(&file, list.as_bytes(), 0o600).unwrap();
            Run::load(dir.path()).map(|run| run.command).map_err(|error| error.to_string())
        };
        let list = r#"{"format": 1, "when": 7, "command": "c", "made_dirs": [], "files": []}"#;
        assert_eq!(load(list).unwrap(), "c");
        assert!(load(&list.replace(": 1", ": 2")).unwrap_err().contains("another version's"));
        let file = r#"[{"path": "/x", "before": null, "after": true}]"#;
        assert!(
            load(&list.replace("\"files\": []", &format!("\"files\": {file}")))
                .unwrap_err()
                .contains("0.after")
        );
    }

    #[test]
    fn what_others_may_write_is_not_used_nor_shown_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let list = r#"{"format": 1, "when": 7, "command": "\u001b[2J", "made_dirs": [],
                       "files": [{"path": "/x", "before": null, "after": true}]}"#;
        let (file, after) = (dir.path().join(LIST), dir.path().join("0.after"));
        crate::base::replace::write(&file, list.as_bytes(), 0o600).unwrap();
        nix::unistd::mkfifo(&after, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let load = || Run::load(dir.path()).map(|run| run.command).map_err(|e| e.to_string());
        assert!(load().unwrap_err().contains("0.after is no regular file"));
        std::fs::remove_file(&after).unwrap();
        crate::base::replace::write(&after, b"", 0o600).unwrap();
        assert_eq!(load().unwrap(), "\\u{1b}[2J");
        let chmod = |mode| std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(mode));
        chmod(0o777).unwrap();
        assert!(load().unwrap_err().contains("others may write into it"));
        chmod(0o700).unwrap();
        if Uid::effective().is_root() {
            std::os::unix::fs::chown(dir.path(), Some(65534), None).unwrap();
            assert!(load().unwrap_err().contains("it belongs to user 65534"));
        }
    }

    #[test]
    fn ages_are_rough() {
        let of = |seconds| words(Duration::from_secs(seconds));
        assert_eq!([of(5), of(60), of(7200)], ["just now", "1 minute ago", "2 hours ago"]);
        assert_eq!(of(86_400 * 3), "3 days ago");
    }
}
