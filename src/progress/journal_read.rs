//! The journal again: lines into entries, for reports.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

use serde::Deserialize;

use crate::progress::journal::{self, Entry, Outcome, ROTATE_AT, Spent};

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
    message: String,
}

/// The entries in `dir` (`DISTCC_DIR/journal`) that ended at or after `since`, oldest first.
///
/// Lines that cannot be read (torn by a full disk, or of a later version) are left out, and so are
/// files of other users that we may not read.
pub fn read_since(dir: &Path, since: SystemTime) -> Vec<Entry> {
    let since_ms = journal::unix_ms(since);
    let mut entries = Vec::new();
    for path in journal::files(dir) {
        let mut bytes = Vec::new();
        // A reader that is too late sees what was there in time.
        let read =
            File::open(&path).and_then(|file| file.take(4 * ROTATE_AT).read_to_end(&mut bytes));
        if let Err(error) = read {
            crate::debug!("journal {}: {error}", path.display());
        }
        entries.extend(bytes.split(|byte| *byte == b'\n').filter_map(entry));
    }
    entries.retain(|entry| entry.time_ms >= since_ms);
    entries.sort_by_key(|entry| entry.time_ms);
    entries
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
        message: read.message,
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
