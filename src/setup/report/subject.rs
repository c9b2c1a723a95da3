//! What a report is about: a stretch of the journal.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::{Timestamp, Zoned};

use crate::progress::journal::Entry;
use crate::progress::journal_read::{read_of_user, read_since};
use crate::setup::report::ReportOptions;
use crate::setup::report::mark::{self, Mark};
use crate::setup::report::when;
use crate::setup::tally::{Tally, shown};

/// What was asked for, and what there is.
#[derive(Debug)]
pub(super) struct Subject {
    /// The directory of the journal.
    pub dir: PathBuf,
    /// The build, if it is about one.
    pub build: Option<Mark>,
    /// From when on, if not from the beginning.
    pub since: Option<Timestamp>,
    /// Its entries, oldest first.
    pub entries: Vec<Entry>,
    /// These added up.
    pub tally: Tally,
}

impl Subject {
    /// Finds it in `dir` (`DISTCC_DIR/journal`).
    ///
    /// # Errors
    ///
    /// A sentence: the moment cannot be read, or no build has left a mark.
    pub(super) fn find(options: &ReportOptions, dir: &Path) -> Result<Self, String> {
        let build = match &options.last_build {
            None => None,
            Some(name) => Some(Self::build(dir, name.as_deref())?),
        };
        let since = match (&build, &options.since) {
            (Some(mark), _) => i64::try_from(mark.time).ok().and_then(at_millisecond),
            (None, Some(text)) => {
                Some(when::read(text, &Zoned::now()).map_err(|error| error.to_string())?)
            }
            (None, None) => None,
        };
        let from = since.map_or(UNIX_EPOCH, system_time);
        let entries = match &build {
            Some(mark) => of_build(read_of_user(dir, mark.uid, from), mark),
            None => read_since(dir, from),
        };
        let tally = Tally::of(&entries, &[]);
        Ok(Self { dir: dir.to_owned(), build, since, entries, tally })
    }

    fn build(dir: &Path, name: Option<&str>) -> Result<Mark, String> {
        mark::last(dir, name).ok_or_else(|| {
            let name = name.map(|name| format!(" of {}", shown(name))).unwrap_or_default();
            format!(
                "no build{name} has left its mark in {}; makepkg's hook leaves one if distcc is in \
                 BUILDENV (see what there is with --since 1h)",
                dir.display()
            )
        })
    }

    /// What it is about, as a heading.
    pub(super) fn heading(&self) -> String {
        if let Some(mark) = &self.build {
            let since = self.since.map(local).unwrap_or_default();
            return format!("Build of {}, since {since}", mark.shown());
        }
        match self.tally.span() {
            Some((start, end)) => format!("From {} to {}", local_ms(start), local_ms(end)),
            None => "Nothing".to_owned(),
        }
    }
}

/// The entries that belong to the build, among those of its user since its mark: those that name
/// it, or where none does, because it was marked by hand, those that name no build.
fn of_build(mut entries: Vec<Entry>, mark: &Mark) -> Vec<Entry> {
    let name = mark.build.as_bytes();
    let named = entries.iter().any(|entry| entry.build == name);
    entries.retain(|entry| if named { entry.build == name } else { entry.build.is_empty() });
    entries
}

fn at_millisecond(time: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(time).ok()
}

fn system_time(moment: Timestamp) -> SystemTime {
    let since = u64::try_from(moment.as_millisecond()).unwrap_or(0);
    UNIX_EPOCH + Duration::from_millis(since)
}

/// A moment as people here read it: `2026-11-28 10:30:05`.
fn local(moment: Timestamp) -> String {
    let zoned = moment.to_zoned(Zoned::now().time_zone().clone());
    zoned.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The same for milliseconds since 1970.
pub(super) fn local_ms(time: u64) -> String {
    i64::try_from(time).ok().and_then(at_millisecond).map_or_else(|| "?".to_owned(), local)
}
