//! `pump`: an agent for one build, and pump mode for the compiles in it.
//!
//! `hosts` says whether there is anybody to pump to, `place` makes the directory with the socket,
//! `arguments` reads what is meant for distcc's include server, `server` starts and stops the
//! agent.

mod arguments;
mod hosts;
mod place;
mod server;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use nix::sys::signal::Signal;

use crate::base::exit::Exit;
use crate::base::process::{self, EndingSignals};
use crate::base::{env, log, version};
use crate::tools::pump::place::Place;
use crate::tools::pump::server::Agent;

/// What went wrong has been said.
const FAILED: Exit = Exit(1);
/// No such command, and one that cannot be run, as shells number them.
const NO_COMMAND: Exit = Exit(127);
const NO_PROGRAM: Exit = Exit(126);
/// Discrepancies that end pump mode if DISTCC_MAX_DISCREPANCY is not set.
const MAX_DISCREPANCY: u64 = 1;
/// The signals by which we end too if they ended the command, so that a loop in a shell ends.
const PASSED_UP: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

const USAGE: &str = "Usage: pump COMMAND [ARGUMENT]...
       pump --startup
       pump --shutdown

Runs a build in pump mode: for hosts with ,cpp in the host list, files are sent
as they are, and the volunteers preprocess them.

The first form starts an agent that knows which headers each file needs, runs
COMMAND with it, for example `pump make -j20`, and ends it with the command. The
exit status is the command's.

The other two are for more than one command:

  eval \"$(pump --startup)\"
  make -j20
  pump --shutdown

The client starts an agent by itself where there is none, so a build needs pump
only to have one of its own.

  --startup   start an agent, and print the variables that name it
  --shutdown  end the agent that the variables name
  --version   print the version
  -h, --help  print this

Variables, all optional:

  DISTCC_HOSTS            the host list, as for distcc
  DISTCC_POTENTIAL_HOSTS  hosts to take those of that are up, in place of a list
  LSDISTCC_ARGS           options of lsdistcc, which asks them
  INCLUDE_SERVER_ARGS     options of distcc's include server
  DISTCC_MAX_DISCREPANCY  files that may fail on a volunteer and not here [1]
  TMPDIR                  where the agent's socket is [/tmp]
";

/// Runs the program.
pub fn main() -> ExitCode {
    log::init("pump", log::Level::Warning, log::Sink::Stderr);
    process::keep_ended_children();
    let mut args = std::env::args_os();
    let name = args.next().unwrap_or_else(|| "pump".into());
    let pump = Pump { name, ..Pump::default() };
    let args: Vec<OsString> = args.collect();
    let done = match args.split_first() {
        None => print(USAGE.as_bytes()),
        Some((word, rest)) => match (word.as_bytes(), rest.is_empty()) {
            (b"-h" | b"--help", _) => print(USAGE.as_bytes()),
            (b"--version", _) => print(version::banner("pump").as_bytes()),
            (b"--startup", true) => pump.silent().startup(),
            (b"--shutdown", true) => pump.shutdown(),
            ([b'-', ..], _) => Err(format!(
                "`{}` makes no sense; try --help",
                args.join(OsStr::new(" ")).display()
            )),
            _ => pump.run(word, rest),
        },
    };
    let exit = done.unwrap_or_else(|problem| {
        pump.complain(&format!("error: {problem}"));
        FAILED
    });
    exit.into()
}

/// One call of the program.
#[derive(Clone, Debug, Default)]
struct Pump {
    /// How it was called.
    name: OsString,
    /// Whether stdout is for the output of others alone.
    is_silent: bool,
}

/// What a build gets from us.
struct Started {
    place: Place,
    agent: Agent,
}

impl Pump {
    fn silent(&self) -> Self {
        Self { is_silent: true, ..self.clone() }
    }

    /// Says what is being done.
    fn say(&self, text: &str) {
        if !self.is_silent && !env::DISTCC_TESTING_INCLUDE_SERVER.flag(false) {
            // A build is not ended because nobody hears of it.
            drop(print(format!("__________{text}\n").as_bytes()));
        }
    }

    /// Says what is wrong.
    fn complain(&self, text: &str) {
        drop(writeln!(io::stderr(), "{}: {text}", self.name.display()));
    }

    /// Says what is wrong with the build.
    fn warn(text: &str) {
        drop(writeln!(io::stderr(), "__________{text}"));
    }

    /// `pump COMMAND`.
    fn run(&self, word: &OsStr, args: &[OsString]) -> Result<Exit, String> {
        max_discrepancy()?;
        let signals = EndingSignals::note().map_err(|error| error.to_string())?;
        self.say(&format!("Using distcc-pump from {}", own_dir().display()));
        let found = self.find_hosts()?;
        if found.is_none() {
            self.say(&hosts::of_list()?.sentence());
        }
        self.judge_arguments();
        let started = Place::make().and_then(|place| {
            let agent = Agent::start(&place, true)?;
            Ok(Started { place, agent })
        });
        let started = match started {
            Ok(started) => Some(started),
            Err(_) if signals.has_come() => {
                return Ok(signals.take().map_or(FAILED, process::end_by));
            }
            Err(problem) => {
                self.complain(&problem);
                Self::warn("Warning: distcc-pump include server failed; running unpumped");
                None
            }
        };
        let mut command = Command::new(word);
        command.args(args).env(env::PATH.0, path_with_us());
        match &started {
            Some(started) => command.env(env::INCLUDE_SERVER_PORT.0, started.place.socket()),
            // That of another build, which may be over.
            None => command.env_remove(env::INCLUDE_SERVER_PORT.0),
        };
        if let Some(found) = found {
            command.env(env::DISTCC_HOSTS.0, hosts::list_of(&found, started.is_some()));
        }
        // A key at the terminal reaches the command without us, as from a shell.
        let is_for_it = |signal| signal != Signal::SIGINT || !is_in_foreground();
        let ended = process::run_and_pass_on(&mut command, &signals, is_for_it);
        if let Some(started) = started {
            self.shut_down(Some(started.agent), started.place);
        }
        match ended {
            Ok((status, _)) => Ok(exit_as(status)),
            Err(error) => {
                self.complain(&format!("{}: {error}", word.display()));
                let is_missing = error.kind() == io::ErrorKind::NotFound;
                Ok(if is_missing { NO_COMMAND } else { NO_PROGRAM })
            }
        }
    }

    /// `pump --startup`.
    fn startup(&self) -> Result<Exit, String> {
        max_discrepancy()?;
        let list = match self.find_hosts()? {
            Some(found) => Some(hosts::list_of(&found, true).into()),
            None => {
                hosts::of_list()?;
                env::DISTCC_HOSTS.get_nonempty()
            }
        };
        self.judge_arguments();
        let place = Place::make()?;
        let agent = Agent::start(&place, false)?;
        let started = Started { place, agent };
        let mut lines = Vec::new();
        export(&mut lines, env::INCLUDE_SERVER_PID, started.agent.number().to_string().as_ref());
        export(&mut lines, env::INCLUDE_SERVER_DIR, started.place.dir().as_os_str());
        export(&mut lines, env::INCLUDE_SERVER_PORT, started.place.socket().as_os_str());
        if let Some(list) = list {
            export(&mut lines, env::DISTCC_HOSTS, &list);
        }
        export(&mut lines, env::PATH, &path_with_us());
        let printed = print(&lines);
        match printed {
            Ok(_) => started.place.keep(),
            // Nobody would ever shut it down.
            Err(_) => started.agent.stop(),
        }
        printed
    }

    /// `pump --shutdown`.
    fn shutdown(&self) -> Result<Exit, String> {
        let Some(dir) = env::INCLUDE_SERVER_DIR.get_nonempty() else {
            self.complain("INCLUDE_SERVER_DIR is not set, so there is nothing to shut down");
            return Ok(Exit::OK);
        };
        let place = Place::of(PathBuf::from(dir))?;
        let pid = env::INCLUDE_SERVER_PID.number().and_then(|pid| i32::try_from(pid).ok());
        let agent = pid.and_then(|pid| Agent::find(pid, &place));
        self.shut_down(agent, place);
        Ok(Exit::OK)
    }

    /// Ends the agent and says what there is to say of its build.
    fn shut_down(&self, agent: Option<Agent>, place: Place) {
        self.say("Shutting down distcc-pump include server");
        if let Some(agent) = agent {
            agent.stop();
        }
        let [out, err] = place.printed();
        drop(print(&out));
        drop(io::stderr().write_all(&err));
        let discrepancies = place.discrepancies();
        if discrepancies == 0 {
            return;
        }
        Self::warn(&format!(
            "Warning: {discrepancies} pump-mode compilation(s) failed on server, but succeeded \
             locally."
        ));
        if discrepancies >= max_discrepancy().unwrap_or(MAX_DISCREPANCY) {
            Self::warn("Distcc-pump was demoted to plain mode.");
        }
        drop(writeln!(io::stderr(), "See DISCREPANCIES in pump(1)."));
    }

    /// The hosts of DISTCC_POTENTIAL_HOSTS that are up; `None` if it is not set.
    fn find_hosts(&self) -> Result<Option<Vec<String>>, String> {
        let Some(potential) = env::DISTCC_POTENTIAL_HOSTS.text() else { return Ok(None) };
        if potential.trim().is_empty() {
            return Ok(None);
        }
        let found = hosts::that_are_up(&potential)?;
        self.say(&format!("Found {} available distcc servers", found.len()));
        Ok(Some(found))
    }

    /// Says which of INCLUDE_SERVER_ARGS have no effect.
    fn judge_arguments(&self) {
        let text = env::INCLUDE_SERVER_ARGS.text().unwrap_or_default();
        for note in arguments::judge(&text) {
            self.complain(&note);
        }
    }
}

/// The exit code of a command that ended so; ends us by the signal that ended it.
fn exit_as(status: ExitStatus) -> Exit {
    let signal = status.signal().and_then(|signal| Signal::try_from(signal).ok());
    match signal.filter(|signal| PASSED_UP.contains(signal)) {
        Some(signal) => process::end_by(signal),
        None => process::exit_of(status),
    }
}

/// How many discrepancies end pump mode.
fn max_discrepancy() -> Result<u64, String> {
    let Some(text) = env::DISTCC_MAX_DISCREPANCY.text().filter(|text| !text.is_empty()) else {
        return Ok(MAX_DISCREPANCY);
    };
    text.trim().parse().ok().filter(|number| *number > 0).ok_or_else(|| {
        format!("Bad DISTCC_MAX_DISCREPANCY value: \"{text}\". Needs to be 1 or greater.")
    })
}

/// Where we are, links followed.
fn own_dir() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.parent().map_or_else(|| PathBuf::from("/usr/bin"), Path::to_owned)
}

/// PATH on which `distcc` is the one beside us. It stays as it is if that is so already: a
/// directory of compilers before one of links to distcc would keep all compiles here.
fn path_with_us() -> OsString {
    let path = env::PATH.get().unwrap_or_default();
    let ours = own_dir();
    let found = std::env::split_paths(&path).find(|dir| dir.join("distcc").is_file());
    let real = |dir: &Path| dir.join("distcc").canonicalize().ok();
    let is_found =
        found.is_some_and(|found| real(&found).is_some_and(|it| Some(it) == real(&ours)));
    if is_found {
        return path;
    }
    let all = std::iter::once(ours).chain(std::env::split_paths(&path));
    std::env::join_paths(all).unwrap_or(path)
}

/// Whether keys at our terminal send signals to us, and so to what we start.
fn is_in_foreground() -> bool {
    let terminal = std::fs::File::open("/dev/tty");
    let group = terminal.ok().and_then(|terminal| rustix::termios::tcgetpgrp(terminal).ok());
    group == Some(rustix::process::getpgrp())
}

/// Adds a line that sets a variable in a shell, whatever is in its value.
fn export(lines: &mut Vec<u8>, variable: env::Var, value: &OsStr) {
    lines.extend_from_slice(format!("export {}='", variable.0).as_bytes());
    for byte in value.as_bytes() {
        match byte {
            b'\'' => lines.extend_from_slice(b"'\\''"),
            other => lines.push(*other),
        }
    }
    lines.extend_from_slice(b"'\n");
}

fn print(bytes: &[u8]) -> Result<Exit, String> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(Exit::OK),
        Err(error) => Err(format!("writing to standard output: {error}")),
    }
}
