//! Pump mode: the volunteer preprocesses, so that only the question which files a unit may open is
//! work for this machine.
//!
//! [`ask`] is the story of one unit and one volunteer: [`session`] says whether this build still
//! wants pump mode, [`acquaintance`] what kind of volunteer it is, [`gather`] the unit's files,
//! [`headers`] whether a stock volunteer's own headers are ours, [`reply`] whether what came back
//! may be used, and [`talk`] whether that goes for its warnings. Whatever stands in the way is an
//! [`Obstacle`], and the unit goes to the same volunteer in plain mode; [`session::tell`] says so.

use std::ffi::{OsStr, OsString};
use std::io::IoSlice;
use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

use crate::client::attempt::{self, Attempt, Step};
use crate::client::call::Call;
use crate::client::record::{self, Record};
use crate::client::remote::{self, Errand, Failure};
use crate::client::volunteers::{Memory, Volunteers};
use crate::compiler::pump::{self, Obstacle};
use crate::compiler::target::SentNames;
use crate::compiler::unit::TranslationUnit;
use crate::hosts::spec::{HostSpec, ProtocolWish};
use crate::net::stream::Stream;
use crate::progress::journal::Pump;
use crate::progress::phase::Phase;
use crate::protocol::agent::Form;
use crate::protocol::audience::{self, Audience};
use crate::protocol::limits::Limits;
use crate::protocol::packet;
use crate::protocol::request;
use crate::protocol::version::Version;

pub mod acquaintance;
pub mod gather;
pub mod headers;
pub mod probe;
pub mod reply;
pub mod server;
pub mod session;
pub mod talk;

use acquaintance::{Acquaintance, Kind};
use gather::Files;
use talk::Talk;

/// Whether `host` is spoken to in pump mode.
pub fn is_wanted(host: &HostSpec) -> bool {
    host.settled_protocol() == ProtocolWish::Pump
}

/// Has `host` compile the unit in pump mode; `None` where it is to be tried in plain mode.
pub fn ask(
    attempt: &mut Attempt<'_>,
    volunteers: &Volunteers,
    errand: &Errand<'_>,
    record: &mut Record,
) -> Option<Step> {
    let tried = try_it(attempt, volunteers, errand, record);
    attempt.by_pump = tried.is_ok();
    match tried {
        Ok(step) => {
            record.pump = Pump::Used;
            Some(step)
        }
        Err(obstacle) => {
            session::tell(&obstacle, attempt.unit);
            let Obstacle { counter, sentence } = obstacle;
            record.pump = Pump::Plain { counter: counter.to_owned(), sentence };
            None
        }
    }
}

fn try_it(
    attempt: &mut Attempt<'_>,
    volunteers: &Volunteers,
    errand: &Errand<'_>,
    record: &mut Record,
) -> Result<Step, Obstacle> {
    has_headers(attempt.unit)?;
    session::is_trusted()?;
    let environment = session::environment(attempt.unit)?;
    let errand = &Errand { version: Version::Pump, ..*errand };
    let start = Instant::now();
    record.post.publish(Phase::Preprocess, errand.file, "localhost", errand.slot);
    let names = attempt.names().clone();
    let acquaintance = Acquaintance::of(errand.host, &names.full);
    let kind = acquaintance.learn(attempt, errand, &names, &mut record.post)?;
    let form = kind.form();
    session::suits(attempt.call, attempt.unit, form, &environment, &acquaintance)?;
    let known_as = known_as(&Memory::of(errand.host), &names);
    let words = words(attempt, form, known_as, &environment)?;
    let files = gather::files(attempt.call, attempt.unit, form, &environment, &names)?;
    if form == Form::Stock {
        headers::verify(attempt, &acquaintance, errand, known_as, &files, &mut record.post)?;
    }
    record.spent.preprocess_ms += record::since(start);
    let stream = match remote::connect(errand, &mut None, &mut record.post) {
        Ok(Some(stream)) => stream,
        Ok(None) => return Err(Obstacle::new("pump-failed", "there is no connection")),
        Err(failure) => {
            return Ok(attempt::unreachable(attempt, volunteers, errand.host, &failure));
        }
    };
    crate::info!("exec on {} (pump): {}", errand.host.text, Call::line(&words));
    let is_told = form == Form::InPlace;
    let audience = is_told.then(|| talk::audience(attempt.unit.family)).flatten();
    let talk = Talk { errand, name: known_as, audience };
    let answer = send(&talk, stream, &words, &files, record);
    let (reply, times) = match answer {
        Ok(answer) => answer,
        // It may hang on everything, so it rests, as in plain mode.
        Err(failure @ (Failure::Silent(..) | Failure::BadTimeout)) => {
            return Ok(attempt::unreachable(attempt, volunteers, errand.host, &failure));
        }
        Err(failure) => {
            acquaintance.note_trouble();
            let text = format!("volunteer {}: {failure}", errand.host.text);
            return Err(Obstacle::new("pump-failed", text));
        }
    };
    record.add(&times);
    volunteers.wake(errand.host);
    reply::judge(attempt, volunteers, &acquaintance, &talk, kind, reply, record)
}

/// The command line that is sent.
fn words(
    attempt: &Attempt<'_>,
    form: Form,
    name: &OsStr,
    environment: &session::Environment,
) -> Result<Vec<OsString>, Obstacle> {
    let mut words = match form {
        Form::InPlace => pump::in_place(attempt.unit, name, &environment.headers),
        Form::Stock => pump::stock(attempt.unit, name)?,
    };
    attempt.names().add_target(&mut words);
    Ok(words)
}

/// The name under which the volunteer is known to know the compiler.
fn known_as<'a>(memory: &Memory<'_>, names: &'a SentNames) -> &'a OsStr {
    let only_plain = names.full == names.plain || memory.wants_plain_name(&names.plain);
    if only_plain { &names.plain } else { &names.full }
}

/// Sends the unit's command and files, straight from where they lie.
fn send(
    talk: &Talk<'_>,
    mut stream: Stream,
    words: &[OsString],
    files: &Files,
    record: &mut Record,
) -> Result<(crate::protocol::reply::Reply, remote::Times), Failure> {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let mut head = request::encode_pump_head(files.cwd.as_os_str().as_bytes(), &words);
    let told = talk.audience.as_ref().map(Audience::encode);
    head.extend(packet::header(packet::token::NFIL, files.count + u32::from(told.is_some())));
    if let Some(told) = told {
        request::put_file(&mut head, audience::NAME, told.as_bytes());
    }
    let mut parts = Vec::with_capacity(files.most_slices() + 1);
    parts.push(IoSlice::new(&head));
    parts.extend(files.slices().map(IoSlice::new));
    let bytes: usize = parts.iter().map(|part| part.len()).sum();
    let most = Limits::default().source;
    if bytes > most {
        let text = format!("the files are larger than {most} bytes");
        return Err(Failure::Preprocessor(std::io::Error::other(text)));
    }
    remote::converse(talk.errand, &mut stream, &mut parts, &mut record.post)
}

/// Counts a unit that failed on `host` in pump mode and not here.
pub fn count_failure(host: &HostSpec, names: &SentNames) {
    session::count_discrepancy();
    Acquaintance::of(host, &names.full).note_trouble();
}

/// How the unit would go to `host`; `plain` names the way without pump mode.
pub fn explain(
    call: &Call,
    unit: &TranslationUnit,
    host: &HostSpec,
    names: &SentNames,
    plain: &str,
) -> String {
    let acquaintance = Acquaintance::of(host, &names.full);
    let checked = || -> Result<&str, Obstacle> {
        has_headers(unit)?;
        session::is_trusted()?;
        let environment = session::environment(unit)?;
        let kind = acquaintance.known().transpose()?;
        if let Some(kind) = kind {
            acquaintance.is_untroubled()?;
            session::suits(call, unit, kind.form(), &environment, &acquaintance)?;
        }
        if kind == Some(Kind::Stock) {
            pump::stock(unit, &names.full)?;
        }
        Ok(match kind {
            None => "which is yet to be asked what it is",
            Some(Kind::InPlace) => "which shows files at their own paths",
            Some(Kind::Stock) => "which has its own system headers, as distccd 3.4 has",
        })
    };
    match checked() {
        Ok(kind) => format!("protocol 3 (pump), {kind}; else {plain}"),
        Err(obstacle) => format!("{plain}, not pump: {}", obstacle.sentence),
    }
}

/// Whether there is something for a volunteer to preprocess.
fn has_headers(unit: &TranslationUnit) -> Result<(), Obstacle> {
    match unit.preprocessed {
        true => Err(Obstacle::new("pump-preprocessed", "the source is preprocessed already")),
        false => Ok(()),
    }
}
