//! What a reply tells of a volunteer's compiler, beside the local one.

use std::time::Duration;

use crate::base::exit::Exit;
use crate::compiler::mismatch::{self, Verdict};
use crate::compiler::object;
use crate::net::ask::AskError;
use crate::protocol::reply::Reply;
use crate::setup::probe::answer::{CompilerAnswer, CompilerVerdict};
use crate::setup::probe::fault::Fault;
use crate::setup::probe::first_line;
use crate::setup::probe::local::LocalCompiler;
use crate::targets::service::SERVES;

/// What a full disk makes compilers and systems say.
const FULL: [&[u8]; 2] = [b"No space left on device", b"Disk quota exceeded"];
/// What gcc says where the part that reads this language is not installed.
const PART_MISSING: [&[u8]; 3] =
    [b"cannot execute", b"error trying to exec", b"installation problem"];

/// What one reply means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// The compiler works, or is missing, or is another: the answer, and the fault if it is one.
    Judged(CompilerAnswer, Option<Fault>),
    /// The volunteer has no room left.
    Full,
    /// The volunteer could not do its part, and does not say why.
    Unclear(CompilerAnswer),
}

/// An answer about `ours` with nothing found out yet.
pub(super) fn unknown(ours: &LocalCompiler) -> CompilerAnswer {
    CompilerAnswer {
        name: ours.name.clone(),
        asked: ours.request.names.full.to_string_lossy().into_owned(),
        needed: ours.needed,
        version: None,
        verdict: CompilerVerdict::Unknown,
    }
}

/// Whether a client asks again by the plain name: it was hung up on, or the name is listed and no
/// program has it. A daemon of ours that says which service to ask knows the name well.
pub(super) fn knows_no_such_name(answer: &Result<(Reply, Duration), AskError>) -> bool {
    match answer {
        Err(error) => matches!(error, AskError::Refused),
        Ok((reply, _)) => {
            reply.exit_code() == Some(i32::from(Exit::COMPILER_MISSING.0))
                && !holds(&reply.stderr, SERVES.as_bytes())
        }
    }
}

/// A compiler that is not there; a fault where it is needed.
pub(super) fn missing(ours: &LocalCompiler) -> (CompilerAnswer, Option<Fault>) {
    let fault = ours.needed.then(|| Fault::CompilerMissing { name: ours.name.clone() });
    (CompilerAnswer { verdict: CompilerVerdict::Missing, ..unknown(ours) }, fault)
}

/// Judges the reply to the tiny unit; `lto` says that builds use LTO, where the client lets no
/// difference pass.
pub(super) fn judge(ours: &LocalCompiler, reply: &Reply, lto: bool) -> Outcome {
    if FULL.iter().any(|words| holds(&reply.stderr, words)) {
        return Outcome::Full;
    }
    let code = reply.exit_code();
    if code == Some(i32::from(Exit::COMPILER_MISSING.0)) || lacks_a_part(&reply.stderr) {
        let (answer, fault) = missing(ours);
        return Outcome::Judged(answer, fault);
    }
    if reply.status != 0 {
        let said = first_line(&reply.stderr);
        // Who cannot even keep what the compiler said has another trouble; so has who loses us.
        let lost = [Exit::IO_ERROR, Exit::TRUNCATED].map(|exit| Some(i32::from(exit.0)));
        if said.is_none() || lost.contains(&code) {
            return Outcome::Unclear(unknown(ours));
        }
        let fault = ours.needed.then(|| Fault::CompilerFails {
            name: ours.name.clone(),
            said: said.unwrap_or_default(),
        });
        let answer = CompilerAnswer { verdict: CompilerVerdict::Fails, ..unknown(ours) };
        return Outcome::Judged(answer, fault);
    }
    let (answer, fault) = compared(ours, &reply.object, lto);
    Outcome::Judged(answer, fault.filter(|_| ours.needed))
}

fn compared(ours: &LocalCompiler, object: &[u8], lto: bool) -> (CompilerAnswer, Option<Fault>) {
    let theirs = object::identify(object);
    let (mine, other) = (ours.version(), theirs.as_ref().map(mismatch::listed).unwrap_or_default());
    let verdict = match mismatch::compare(&ours.identity, theirs.as_ref()) {
        Verdict::Same => CompilerVerdict::Same,
        Verdict::Close(_) if !lto => CompilerVerdict::Close,
        Verdict::Close(_) | Verdict::Different(_) => CompilerVerdict::Different,
        Verdict::Foreign(_) => CompilerVerdict::Foreign(
            theirs.as_ref().map_or("no".to_owned(), mismatch::machine_and_floats),
        ),
    };
    let name = ours.name.clone();
    let fault = match &verdict {
        CompilerVerdict::Close | CompilerVerdict::Different => Some(Fault::CompilerDiffers {
            name,
            newer: mismatch::is_newer(&other, &mine),
            ours: mine,
            theirs: other.clone(),
            close: verdict == CompilerVerdict::Close,
        }),
        CompilerVerdict::Foreign(theirs) => Some(Fault::WrongTarget {
            name,
            ours: mismatch::machine_and_floats(&ours.identity),
            theirs: theirs.clone(),
        }),
        _ => None,
    };
    let version = Some(printable(&other)).filter(|text| !text.is_empty());
    (CompilerAnswer { version, verdict, ..unknown(ours) }, fault)
}

/// Compares the LTO byte code in a reply with ours.
pub(super) fn judge_lto(name: &str, ours: (u16, u16), reply: &Reply) -> Option<Fault> {
    let theirs = object::lto_version(&reply.object)?;
    let text = |(major, minor): (u16, u16)| format!("{major}.{minor}");
    (theirs != ours).then(|| Fault::LtoDiffers {
        name: name.to_owned(),
        ours: text(ours),
        theirs: text(theirs),
    })
}

/// Whether a unit takes so long there that the volunteer is of little use: machines differ, and
/// both are busy at times, so that is several times as long, and more than a second.
pub(super) fn is_slow(there: Duration, here: Duration) -> bool {
    there > here * 4 && there > here + Duration::from_millis(1500)
}

fn lacks_a_part(stderr: &[u8]) -> bool {
    PART_MISSING.iter().any(|words| holds(stderr, words))
}

fn holds(bytes: &[u8], words: &[u8]) -> bool {
    memchr::memmem::find(bytes, words).is_some()
}

/// The text without anything that moves a terminal's cursor, and not too long for a line.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|sign| !sign.is_control()).take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_is_several_times_as_long_and_more_than_a_second() {
        let slow = |there, here| is_slow(Duration::from_millis(there), Duration::from_millis(here));
        assert!(slow(3000, 100));
        assert!(!slow(1500, 100));
        assert!(!slow(3000, 1000));
        assert!(slow(60_000, 2000));
    }

    /// What a gcc makes of nothing with LTO.
    fn byte_code(gcc: &str) -> Reply {
        let dir = tempfile::tempdir().unwrap();
        let object = dir.path().join("a.o");
        let mut command = std::process::Command::new(gcc);
        command.args(["-flto=auto", "-x", "c", "-c", "/dev/null", "-o"]).arg(&object);
        assert!(command.status().unwrap().success(), "{gcc}");
        Reply { object: std::fs::read(object).unwrap(), ..Reply::default() }
    }

    #[test]
    fn byte_code_of_another_version_is_told_from_our_own() {
        let ours = byte_code("gcc");
        let version = object::lto_version(&ours.object).unwrap();
        assert_eq!(judge_lto("gcc", version, &ours), None);
        let theirs = byte_code("gcc-11");
        let fault = judge_lto("gcc", version, &theirs).unwrap();
        let Fault::LtoDiffers { theirs, .. } = fault else { panic!("{fault:?}") };
        assert!(theirs.starts_with("11."), "{theirs}");
        assert_eq!(judge_lto("gcc", version, &Reply::default()), None);
    }

    #[test]
    fn nothing_that_a_volunteer_says_moves_the_cursor() {
        assert_eq!(printable("a\x1b[2Jb\r\nc\u{9b}d"), "a[2Jbcd");
        assert_eq!(printable(&"x".repeat(1000)).len(), 120);
    }
}
