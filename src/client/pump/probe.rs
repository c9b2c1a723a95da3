//! Small units that tell something about a volunteer, sent in pump mode.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::base::exit::Exit;
use crate::base::process::exit_of_wait_status;
use crate::client::attempt::{Attempt, DAEMON_CODES};
use crate::client::remote::{self, Errand};
use crate::compiler::pump;
use crate::net::ask::{self, AskError};
use crate::progress::board::Post;
use crate::protocol::audience::{self, Audience};
use crate::protocol::limits::Limits;
use crate::protocol::packet::{self, token};
use crate::protocol::reply::Reply;
use crate::protocol::request;
use crate::protocol::version::Version;

/// A volunteer may take this long for such a unit.
const LONGEST: Duration = Duration::from_secs(20);

/// What became of a probe.
#[derive(Debug)]
pub enum Probed {
    /// It compiles.
    Done(Reply),
    /// The compiler finds an error in it.
    Error,
    /// The compiler is not known by this name there, or the volunteer refuses without a word.
    UnknownName,
    /// The volunteer refuses: its words.
    Refused(String),
    /// There is no answer: what happened.
    Failed(String),
}

/// A small unit.
#[derive(Debug)]
pub struct Probe<'a> {
    /// Its file, which is sent alone.
    pub path: &'a Path,
    /// What stands in it.
    pub source: &'a str,
    /// Further options.
    pub options: &'a [&'a str],
    /// For whom the compiler prints.
    pub audience: Option<&'a Audience>,
}

impl<'a> Probe<'a> {
    /// One of which nothing but the outcome matters.
    pub fn plain(path: &'a Path, source: &'a str) -> Self {
        Self { path, source, options: &[], audience: None }
    }
}

/// Compiles `probe` on the volunteer with the compiler that it knows as `name`.
pub fn compile(
    attempt: &Attempt<'_>,
    errand: &Errand<'_>,
    name: &OsStr,
    probe: &Probe<'_>,
    post: &mut Post,
) -> Probed {
    let output = "distcc-pump-probe.o";
    let mut words = pump::probe(attempt.unit, name, probe.path.as_os_str(), output);
    words.extend(probe.options.iter().map(OsString::from));
    attempt.names().add_target(&mut words);
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let cwd = attempt.call.cwd.as_os_str().as_bytes();
    let mut request = request::encode_pump_head(cwd, &words);
    request.extend(packet::header(token::NFIL, 1 + u32::from(probe.audience.is_some())));
    if let Some(audience) = probe.audience {
        request::put_file(&mut request, audience::NAME, audience.encode().as_bytes());
    }
    let path = probe.path.as_os_str().as_bytes();
    request::put_file(&mut request, path, probe.source.as_bytes());
    let mut stream = match remote::connect(errand, &mut None, post) {
        Ok(Some(stream)) => stream,
        Ok(None) => return Probed::Failed("there is no connection".to_owned()),
        Err(failure) => return Probed::Failed(failure.to_string()),
    };
    let deadline = Instant::now() + LONGEST;
    let limits = Limits::default();
    let reply = match ask::ask(&mut stream, Version::Pump, &request, &limits, deadline) {
        Ok(reply) => reply,
        Err(AskError::Refused) => return Probed::UnknownName,
        Err(error) => return Probed::Failed(error.to_string()),
    };
    let exit = exit_of_wait_status(reply.status);
    let words = String::from_utf8_lossy(&reply.stderr);
    let first = words.lines().next().unwrap_or("it gave no reason").trim().to_owned();
    match exit {
        Exit(0) => Probed::Done(reply),
        Exit::COMPILER_MISSING => Probed::UnknownName,
        exit if DAEMON_CODES.contains(&exit.0) => Probed::Refused(first),
        _ if reply.signal().is_some() => Probed::Failed(format!("its compiler crashed: {first}")),
        _ => Probed::Error,
    }
}
