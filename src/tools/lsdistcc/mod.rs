//! `lsdistcc`: which hosts have a distcc daemon that answers.
//!
//! `options` reads the command line, `names` says whom to ask, `survey` asks many at once and
//! prints those that answer, `probe` asks one.

mod names;
mod options;
mod probe;
mod survey;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::base::log;
use crate::tools::lsdistcc::options::{Options, USAGE};

/// The hosts that the program would print with these arguments, as it would print them.
///
/// # Errors
///
/// A sentence: the arguments make no sense, or asking met an error.
pub(in crate::tools) fn find(args: &[String]) -> Result<String, String> {
    let options = Options::read(args)
        .ok_or_else(|| format!("`lsdistcc {}` makes no sense", args.join(" ")))?;
    let mut found = Vec::new();
    survey::run(options, &mut found).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&found).into_owned())
}

/// Runs the program.
pub fn main() -> ExitCode {
    log::init("lsdistcc", log::Level::Warning, log::Sink::Stderr);
    let args: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let mut out = io::stdout().lock();
    let done = match args.as_slice() {
        [only] if only == "--version" => {
            out.write_all(crate::base::version::banner("lsdistcc").as_bytes()).map(|()| true)
        }
        _ => match Options::read(&args) {
            Some(options) => survey::run(options, &mut out),
            // On stdout and with status 1, as scripts know it from 3.4.
            None => out.write_all(USAGE.as_bytes()).map(|()| false),
        },
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            crate::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
