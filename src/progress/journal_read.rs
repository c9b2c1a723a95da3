//! The journal again: lines into entries, for reports.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;

use nix::fcntl::OFlag;
use serde::Deserialize;

use crate::progress::journal::{self, Entry, Outcome, Pump, ROTATE_AT, Spent};

/// The most files and bytes that are read: eight users with full journals.
const MOST_FILES: usize = 64;
const MOST_BYTES: u64 = 16 * ROTATE_AT;
/// How every line begins; where two lines ran into one, the second starts here.
const START: &str = "{\"time\":";

/// A line as it stands in the file. What a line of another version lacks gets a default.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    time: u64,
    pid: u32,
    unit: String,
    compiler: String,
    outcome: String,
    reason: String,
    sentence: String,
    volunteer: String,
    exit: u8,
    wait_ms: u64,
    preprocess_ms: u64,
    send_ms: u64,
    compile_ms: u64,
    receive_ms: u64,
    place_ms: u64,
    bytes_out: u64,
    bytes_in: u64,
    pump: String,
    plain_reason: String,
    plain_sentence: String,
    message: String,
    build: String,
}

/// The entries in `dir` (`DISTCC_DIR/journal`) that ended at or after `since`, oldest first.
///
/// Lines that cannot be read (torn by a full disk, or of a later version) are left out, and so are
/// files of other users that we may not read, and what is no regular file.
pub fn read_since(dir: &Path, since: SystemTime) -> Vec<Entry> {
    read(dir, since, |_| true)
}

/// The same of one user alone.
pub fn read_of_user(dir: &Path, uid: u32, since: SystemTime) -> Vec<Entry> {
    let (now, old) = (format!("{uid}.jsonl"), format!("{uid}.old.jsonl"));
    read(dir, since, |name| name == now.as_str() || name == old.as_str())
}

fn read(dir: &Path, since: SystemTime, wanted: impl Fn(&OsStr) -> bool) -> Vec<Entry> {
    let since_ms = journal::unix_ms(since);
    let mut entries = Vec::new();
    let files = journal::files(dir).into_iter();
    let files = files.filter(|path| path.file_name().is_some_and(&wanted));
    let mut left = MOST_BYTES;
    for path in files.take(MOST_FILES) {
        let mut bytes = Vec::new();
        let limit = left.min(4 * ROTATE_AT);
        // A reader that is too late sees what was there in time.
        let read = open(&path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
        if let Err(error) = read {
            crate::debug!("journal {}: {error}", path.display());
        }
        left = left.saturating_sub(bytes.len() as u64);
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !is_before(line, since_ms));
        entries.extend(lines.filter_map(entry));
    }
    entries.retain(|entry| entry.time_ms >= since_ms);
    entries.sort_by_key(|entry| entry.time_ms);
    entries
}

/// Opens a regular file; whoever may write to the directory may have put anything there.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file")),
    }
}

/// Whether the line's time tells that it is not wanted, so that it need not be read. Two lines that
/// ran into one are.
fn is_before(line: &[u8], since_ms: u64) -> bool {
    let Some(rest) = line.strip_prefix(START.as_bytes()) else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let time = rest.get(..digits).and_then(|digits| str::from_utf8(digits).ok());
    time.and_then(|digits| digits.parse().ok()).is_some_and(|time: u64| time < since_ms)
        && memchr::memmem::find(rest, START.as_bytes()).is_none()
}

/// Reads one line; one that follows the torn front of another is found too.
pub fn entry(line: &[u8]) -> Option<Entry> {
    let read = serde_json::from_slice::<Line>(line).ok().or_else(|| {
        let text = str::from_utf8(line).ok()?;
        serde_json::from_str(text.get(text.rfind(START)?..)?).ok()
    })?;
    let outcome = match read.outcome.as_str() {
        "local" => Outcome::Local { counter: read.reason, sentence: read.sentence },
        "remote" => Outcome::Remote { volunteer: read.volunteer },
        _ => return None,
    };
    Some(Entry {
        time_ms: read.time,
        pid: read.pid,
        unit: read.unit.into_bytes(),
        compiler: read.compiler.into_bytes(),
        outcome,
        exit: read.exit,
        spent: Spent {
            wait_ms: read.wait_ms,
            preprocess_ms: read.preprocess_ms,
            send_ms: read.send_ms,
            compile_ms: read.compile_ms,
            receive_ms: read.receive_ms,
            place_ms: read.place_ms,
        },
        bytes_out: read.bytes_out,
        bytes_in: read.bytes_in,
        pump: match read.pump.as_str() {
            "used" => Pump::Used,
            "plain" => Pump::Plain { counter: read.plain_reason, sentence: read.plain_sentence },
            _ => Pump::NotAsked,
        },
        message: read.message,
        build: read.build.into_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;

    const LINE: &str = r#"{"time":7,"unit":"a.c","outcome":"remote","volunteer":"v"}"#;

    fn units(text: &[u8]) -> Vec<Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        crate::base::replace::write(&dir.path().join("1000.jsonl"), text, 0o600).unwrap();
        read_since(dir.path(), UNIX_EPOCH).into_iter().map(|entry| entry.unit).collect()
    }

    #[test]
    fn what_a_line_lacks_has_a_default_and_what_it_has_too_much_is_ignored() {
        let entry = entry(LINE.replace("}", ",\"later\":[1]}").as_bytes()).unwrap();
        assert_eq!(entry.spent, Spent::default());
        assert_eq!(entry.outcome, Outcome::Remote { volunteer: "v".to_owned() });
    }

    #[test]
    fn torn_lines_cost_themselves_only() {
        let torn = &LINE[..20];
        assert_eq!(units(format!("{LINE}\n{torn}").as_bytes()), [b"a.c"]);
        assert_eq!(units(format!("{torn}\n{LINE}\n").as_bytes()), [b"a.c"]);
        assert_eq!(units(format!("{torn}{LINE}\n\n{LINE}").as_bytes()), [b"a.c", b"a.c"]);
    }

    #[test]
    fn lines_of_an_earlier_time_are_left_out_even_if_torn_together() {
        let dir = tempfile::tempdir().unwrap();
        let later = LINE.replace(":7,", ":9,").replace("a.c", "b.c");
        let text = format!("{LINE}\n{}{later}\n", &LINE[..20]);
        crate::base::replace::write(&dir.path().join("1000.jsonl"), text.as_bytes(), 0o600)
            .unwrap();
        let since = UNIX_EPOCH + std::time::Duration::from_millis(8);
        let units =
            |entries: Vec<Entry>| -> Vec<_> { entries.into_iter().map(|e| e.unit).collect() };
        assert_eq!(units(read_since(dir.path(), since)), [b"b.c"]);
        assert_eq!(units(read_of_user(dir.path(), 1000, since)), [b"b.c"]);
        assert_eq!(read_of_user(dir.path(), 100, since), []);
    }

    #[test]
    fn what_is_no_file_is_passed_by() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("1.jsonl");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::fs::create_dir(dir.path().join("2.jsonl")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", dir.path().join("3.jsonl")).unwrap();
        assert_eq!(read_since(dir.path(), UNIX_EPOCH), []);
    }

    #[test]
    fn a_journal_that_is_not_there_is_empty() {
        assert_eq!(read_since(Path::new("/nonexistent"), UNIX_EPOCH), []);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            units(&bytes);
        }

        #[test]
        fn a_line_cut_anywhere_is_left_out(cut in 0..LINE.len()) {
            prop_assert_eq!(entry(&LINE.as_bytes()[..cut]), None);
        }
    }
}
