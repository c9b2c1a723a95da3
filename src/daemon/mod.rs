//! `distccd`: the volunteer.
//!
//! [`main`] reads the options ([`options`], [`cli`]), prepares what needs root and gives it up
//! ([`start`], [`privileges`], [`detach`]), and then waits for signals ([`serve`]) while others
//! work: the [`reception`], one thread, waits for clients and reads requests; the [`pool`] holds
//! complete requests in order and as many threads as `--jobs`, each of which serves one [`job`] at
//! a time: check it ([`compilers`], and `compiler::admit`), [`run`] the compiler in a directory of
//! its own ([`workdir`]) shut off from the rest ([`sandbox`]), reply. Where a client sends headers
//! in place of preprocessed source, [`pump`] has the job.

pub mod access;
pub mod announce;
pub mod cli;
pub mod client;
pub mod compilers;
pub mod detach;
pub mod inetd;
pub mod job;
pub mod mailbox;
pub mod notify;
pub mod options;
pub mod pool;
pub mod privileges;
pub mod pump;
pub mod reception;
pub mod run;
pub mod sandbox;
pub mod serve;
pub mod service;
pub mod start;
pub mod stats;
pub mod stats_page;
pub mod summary;
pub mod toolchains;
pub mod workdir;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::base::exit::Exit;
use crate::base::log::{self, Level, Sink};
use crate::daemon::cli::{Asked, Config, LogTo, Mode};
use crate::daemon::detach::{Ready, Side};
use crate::net::listen;
use crate::{error, warning};

/// Runs the program.
pub fn main() -> ExitCode {
    log::init("distccd", Level::Warning, Sink::Stderr);
    let argv: Vec<OsString> = std::env::args_os().collect();
    if let [_, first, words @ ..] = argv.as_slice()
        && first == announce::ANNOUNCER
    {
        return announce::run(words).into();
    }
    match cli::read(&argv) {
        Ok(Asked::Print(text)) => match io::stdout().write_all(text.as_bytes()) {
            Ok(()) => Exit::OK.into(),
            Err(_) => Exit::IO_ERROR.into(),
        },
        Ok(Asked::Serve(config)) => run(*config).into(),
        Err(refused) => {
            // There is nowhere to report that reporting failed.
            drop(writeln!(io::stderr(), "distccd: ERROR: {refused}"));
            Exit::BAD_ARGUMENTS.into()
        }
    }
}

fn run(config: Config) -> Exit {
    if let Some(word) = &config.bad_log_level {
        warning!("invalid --log-level argument \"{word}\"");
    }
    let detach = match config.mode {
        Mode::Inetd => None,
        Mode::Guess { .. } if listen::stdin_is_socket() => None,
        Mode::Daemon { detach } | Mode::Guess { detach } => Some(detach),
    };
    match detach {
        None => serve_standard(config),
        Some(detach) => serve_network(config, detach),
    }
}

fn serve_standard(config: Config) -> Exit {
    let access = match start::access(&config, false) {
        Ok(access) => access,
        Err(exit) => return exit,
    };
    match start::service(config, access, false) {
        Ok((service, _)) => inetd::serve(&service),
        Err(exit) => exit,
    }
}

fn serve_network(config: Config, detach: bool) -> Exit {
    let activated = listen::activated();
    let access = match start::access(&config, true) {
        Ok(access) => access,
        Err(exit) => return exit,
    };
    let ready = if detach {
        match detach::detach(config.log_to == LogTo::Stderr) {
            Ok(Side::Child(ready)) => ready,
            Ok(Side::Parent(exit)) => return exit,
            Err(error) => {
                error!("cannot go into the background: {error}");
                return Exit::FAILED;
            }
        }
    } else {
        Ready::nobody()
    };
    let doors = match start::doors(&config, activated) {
        Ok(doors) => doors,
        Err(error) => {
            let address = config.listen.as_deref().unwrap_or("every address");
            error!("cannot listen on port {} of {address}: {error}", config.port);
            return ready.fail(Exit::BIND_FAILED);
        }
    };
    serve::serve(config, access, doors, ready)
}
