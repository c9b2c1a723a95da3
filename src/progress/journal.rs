//! The journal: one line of JSON for each compile, in `DISTCC_DIR/journal/`.
//!
//! Each user has a file of his own there, `UID.jsonl`, readable by him alone, because a shared
//! `DISTCC_DIR` is no reason to show everyone what is built. A file that has grown past 8 MiB
//! becomes `UID.old.jsonl`, and the one of that name before goes: at most 16 MiB a user.
//!
//! Appending is three system calls: this runs once for each translation unit.

use std::fmt::Write as _;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::OFlag;
use rustix::fs::{FlockOperation, flock};

/// Size in bytes at which a file is put aside.
pub const ROTATE_AT: u64 = 8 << 20;
/// The most bytes of one text that go into a line.
const LONGEST_TEXT: usize = 4096;
/// One entry in so many looks at the size, so that the others need not.
const LOOK_EVERY: u64 = 16;

/// What became of one compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it ended, in milliseconds since 1970.
    pub time_ms: u64,
    /// The client's process id.
    pub pid: u32,
    /// The source file, as the command line names it.
    pub unit: Vec<u8>,
    /// The compiler, as it was called.
    pub compiler: Vec<u8>,
    /// Where it was compiled, or why here.
    pub outcome: Outcome,
    /// The exit code the caller saw.
    pub exit: u8,
    /// How long each part took.
    pub spent: Spent,
    /// Bytes sent to volunteers.
    pub bytes_out: u64,
    /// Bytes received from volunteers.
    pub bytes_in: u64,
    /// Whether the unit went in pump mode.
    pub pump: Pump,
    /// Anything more that a person should know; may be empty.
    pub message: String,
    /// The build that it belongs to, if the caller named one; else empty.
    pub build: Vec<u8>,
}

/// Where a unit was compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Here.
    Local {
        /// The reason's counter id, in kebab case.
        counter: String,
        /// The reason as a sentence.
        sentence: String,
    },
    /// On a volunteer.
    Remote {
        /// The volunteer as the host list has it.
        volunteer: String,
    },
}

/// Whether a unit went in pump mode, where the host list asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pump {
    /// Nobody asked.
    #[default]
    NotAsked,
    /// It did.
    Used,
    /// It did not, and was preprocessed here.
    Plain {
        /// The reason's counter id, in kebab case.
        counter: String,
        /// The reason as a sentence.
        sentence: String,
    },
}

/// Milliseconds that each part of a compile took; 0 for what did not happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Waiting for a free slot.
    pub wait_ms: u64,
    /// Running the preprocessor.
    pub preprocess_ms: u64,
    /// Sending the request.
    pub send_ms: u64,
    /// Compiling, there or here.
    pub compile_ms: u64,
    /// Receiving the reply.
    pub receive_ms: u64,
    /// Putting the outputs into place.
    pub place_ms: u64,
}

/// `time` as entries have it.
pub fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Adds `entry` to the journal in `dir` (`DISTCC_DIR/journal`, made if it is missing).
///
/// Any number of clients may do so at once: each line is one write at the file's end.
///
/// # Errors
///
/// What opening or writing met; a compile goes on without its line.
pub fn append(dir: &Path, entry: &Entry) -> io::Result<()> {
    let uid = rustix::process::geteuid().as_raw();
    let path = dir.join(format!("{uid}.jsonl"));
    let mut file = match open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().mode(0o777).recursive(true).create(dir)?;
            open(&path)?
        }
        other => other?,
    };
    file.write_all(line(entry).as_bytes())?;
    if entry.time_ms.is_multiple_of(LOOK_EVERY) && file.metadata()?.len() >= ROTATE_AT {
        rotate(&file, &path, &dir.join(format!("{uid}.old.jsonl")))?;
    }
    Ok(())
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
    options.open(path)
}

/// Puts the full `file` aside, once, however many clients find it full at the same time.
fn rotate(file: &File, path: &Path, old: &Path) -> io::Result<()> {
    if flock(file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(());
    }
    let (ours, there) = (file.metadata()?, std::fs::symlink_metadata(path)?);
    if (ours.dev(), ours.ino()) == (there.dev(), there.ino()) {
        std::fs::rename(path, old)?;
    }
    Ok(())
}

/// The entry as one line of JSON, its end included.
pub fn line(entry: &Entry) -> String {
    let mut line = String::with_capacity(512);
    let Entry { time_ms, pid, exit, spent, bytes_out, bytes_in, .. } = entry;
    // Writing to a string cannot fail.
    let _ = write!(line, "{{\"time\":{time_ms},\"pid\":{pid},\"unit\":");
    push_text(&mut line, &entry.unit);
    line.push_str(",\"compiler\":");
    push_text(&mut line, &entry.compiler);
    match &entry.outcome {
        Outcome::Local { counter, sentence } => {
            line.push_str(",\"outcome\":\"local\",\"reason\":");
            push_text(&mut line, counter.as_bytes());
            line.push_str(",\"sentence\":");
            push_text(&mut line, sentence.as_bytes());
        }
        Outcome::Remote { volunteer } => {
            line.push_str(",\"outcome\":\"remote\",\"volunteer\":");
            push_text(&mut line, volunteer.as_bytes());
        }
    }
    let Spent { wait_ms, preprocess_ms, send_ms, compile_ms, receive_ms, place_ms } = spent;
    let _ = write!(
        line,
        ",\"exit\":{exit},\"wait_ms\":{wait_ms},\"preprocess_ms\":{preprocess_ms},\
         \"send_ms\":{send_ms},\"compile_ms\":{compile_ms},\"receive_ms\":{receive_ms},\
         \"place_ms\":{place_ms},\"bytes_out\":{bytes_out},\"bytes_in\":{bytes_in}"
    );
    match &entry.pump {
        Pump::NotAsked => {}
        Pump::Used => line.push_str(",\"pump\":\"used\""),
        Pump::Plain { counter, sentence } => {
            line.push_str(",\"pump\":\"plain\",\"plain_reason\":");
            push_text(&mut line, counter.as_bytes());
            line.push_str(",\"plain_sentence\":");
            push_text(&mut line, sentence.as_bytes());
        }
    }
    if !entry.build.is_empty() {
        line.push_str(",\"build\":");
        push_text(&mut line, &entry.build);
    }
    if !entry.message.is_empty() {
        line.push_str(",\"message\":");
        push_text(&mut line, entry.message.as_bytes());
    }
    line.push_str("}\n");
    line
}

/// Appends `text` as a JSON string. Bytes that are no UTF-8 become `\xNN`, spelt out; a very long
/// text ends in `…`.
fn push_text(line: &mut String, text: &[u8]) {
    let shown = text.get(..LONGEST_TEXT).unwrap_or(text);
    line.push('"');
    for chunk in shown.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' => line.push_str("\\\""),
                '\\' => line.push_str("\\\\"),
                '\n' => line.push_str("\\n"),
                '\t' => line.push_str("\\t"),
                control if u32::from(control) < 0x20 => {
                    let _ = write!(line, "\\u{:04x}", u32::from(control));
                }
                other => line.push(other),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(line, "\\\\x{byte:02x}");
        }
    }
    if shown.len() < text.len() {
        line.push('…');
    }
    line.push('"');
}

/// The journal's files in `dir`, old before new for each user.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ext| ext == "jsonl"))
        .collect();
    paths.sort_by_key(|path| {
        let name = path.to_string_lossy().into_owned();
        (!name.ends_with(".old.jsonl"), name)
    });
    paths
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::progress::journal_read::read_since;

    fn entry(time_ms: u64) -> Entry {
        Entry {
            time_ms,
            pid: 4711,
            unit: b"src/a.c".to_vec(),
            compiler: b"gcc".to_vec(),
            outcome: Outcome::Remote { volunteer: "10.0.0.7/8".to_owned() },
            exit: 0,
            spent: Spent { preprocess_ms: 12, compile_ms: 240, ..Spent::default() },
            bytes_out: 40_000,
            bytes_in: 7_000,
            pump: Pump::NotAsked,
            message: String::new(),
            build: Vec::new(),
        }
    }

    fn local(sentence: &str) -> Outcome {
        Outcome::Local { counter: "linking".to_owned(), sentence: sentence.to_owned() }
    }

    fn path(dir: &Path, name: &str) -> PathBuf {
        dir.join(format!("{}.{name}", rustix::process::geteuid().as_raw()))
    }

    #[test]
    fn a_line_is_json_that_a_person_can_read() {
        let shown = Entry {
            outcome: local("called for \"linking\""),
            message: "tab\there, \u{1b}[0m".to_owned(),
            build: b"hello".to_vec(),
            unit: b"sm\xf8rre\xe5d \\ \xc3\xb8.c".to_vec(),
            ..entry(1_700_000_000_000)
        };
        let lines = line(&entry(1_700_000_000_000)) + &line(&shown);
        insta::assert_snapshot!(lines, @r##"
        {"time":1700000000000,"pid":4711,"unit":"src/a.c","compiler":"gcc","outcome":"remote","volunteer":"10.0.0.7/8","exit":0,"wait_ms":0,"preprocess_ms":12,"send_ms":0,"compile_ms":240,"receive_ms":0,"place_ms":0,"bytes_out":40000,"bytes_in":7000}
        {"time":1700000000000,"pid":4711,"unit":"sm\\xf8rre\\xe5d \\ ø.c","compiler":"gcc","outcome":"local","reason":"linking","sentence":"called for \"linking\"","exit":0,"wait_ms":0,"preprocess_ms":12,"send_ms":0,"compile_ms":240,"receive_ms":0,"place_ms":0,"bytes_out":40000,"bytes_in":7000,"build":"hello","message":"tab\there, \u001b[0m"}
        "##);
    }

    #[test]
    fn entries_come_back_in_order_of_time() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("not/yet");
        for time in [3, 1, 2] {
            append(&dir, &entry(time)).unwrap();
        }
        assert_eq!(read_since(&dir, UNIX_EPOCH), [entry(1), entry(2), entry(3)]);
        let since = UNIX_EPOCH + Duration::from_millis(2);
        assert_eq!(read_since(&dir, since), [entry(2), entry(3)]);
    }

    #[test]
    fn a_user_keeps_his_journal_to_himself() {
        let dir = tempfile::tempdir().unwrap();
        append(dir.path(), &entry(1)).unwrap();
        let meta = std::fs::metadata(path(dir.path(), "jsonl")).unwrap();
        assert_eq!(meta.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_full_file_is_put_aside_and_the_one_before_goes() {
        let dir = tempfile::tempdir().unwrap();
        let (now, old) = (path(dir.path(), "jsonl"), path(dir.path(), "old.jsonl"));
        append(dir.path(), &entry(1)).unwrap();
        append(dir.path(), &entry(16)).unwrap();
        assert!(!old.exists(), "it is far from full");
        crate::base::replace::write(&now, &vec![b'\n'; 8 << 20], 0o600).unwrap();
        append(dir.path(), &entry(15)).unwrap();
        assert!(!old.exists(), "only one time in sixteen is the size looked at");
        append(dir.path(), &entry(32)).unwrap();
        append(dir.path(), &entry(33)).unwrap();
        assert_eq!(std::fs::metadata(&old).unwrap().len() / ROTATE_AT, 1);
        assert!(std::fs::metadata(&now).unwrap().len() < 1000);
        assert_eq!(read_since(dir.path(), UNIX_EPOCH), [entry(15), entry(32), entry(33)]);
    }

    #[test]
    fn a_file_that_another_client_has_put_aside_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (now, old) = (path(dir.path(), "jsonl"), path(dir.path(), "old.jsonl"));
        append(dir.path(), &entry(1)).unwrap();
        let (first, second) = (open(&now).unwrap(), open(&now).unwrap());
        rotate(&first, &now, &old).unwrap();
        append(dir.path(), &entry(2)).unwrap();
        rotate(&second, &now, &old).unwrap();
        assert!(now.exists(), "locked by the first");
        drop(first);
        rotate(&second, &now, &old).unwrap();
        assert!(now.exists(), "no longer the file of that name");
        assert_eq!(read_since(dir.path(), UNIX_EPOCH), [entry(1), entry(2)]);
    }

    #[test]
    fn clients_that_write_at_once_tear_no_line() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let dir = dir.path();
                scope.spawn(move || {
                    for count in 0..100 {
                        append(dir, &entry(writer * 1000 + count)).unwrap();
                    }
                });
            }
        });
        assert_eq!(read_since(dir.path(), UNIX_EPOCH).len(), 400);
    }

    fn plain(name: &str) -> Pump {
        Pump::Plain { counter: name.to_owned(), sentence: format!("{name}: why") }
    }

    proptest! {
        #[test]
        fn every_entry_is_one_line_and_comes_back(
            unit in ".{0,40}", compiler: String, volunteer: String, message: String, exit: u8,
            build: String, name: String,
            numbers in prop::array::uniform8(any::<u64>()), is_local: bool,
        ) {
            let [time_ms, bytes_out, bytes_in, wait_ms, compile_ms, send_ms, receive_ms, place_ms] =
                numbers;
            let written = Entry {
                time_ms, exit, message, bytes_out, bytes_in,
                unit: unit.into_bytes(),
                compiler: compiler.into_bytes(),
                build: build.into_bytes(),
                outcome: if is_local { local(&volunteer) } else { Outcome::Remote { volunteer } },
                pump: if exit == 1 { Pump::Used } else { plain(&name) },
                spent: Spent { wait_ms, compile_ms, send_ms, receive_ms, place_ms,
                               preprocess_ms: 1 },
                ..entry(0)
            };
            let line = line(&written);
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            prop_assert_eq!(crate::progress::journal_read::entry(line.trim_end().as_bytes()),
                            Some(written));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_bytes_make_a_line_that_can_be_read(unit in prop::collection::vec(any::<u8>(), 0..9000)) {
            let line = line(&Entry { unit, ..entry(0) });
            prop_assert!(line.len() < 20_000);
            prop_assert!(crate::progress::journal_read::entry(line.trim_end().as_bytes()).is_some());
        }
    }
}
