//! What a volunteer answers in pump mode, and whether it may be used.

use std::time::Instant;

use crate::base::process::exit_of_wait_status;
use crate::client::attempt::{self, Attempt, DAEMON_CODES, Step};
use crate::client::compile::pass_on;
use crate::client::outputs::{self, Output};
use crate::client::pump::acquaintance::{Acquaintance, Kind, names_its_directory};
use crate::client::pump::talk::Talk;
use crate::client::record::{self, Record};
use crate::client::volunteers::Volunteers;
use crate::compiler::depfile;
use crate::compiler::pump::Obstacle;
use crate::compiler::reason::Reason;
use crate::hosts::spec::HostSpec;
use crate::protocol::reply::Reply;

/// How the name of the directory begins in which distccd, 3.4's and ours, puts a unit's files.
const DIRECTORY: &[u8] = b"/distccd_";

/// Judges the reply, and puts what it brings into place.
///
/// # Errors
///
/// It cannot be used, and plain mode may do better.
pub fn judge(
    attempt: &mut Attempt<'_>,
    volunteers: &Volunteers,
    acquaintance: &Acquaintance<'_>,
    talk: &Talk<'_>,
    kind: Kind,
    reply: Reply,
    record: &mut Record,
) -> Result<Step, Obstacle> {
    let host = acquaintance.host();
    let exit = exit_of_wait_status(reply.status);
    if !exit.is_ok() {
        if DAEMON_CODES.contains(&exit.0) {
            acquaintance.note_trouble();
            return Err(refusal(host, &reply));
        }
        return Ok(attempt::compile_failed(attempt, volunteers, host, &[], reply, exit));
    }
    let is_silent = reply.stderr.is_empty() && reply.stdout.is_empty();
    let is_ours =
        |post| reply.stdout.is_empty() && talk.is_ours(attempt, acquaintance, &reply.stderr, post);
    if attempt.wants_exact_text() && !is_silent && !is_ours(&mut record.post) {
        return Ok(Step::Here(Reason::Diagnostics));
    }
    if let Some(step) = attempt::check_identity(attempt, host, &reply.object) {
        return Ok(step);
    }
    if memchr::memmem::find(&reply.object, DIRECTORY).is_some() {
        if attempt.unit.debug {
            acquaintance.note_dirty_debug();
        }
        return Err(names_its_directory(host));
    }
    let dependencies = dependencies(attempt, kind, &reply)?;
    let start = Instant::now();
    let mut files = Vec::with_capacity(2);
    if let (Some(path), Some(content)) = (&attempt.unit.dependency_file, &dependencies) {
        files.push(Output { path, content });
    }
    files.push(Output { path: &attempt.unit.output, content: &reply.object });
    if let Err((path, error)) = outputs::place(&files) {
        let text = format!("{path}: {error}");
        crate::info!("cannot place {text}");
        return Ok(Step::Here(Reason::OutputFailed(text)));
    }
    record.spent.place_ms = record::since(start);
    pass_on(&reply.stdout, &reply.stderr);
    let name = attempt.unit.source.to_string_lossy();
    crate::info!("compile {name} on {} completed ok", host.text);
    Ok(Step::Done(exit))
}

fn refusal(host: &HostSpec, reply: &Reply) -> Obstacle {
    let words = String::from_utf8_lossy(&reply.stderr);
    let words = words.lines().next().unwrap_or("it gave no reason").trim();
    Obstacle::new("pump-refused", format!("volunteer {}: {words}", host.text))
}

/// The dependency file as a local compile writes it, if the command asks for one.
fn dependencies(
    attempt: &Attempt<'_>,
    kind: Kind,
    reply: &Reply,
) -> Result<Option<Vec<u8>>, Obstacle> {
    if attempt.unit.dependency_file.is_none() {
        return Ok(None);
    }
    let text = &reply.dependencies;
    let odd = |what: &str| {
        let text = format!("the dependency file from there {what}");
        Obstacle::new("pump-dependencies", text)
    };
    if text.is_empty() {
        return Err(odd("is empty"));
    }
    if memchr::memmem::find(text, DIRECTORY).is_some() {
        return Err(odd("names files of the volunteer"));
    }
    match kind {
        Kind::InPlace => Ok(Some(text.clone())),
        Kind::Stock => {
            let wrapped = depfile::wrapped(text, attempt.unit.family);
            wrapped.map(Some).ok_or_else(|| odd("cannot be read"))
        }
    }
}
