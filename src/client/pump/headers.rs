//! Whether a stock volunteer's own headers are ours.
//!
//! A stock volunteer takes the system's headers from its own directories. The agent says which of
//! them a unit may open, and which must not exist there. What is not known of the volunteer yet is
//! asked by a unit that takes these headers into its object as they are, and compares.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::base::clock;
use crate::base::disk::{Disk, RealDisk};
use crate::client::attempt::Attempt;
use crate::client::pump::acquaintance::{Acquaintance, REMEMBERED, digest};
use crate::client::pump::gather::Files;
use crate::client::pump::probe::{self, Probe, Probed};
use crate::client::pump::session;
use crate::client::remote::Errand;
use crate::compiler::pump::{Obstacle, header_mark, headers_probe};
use crate::progress::board::Post;
use crate::protocol::agent::SystemHeader;

/// The most bytes of headers that are asked for at once, and of one header.
const AT_ONCE: usize = 4 << 20;
/// The most headers, or absent ones, that are asked for at once.
const MOST_AT_ONCE: usize = 2000;
/// How many are remembered of one volunteer.
const MOST_KNOWN: usize = 200_000;
/// Bytes of one that is remembered.
const DIGEST: usize = 16;
/// How a file of ours begins.
const MAGIC: &[u8; 8] = b"headers1";

/// Makes sure that the volunteer has the headers that the unit takes from it.
///
/// # Errors
///
/// It has others, or will not tell.
pub fn verify(
    attempt: &Attempt<'_>,
    acquaintance: &Acquaintance<'_>,
    errand: &Errand<'_>,
    name: &OsStr,
    files: &Files,
    post: &mut Post,
) -> Result<(), Obstacle> {
    // An include server of distcc's says nothing of them; it is the user's choice.
    let Some(of_system) = &files.of_system else { return Ok(()) };
    let mut known = Known::read(acquaintance);
    if let Some(how) = &known.other {
        return Err(differs(errand, how));
    }
    let present: Vec<_> = of_system.present.iter().filter(|one| !known.has(&key(one))).collect();
    let absent: Vec<_> =
        of_system.absent.iter().filter(|one| !known.has(&absent_key(one))).collect();
    if present.is_empty() && absent.is_empty() {
        return Ok(());
    }
    let checked = check(attempt, errand, name, &present, &absent, post);
    match checked {
        Ok(()) => {
            known.add(present.iter().map(|one| key(one)));
            known.add(absent.iter().map(|one| absent_key(one)));
        }
        // It may be another's fault next time.
        Err(Checked::Failed(why)) => {
            let text = format!("volunteer {}: {why}", errand.host.text);
            return Err(Obstacle::new("pump-failed", text));
        }
        Err(Checked::Differs(how)) => known.other = Some(how),
    }
    known.write(acquaintance);
    known.other.map_or(Ok(()), |how| Err(differs(errand, &how)))
}

fn differs(errand: &Errand<'_>, how: &str) -> Obstacle {
    Obstacle::new("pump-headers", format!("volunteer {}: {how}", errand.host.text))
}

fn key(header: &SystemHeader) -> u128 {
    digest(&[b"present", &header.path, &header.stamp])
}

fn absent_key(path: &[u8]) -> u128 {
    digest(&[b"absent", path])
}

/// What a check found.
enum Checked {
    /// The volunteer has other headers, or it cannot be asked for them: how so.
    Differs(String),
    /// There was no answer.
    Failed(String),
}

/// Asks in batches.
fn check(
    attempt: &Attempt<'_>,
    errand: &Errand<'_>,
    name: &OsStr,
    present: &[&SystemHeader],
    absent: &[&Vec<u8>],
    post: &mut Post,
) -> Result<(), Checked> {
    for batch in absent.chunks(MOST_AT_ONCE) {
        let batch: Vec<&[u8]> = batch.iter().map(|path| path.as_slice()).collect();
        compare(attempt, errand, name, &[], &batch, post)?;
    }
    let mut batch: Vec<(&[u8], Vec<u8>)> = Vec::new();
    let mut bytes = 0;
    for header in present {
        let path = header.path.as_slice();
        let text = String::from_utf8_lossy(path);
        let content = RealDisk
            .read(Path::new(OsStr::from_bytes(path)), AT_ONCE as u64)
            .map_err(|error| Checked::Failed(format!("{text} cannot be compared: {error}")))?;
        if bytes + content.len() > AT_ONCE || batch.len() >= MOST_AT_ONCE {
            compare(attempt, errand, name, &batch, &[], post)?;
            batch.clear();
            bytes = 0;
        }
        bytes += content.len();
        batch.push((path, content));
    }
    if batch.is_empty() { Ok(()) } else { compare(attempt, errand, name, &batch, &[], post) }
}

fn compare(
    attempt: &Attempt<'_>,
    errand: &Errand<'_>,
    name: &OsStr,
    present: &[(&[u8], Vec<u8>)],
    absent: &[&[u8]],
    post: &mut Post,
) -> Result<(), Checked> {
    let paths: Vec<&[u8]> = present.iter().map(|(path, _)| *path).collect();
    let odd = || Checked::Failed("a header's name cannot be asked for".to_owned());
    let source = headers_probe(&paths, absent).ok_or_else(odd)?;
    let path = attempt.call.cwd.join("distcc-pump-probe.c");
    let probe = Probe::plain(&path, &source);
    let object = match probe::compile(attempt, errand, name, &probe, post) {
        Probed::Done(reply) => reply.object,
        Probed::Error if present.is_empty() => {
            return Err(Checked::Differs("it has headers that this machine lacks".to_owned()));
        }
        Probed::Error => {
            return Err(Checked::Differs("it lacks headers of this machine".to_owned()));
        }
        Probed::UnknownName => return Err(Checked::Failed("it refuses a probe".to_owned())),
        Probed::Refused(why) | Probed::Failed(why) => return Err(Checked::Failed(why)),
    };
    let expected = expected(present);
    match memchr::memmem::find(&object, &expected) {
        Some(_) => Ok(()),
        None => {
            let first = first_difference(present, &object);
            let how = format!("its {first} is not that of this machine");
            Err(Checked::Differs(how))
        }
    }
}

/// What the object holds if the headers are ours.
fn expected(present: &[(&[u8], Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, (_, content)) in present.iter().enumerate() {
        bytes.extend(header_mark(number).bytes());
        bytes.extend(content);
    }
    bytes.extend(header_mark(present.len()).bytes());
    bytes
}

/// The first header that differs, for a message.
fn first_difference(present: &[(&[u8], Vec<u8>)], object: &[u8]) -> String {
    let differs = |(number, (_, content)): &(usize, &(&[u8], Vec<u8>))| {
        let (before, after) = (header_mark(*number), header_mark(number + 1));
        let expected = [before.as_bytes(), content, after.as_bytes()].concat();
        memchr::memmem::find(object, &expected).is_none()
    };
    let found = present.iter().enumerate().find(differs);
    found.map_or_else(|| "header".to_owned(), |(_, (path, _))| String::from_utf8_lossy(path).into())
}

/// What is remembered of one volunteer.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    /// In seconds since 1970: until when.
    until: u64,
    /// How its headers differ, if they do.
    other: Option<String>,
    /// Sorted.
    digests: Vec<u128>,
    /// Others, not sorted in yet.
    added: BTreeSet<u128>,
}

impl Known {
    fn read(acquaintance: &Acquaintance<'_>) -> Self {
        let now = clock::seconds();
        let most = (MOST_KNOWN * DIGEST + 4096) as u64;
        let read = acquaintance.headers_file().and_then(|path| RealDisk.read(&path, most).ok());
        read.and_then(|bytes| Self::decode(&bytes, now))
            .unwrap_or_else(|| Self { until: now + REMEMBERED.as_secs(), ..Self::default() })
    }

    fn write(&self, acquaintance: &Acquaintance<'_>) {
        if let Some(path) = acquaintance.headers_file() {
            session::note(&path, &self.encode());
        }
    }

    fn has(&self, digest: &u128) -> bool {
        self.digests.binary_search(digest).is_ok()
    }

    fn add(&mut self, digests: impl Iterator<Item = u128>) {
        self.added.extend(digests);
    }

    /// The magic, the time, the length of the sentence and the sentence, the digests in order.
    fn encode(&self) -> Vec<u8> {
        let other = self.other.as_deref().unwrap_or_default();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.until.to_le_bytes());
        bytes.extend(u32::try_from(other.len()).unwrap_or(0).to_le_bytes());
        bytes.extend(other.bytes());
        let all: BTreeSet<u128> = self.digests.iter().chain(&self.added).copied().collect();
        // Too many are forgotten, and asked for again.
        let all = if all.len() > MOST_KNOWN { &self.added } else { &all };
        all.iter().for_each(|digest| bytes.extend(digest.to_le_bytes()));
        bytes
    }

    fn decode(mut bytes: &[u8], now: u64) -> Option<Self> {
        let magic = bytes.split_off(..MAGIC.len())?;
        let until = u64::from_le_bytes(bytes.split_off(..8)?.try_into().ok()?);
        if magic != MAGIC || until <= now || until > now + REMEMBERED.as_secs() {
            return None;
        }
        let length = u32::from_le_bytes(bytes.split_off(..4)?.try_into().ok()?);
        let other = bytes.split_off(..usize::try_from(length).ok()?)?;
        let other = String::from_utf8_lossy(other).into_owned();
        let (digests, rest) = bytes.as_chunks::<DIGEST>();
        let digests: Vec<u128> =
            digests.iter().map(|digest| u128::from_le_bytes(*digest)).collect();
        (rest.is_empty() && digests.is_sorted()).then(|| Self {
            until,
            other: Some(other).filter(|text| !text.is_empty()),
            digests,
            added: BTreeSet::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_known_is_read_as_written(
            digests in proptest::collection::vec(any::<u128>(), 0..20),
            other in proptest::option::of("[a-z]{1,9}"),
        ) {
            let mut known = Known { until: 100, other, ..Known::default() };
            known.add(digests.iter().copied());
            let read = Known::decode(&known.encode(), 99).unwrap();
            prop_assert!(digests.iter().all(|digest| read.has(digest)));
            prop_assert_eq!(&read.other, &known.other);
            prop_assert_eq!(Known::decode(&known.encode(), 100), None);
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            Known::decode(&bytes, 0);
            Known::decode(&[MAGIC.as_slice(), &bytes].concat(), 0);
        }
    }

    #[test]
    fn a_header_in_the_place_of_another_is_noticed() {
        let both = |first: &str, second: &str| {
            [(&b"/a"[..], first.as_bytes().to_vec()), (b"/b", second.as_bytes().to_vec())]
        };
        let object = [b"ELF".as_slice(), &expected(&both("one", "two")), b"end"].concat();
        assert!(memchr::memmem::find(&object, &expected(&both("one", "two"))).is_some());
        assert!(memchr::memmem::find(&object, &expected(&both("onet", "wo"))).is_none());
        assert_eq!(first_difference(&both("one", "2"), &object), "/b");
    }
}
