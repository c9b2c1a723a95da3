//! Progress while a build runs: read from the journal and the board, shown on the screen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::progress::board;
use crate::progress::journal::{Entry, Outcome};
use crate::progress::journal_read;
use crate::progress::record::Job;
use crate::setup::screen::Screen;
use crate::setup::tally;

/// What to look at, and what was seen of it so far.
#[derive(Debug)]
pub(super) struct Live {
    journal: PathBuf,
    board: PathBuf,
    since: SystemTime,
    /// How many units there will be, where that is known.
    expected: Option<usize>,
    shown: usize,
}

impl Live {
    /// Watches the clients whose `DISTCC_DIR` is `distcc_dir`, from now on.
    pub(super) fn new(distcc_dir: &Path, expected: Option<usize>) -> Self {
        Self {
            journal: distcc_dir.join("journal"),
            board: distcc_dir.join("state"),
            since: SystemTime::now(),
            expected,
            shown: 0,
        }
    }

    /// Everything that has ended so far.
    pub(super) fn entries(&self) -> Vec<Entry> {
        journal_read::read_since(&self.journal, self.since)
    }

    /// How far the build is, and who compiles what, in one line.
    pub(super) fn status(&self) -> String {
        let jobs = board::read_all(&self.board).unwrap_or_default();
        status(&self.entries(), &jobs, self.expected)
    }

    /// Looks, and shows what is new: on a terminal what runs where, elsewhere a line for each unit.
    pub(super) fn show(&mut self, screen: &mut Screen) {
        if screen.is_terminal() {
            screen.status(&self.status());
            return;
        }
        let entries = self.entries();
        let mut units = count_units(entries.get(..self.shown).unwrap_or_default());
        for entry in entries.iter().skip(self.shown) {
            units += usize::from(is_unit(entry));
            screen.print(&event(entry, units, self.expected));
        }
        self.shown = entries.len();
    }
}

/// Whether the entry is a unit's, and not a link's.
fn is_unit(entry: &Entry) -> bool {
    match &entry.outcome {
        Outcome::Remote { .. } => true,
        Outcome::Local { counter, .. } => !matches!(counter.as_str(), "link" | "cpp-only"),
    }
}

fn count_units(entries: &[Entry]) -> usize {
    entries.iter().filter(|entry| is_unit(entry)).count()
}

fn progress(done: usize, expected: Option<usize>) -> String {
    match expected {
        Some(expected) => {
            let width = expected.to_string().len();
            format!("[{done:width$}/{expected}]")
        }
        None => format!("[{done}]"),
    }
}

/// How far a build without volunteers is: by the objects below `dir`, since nobody keeps a journal.
pub(super) fn again(dir: &Path, expected: usize) -> String {
    let done = progress(count_objects(dir), Some(expected));
    format!("{done}  the same without volunteers, to compare")
}

fn count_objects(dir: &Path) -> usize {
    // What is not there yet has no objects.
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let count = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => count_objects(&entry.path()),
        _ => usize::from(entry.path().extension().is_some_and(|suffix| suffix == "o")),
    };
    entries.flatten().map(count).sum()
}

/// The status line: how far it is, and who compiles what.
fn status(entries: &[Entry], jobs: &[Job], expected: Option<usize>) -> String {
    let mut by_host: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for job in jobs.iter().filter(|job| !job.file.is_empty()) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let host = if job.host == b"localhost" { "here".to_owned() } else { text(&job.host) };
        by_host.entry(host).or_default().push(text(&job.file));
    }
    let mut line = progress(count_units(entries), expected);
    for (host, files) in by_host {
        line.push_str("  ");
        line.push_str(&host);
        line.push_str(": ");
        line.push_str(&files.join(" "));
    }
    line
}

/// One line about one entry.
fn event(entry: &Entry, done: usize, expected: Option<usize>) -> String {
    let place = match &entry.outcome {
        Outcome::Remote { volunteer } => tally::address(volunteer).to_owned(),
        Outcome::Local { sentence, .. } => format!("here: {sentence}"),
    };
    let failed = if entry.exit == 0 { "" } else { " (failed)" };
    format!("{} {}  {place}{failed}", progress(done, expected), tally::name(entry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::phase::Phase;
    use crate::setup::tally::{local, remote};

    fn job(host: &str, file: &str) -> Job {
        let (host, file) = (host.as_bytes().to_vec(), file.as_bytes().to_vec());
        Job { pid: 1, host, file, slot: 0, phase: Phase::Compile }
    }

    #[test]
    fn the_status_line_says_how_far_and_who() {
        let entries = [remote("a.c", "one"), local("", "link", "it links")];
        let jobs = [job("127.0.0.1", "b.c"), job("127.0.0.1", "c.c"), job("localhost", "d.c")];
        let line = status(&entries, &jobs, Some(53));
        assert_eq!(line, "[ 1/53]  127.0.0.1: b.c c.c  here: d.c");
    }

    #[test]
    fn without_a_number_of_units_only_those_done_are_counted() {
        assert_eq!(status(&[remote("a.c", "one")], &[], None), "[1]");
    }

    #[test]
    fn a_build_without_volunteers_is_followed_by_its_objects() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("kit")).unwrap();
        for name in ["kit/a.o", "kit/a.d", "kit/b.o", "c.o"] {
            std::fs::File::create(dir.path().join(name)).unwrap();
        }
        let line = again(dir.path(), 53);
        assert_eq!(line, "[ 3/53]  the same without volunteers, to compare");
        assert_eq!(count_objects(Path::new("/nowhere")), 0);
    }

    #[test]
    fn lines_tell_where_a_unit_went() {
        let entry = remote("kit/a.c", "127.0.0.1:4000/2");
        assert_eq!(event(&entry, 7, Some(53)), "[ 7/53] kit/a.c  127.0.0.1:4000");
        let entry = Entry { exit: 1, ..local("a.c", "native", "-march=native: not elsewhere") };
        assert_eq!(event(&entry, 7, None), "[7] a.c  here: -march=native: not elsewhere (failed)");
    }
}
