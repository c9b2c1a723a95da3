//! `distccmon-text`: the board as a table, once or again and again, in distcc 3.4's format.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::base::exit::Exit;
use crate::base::{dirs, log, version};
use crate::progress::board;
use crate::progress::phase::Phase;
use crate::progress::record::Job;

const USAGE: &str = "usage: distccmon-text [DELAY]

Shows what the distcc clients of this user are compiling now, a line for each.

With DELAY, a number of seconds such as 2 or 0.5, it shows so again and again;
without it, once.

  --help     this text
  --version  which distccmon-text this is

Clients tell about themselves in $DISTCC_DIR/state (default: ~/.distcc/state).
";

/// What the command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Help,
    Once,
    Repeat(Duration),
    Version,
}

/// Runs the program.
pub fn main() -> ExitCode {
    log::init("distccmon-text", log::Level::Warning, log::Sink::Stderr);
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut out = io::stdout().lock();
    let written = match wish(&args) {
        Some(Wish::Help) => out.write_all(USAGE.as_bytes()),
        Some(Wish::Version) => out.write_all(version::banner("distccmon-text").as_bytes()),
        Some(Wish::Once) => return watch(&mut out, None),
        Some(Wish::Repeat(delay)) => return watch(&mut out, Some(delay)),
        None => {
            // 3.4's code for this, which is none of distcc's own.
            return io::stderr()
                .write_all(USAGE.as_bytes())
                .map_or(ExitCode::FAILURE, |()| 1.into());
        }
    };
    end(written)
}

/// Reads the arguments; `None` where they make no sense.
fn wish(args: &[OsString]) -> Option<Wish> {
    match args {
        [] => Some(Wish::Once),
        [only] => match only.to_str()? {
            "--help" => Some(Wish::Help),
            "--version" => Some(Wish::Version),
            "" => Some(Wish::Once),
            delay => {
                let seconds: f64 = delay.trim_start().parse().ok()?;
                let delay = Duration::try_from_secs_f64(seconds).ok()?;
                Some(if delay.is_zero() { Wish::Once } else { Wish::Repeat(delay) })
            }
        },
        _ => None,
    }
}

/// Shows the board, every `delay` if there is one.
fn watch(out: &mut impl Write, delay: Option<Duration>) -> ExitCode {
    let dir = match board_dir() {
        Ok(dir) => dir,
        Err(exit) => return exit.into(),
    };
    loop {
        let jobs = match board::read_all(&dir) {
            Ok(jobs) => jobs,
            Err(error) => {
                crate::error!("cannot read {}: {error}", dir.display());
                return Exit::IO_ERROR.into();
            }
        };
        let written = out.write_all(block(&jobs).as_bytes()).and_then(|()| out.flush());
        match delay {
            Some(delay) if written.is_ok() => std::thread::sleep(delay),
            _ => return end(written),
        }
    }
}

/// Where the board hangs; or the exit code, when the user has been told that there is none.
fn board_dir() -> Result<PathBuf, Exit> {
    let Some(top) = dirs::state_dir() else {
        crate::error!("neither DISTCC_DIR nor HOME is set, so there is no telling where to look");
        return Err(Exit::BAD_ARGUMENTS);
    };
    // Without DISTCC_DIR, no directory yet only means that nothing has been compiled yet.
    if crate::base::env::DISTCC_DIR.get_nonempty().is_some() && !Path::new(&top).is_dir() {
        crate::error!(
            "DISTCC_DIR is {}, and there is no such directory; set it as the build that you want \
             to watch has it",
            top.display()
        );
        return Err(Exit::IO_ERROR);
    }
    Ok(top.join("state"))
}

/// All jobs that are not over, a line each, and an empty line.
fn block(jobs: &[Job]) -> String {
    let mut block: String = jobs.iter().filter(|job| job.phase != Phase::Done).map(line).collect();
    block.push('\n');
    block
}

fn line(job: &Job) -> String {
    format!(
        "{:6}  {:<10.10}  {:<30.30} {:>24.24}[{}]\n",
        job.pid,
        job.phase,
        shown(&job.file),
        shown(&job.host),
        job.slot
    )
}

/// A name as a terminal may have it: no control characters, whatever the record holds.
fn shown(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    name.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// A reader that has seen enough (`| head`) is no failure.
fn end(written: io::Result<()>) -> ExitCode {
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            crate::error!("cannot write: {error}");
            Exit::IO_ERROR.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(file: &[u8], host: &str) -> Job {
        let host = host.as_bytes().to_vec();
        Job { pid: 19319, file: file.to_vec(), host, slot: 0, phase: Phase::Compile }
    }

    #[test]
    fn a_line_is_the_c_monitors_byte_for_byte() {
        let expected =
            " 19319  Compile     warn.i                                        127.0.0.1[0]\n";
        assert_eq!(line(&job(b"warn.i", "127.0.0.1")), expected);
    }

    #[test]
    fn long_names_are_cut_and_columns_stay() {
        let long = job(&[b'f'; 127], &"h".repeat(127));
        let pad = |pid| Job { pid, ..long.clone() };
        insta::assert_snapshot!(block(&[pad(1), pad(999_999), pad(4_194_304)]), @r"
             1  Compile     ffffffffffffffffffffffffffffff hhhhhhhhhhhhhhhhhhhhhhhh[0]
        999999  Compile     ffffffffffffffffffffffffffffff hhhhhhhhhhhhhhhhhhhhhhhh[0]
        4194304  Compile     ffffffffffffffffffffffffffffff hhhhhhhhhhhhhhhhhhhhhhhh[0]
        ");
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        let line = line(&job(b"\x1b[2Ja\xff\n.c", "h\rx"));
        assert!(line.contains("?[2Ja\u{fffd}?.c") && line.contains("h?x["), "{line:?}");
        assert_eq!(line.matches('\n').count(), 1);
    }

    #[test]
    fn an_empty_board_is_an_empty_line() {
        assert_eq!(block(&[]), "\n");
    }

    #[test]
    fn arguments_are_read_as_the_c_monitor_reads_them() {
        let read = |args: &[&str]| wish(&args.iter().map(OsString::from).collect::<Vec<_>>());
        let every = |seconds| Some(Wish::Repeat(Duration::from_secs_f64(seconds)));
        assert_eq!(read(&[]), Some(Wish::Once));
        assert_eq!(read(&[""]), Some(Wish::Once));
        assert_eq!(read(&["0"]), Some(Wish::Once));
        assert_eq!(read(&["1"]), every(1.0));
        assert_eq!(read(&["0.25"]), every(0.25));
        assert_eq!(read(&[" +1e1"]), every(10.0));
        assert_eq!(read(&["--help"]), Some(Wish::Help));
        assert_eq!(read(&["--version"]), Some(Wish::Version));
        for bad in ["x", "1x", "1 ", "-1", "inf", "nan", "-x", "1e400"] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
        assert_eq!(read(&["1", "2"]), None);
    }
}
