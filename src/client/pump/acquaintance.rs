//! What we know of a volunteer in pump mode, kept in `DISTCC_DIR/volunteers`, and finding it out.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::base::disk::{Disk, RealDisk};
use crate::base::{clock, dirs, replace};
use crate::client::attempt::Attempt;
use crate::client::pump::probe::{self, Probe, Probed};
use crate::client::pump::session;
use crate::client::remote::Errand;
use crate::client::volunteers::Memory;
use crate::compiler::pump::{Obstacle, in_place_probe};
use crate::compiler::target::SentNames;
use crate::hosts::spec::HostSpec;
use crate::progress::board::Post;
use crate::protocol::agent::Form;

/// How a volunteer shows a unit's files to its compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// At their own paths, and none of its own headers.
    InPlace,
    /// Below a directory, with its own headers where the system's are: distccd 3.4.
    Stock,
}

impl Kind {
    /// The form in which such a volunteer wants a unit's files.
    pub fn form(self) -> Form {
        match self {
            Self::InPlace => Form::InPlace,
            Self::Stock => Form::Stock,
        }
    }
}

/// How long it is remembered that a volunteer shows files in place. It may be restarted as one that
/// does not, and asking is cheap.
const IN_PLACE: Duration = Duration::from_secs(3600);
/// How long the rest is remembered.
pub const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// How long a volunteer that refused is not asked again.
const REFUSED: Duration = Duration::from_secs(3600);
/// The same for one that did not answer.
const LATE: Duration = Duration::from_secs(60);
/// How long another client's question is waited for, and how often its end is looked for.
const PROBING: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(10);
/// So many failures within [`REFUSED`] are a fault of the volunteer's, and not of one unit.
const MOST_TROUBLE: u64 = 3;
/// More than this is no file of ours.
const MOST_BYTES: u64 = 4096;

/// A volunteer and one of its compilers.
#[derive(Debug)]
pub struct Acquaintance<'a> {
    host: &'a HostSpec,
    dir: Option<PathBuf>,
    name: String,
}

impl<'a> Acquaintance<'a> {
    /// What is known of `host` and its compiler `compiler`.
    pub fn of(host: &'a HostSpec, compiler: &OsStr) -> Self {
        let dir = dirs::state_dir().map(|dir| dir.join("volunteers"));
        let name = format!("{}_{}", host.lock_name(), compiler.to_string_lossy());
        Self { host, dir, name: name.replace('/', "_") }
    }

    /// The volunteer.
    pub fn host(&self) -> &'a HostSpec {
        self.host
    }

    fn file(&self, what: &str) -> Option<PathBuf> {
        Some(self.dir.as_ref()?.join(format!("{what}_{}", self.name)))
    }

    /// The file that says which headers the volunteer has.
    pub fn headers_file(&self) -> Option<PathBuf> {
        self.file("headers")
    }

    /// The file that says whether its compiler says what ours says, for this `key`.
    pub fn talk_file(&self, key: &str) -> Option<PathBuf> {
        self.file(&format!("talk_{key}"))
    }

    /// What is known, if anything.
    pub fn known(&self) -> Option<Result<Kind, Obstacle>> {
        let text = RealDisk.read(&self.file("pump")?, MOST_BYTES).ok()?;
        read(&String::from_utf8_lossy(&text), clock::seconds())
    }

    /// What kind of volunteer it is: remembered, or found out now by one client while others
    /// wait.
    ///
    /// # Errors
    ///
    /// It is none for pump mode, or this cannot be known now.
    pub fn learn(
        &self,
        attempt: &Attempt<'_>,
        errand: &Errand<'_>,
        names: &SentNames,
        post: &mut Post,
    ) -> Result<Kind, Obstacle> {
        if let Some(known) = self.known() {
            let kind = known?;
            return self.is_untroubled().map(|()| kind);
        }
        let _lock = self.lock()?;
        // Another client may have been quicker.
        if let Some(known) = self.known() {
            return known;
        }
        let (answer, period) = self.find_out(attempt, errand, names, post);
        if let Some(file) = self.file("pump") {
            session::note(&file, print(&answer, clock::seconds() + period.as_secs()).as_bytes());
        }
        answer
    }

    /// The right to ask the volunteer: whoever comes while another asks waits for its answer, if
    /// that takes no longer than a unit in plain mode.
    ///
    /// # Errors
    ///
    /// It takes longer, or nothing can be remembered.
    pub fn lock(&self) -> Result<File, Obstacle> {
        let asked = || Obstacle::new("pump-probing", "another client asks what the volunteer is");
        let nowhere =
            |error| Obstacle::new("pump-probing", format!("nothing can be remembered: {error}"));
        let dir = dirs::state_subdir("volunteers").map_err(nowhere)?;
        let path = dir.join(format!("lock_{}", self.name));
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(path).map_err(nowhere)?;
        let deadline = Instant::now() + PROBING;
        while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            if Instant::now() >= deadline {
                return Err(asked());
            }
            std::thread::sleep(LOOK);
        }
        Ok(file)
    }

    fn find_out(
        &self,
        attempt: &Attempt<'_>,
        errand: &Errand<'_>,
        names: &SentNames,
        post: &mut Post,
    ) -> (Result<Kind, Obstacle>, Duration) {
        let path = attempt.call.cwd.join("distcc-pump-probe.c");
        let source = in_place_probe(path.as_os_str().as_bytes());
        let probe = Probe::plain(&path, &source);
        let memory = Memory::of(errand.host);
        let mut probed = Probed::UnknownName;
        if names.full != names.plain && !memory.wants_plain_name(&names.plain) {
            probed = probe::compile(attempt, errand, &names.full, &probe, post);
        }
        if matches!(probed, Probed::UnknownName) {
            probed = probe::compile(attempt, errand, &names.plain, &probe, post);
            if names.full != names.plain && matches!(probed, Probed::Done(_) | Probed::Error) {
                memory.remember_plain_name(&names.plain);
            }
        }
        let volunteer = &self.host.text;
        let refused =
            |why: &str| Obstacle::new("pump-refused", format!("volunteer {volunteer}: {why}"));
        match probed {
            Probed::Done(_) => (Ok(Kind::InPlace), IN_PLACE),
            Probed::Error => (Ok(Kind::Stock), REMEMBERED),
            Probed::UnknownName => (Err(refused("it refuses pump mode, or the compiler")), REFUSED),
            Probed::Refused(why) => (Err(refused(&why)), REFUSED),
            Probed::Failed(why) => {
                let text = format!("volunteer {volunteer}: {why}");
                (Err(Obstacle::new("pump-failed", text)), LATE)
            }
        }
    }

    /// Notes that a unit failed there in pump mode.
    pub fn note_trouble(&self) {
        let Some(path) = self.file("trouble") else { return };
        let marks = if replace::is_younger(&path, REFUSED) {
            std::fs::metadata(&path).map_or(0, |meta| meta.len())
        } else {
            0
        };
        let marks = usize::try_from(marks.min(MOST_TROUBLE)).unwrap_or(0) + 1;
        session::note(&path, "@".repeat(marks).as_bytes());
    }

    /// Whether units of late went well there.
    ///
    /// # Errors
    ///
    /// Too many did not.
    pub fn is_untroubled(&self) -> Result<(), Obstacle> {
        let Some(path) = self.file("trouble") else { return Ok(()) };
        let Ok(meta) = std::fs::metadata(&path) else { return Ok(()) };
        if meta.len() < MOST_TROUBLE || !replace::is_younger(&path, REFUSED) {
            return Ok(());
        }
        let text = format!("volunteer {}: too many units failed in pump mode", self.host.text);
        Err(Obstacle::new("pump-failed", text))
    }

    /// Notes that the volunteer's objects name its temporary directory.
    pub fn note_dirty_debug(&self) {
        if let Some(path) = self.file("debug") {
            session::note(&path, b"");
        }
    }

    /// Whether debug information from there is not known to name its temporary directory.
    ///
    /// # Errors
    ///
    /// It is.
    pub fn keeps_debug_clean(&self) -> Result<(), Obstacle> {
        match self.file("debug").is_some_and(|path| replace::is_younger(&path, REMEMBERED)) {
            true => Err(names_its_directory(self.host)),
            false => Ok(()),
        }
    }
}

/// The obstacle of an object that says where the volunteer compiled it.
pub fn names_its_directory(host: &HostSpec) -> Obstacle {
    let text = format!("volunteer {}: objects name its temporary directory", host.text);
    Obstacle::new("pump-directory", text)
}

fn print(answer: &Result<Kind, Obstacle>, until: u64) -> String {
    match answer {
        Ok(Kind::InPlace) => format!("{until}\nin place\n"),
        Ok(Kind::Stock) => format!("{until}\nstock\n"),
        Err(Obstacle { counter, sentence }) => {
            format!("{until}\n{counter}\n{}\n", sentence.replace('\n', " "))
        }
    }
}

fn read(text: &str, now: u64) -> Option<Result<Kind, Obstacle>> {
    let mut lines = text.lines();
    let until: u64 = lines.next()?.parse().ok()?;
    // A time that is too far ahead was written by another clock.
    if until <= now || until > now + REMEMBERED.as_secs() {
        return None;
    }
    Some(match lines.next()? {
        "in place" => Ok(Kind::InPlace),
        "stock" => Ok(Kind::Stock),
        "pump-refused" => Err(Obstacle::new("pump-refused", lines.next()?)),
        "pump-failed" => Err(Obstacle::new("pump-failed", lines.next()?)),
        _ => return None,
    })
}

/// A short name for what `parts` say.
pub fn short_name(parts: &[&[u8]]) -> String {
    format!("{:032x}", digest(parts))
}

/// A number that no two things of one machine share but by malice of its own user.
pub fn digest(parts: &[&[u8]]) -> u128 {
    // With fixed keys, twice: it need not withstand an attacker.
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(salt);
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_known_for_a_while() {
        let refused = Obstacle::new("pump-refused", "volunteer v: no");
        for answer in [Ok(Kind::InPlace), Ok(Kind::Stock), Err(refused)] {
            let text = print(&answer, 1000);
            assert_eq!(read(&text, 999), Some(answer));
            assert_eq!(read(&text, 1000), None);
            assert_eq!(read(&text, 0).is_some(), 1000 <= REMEMBERED.as_secs());
        }
        assert_eq!(read("", 1), None);
        assert_eq!(read("99999999\nin place\n", 1), None);
        assert_eq!(read("9\nwhat\n", 1), None);
    }

    #[test]
    fn parts_are_told_apart() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_eq!(short_name(&[b"a"]).len(), 32);
    }
}
