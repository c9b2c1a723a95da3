//! `makechrootpkg-distcc`: devtools' `makechrootpkg`, with the caller's state directory bound into
//! the build root.
//!
//! `words` reads the command line as far as we must understand it, `builder` says who will build,
//! `state` finds that user's state directory and makes it, `bind` writes it as systemd-nspawn wants
//! it. Then the real program takes our place. Nothing that goes wrong on the way stops a build.

mod bind;
mod builder;
mod state;
mod words;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::base::disk::{Disk, RealDisk};
use crate::base::{env, log, version};
use crate::tools::makechrootpkg::builder::Builder;
use crate::tools::makechrootpkg::words::Words;

/// Our name.
const NAME: &str = "makechrootpkg-distcc";
/// The program that takes our place.
const REAL: &str = "makechrootpkg";
/// What is said where it is not there.
const MISSING: &str = "makechrootpkg is not installed: sudo pacman -S devtools";
/// The words that only we know; they stand alone.
const PRINT_OPTIONS: &str = "--print-options";

/// Help, before that of devtools.
const HELP: &str = "Usage: makechrootpkg-distcc [OPTION]... -r DIR [--] [MAKEPKG ARGUMENT]...
       makechrootpkg-distcc --print-options

Builds a package in a clean chroot as makechrootpkg does, and has the build share
slots, what is known of volunteers, monitors and reports with all other builds of
the user: it adds -d STATE:/build/.distcc, where STATE is the user's DISTCC_DIR or
~/.distcc, and hands all else on. Before that it says what would keep the build
from being distributed.

  --print-options  print what it would add, as a shell reads it, for example for
                     extra-x86_64-build -- $(makechrootpkg-distcc --print-options)
  --version        print the version
  -h, --help       print this, and the options of makechrootpkg:
";

/// Says what keeps builds in a root directory from being distributed, a line each. The second
/// argument says whether this very call installs the client there.
pub type Check = fn(&Path, bool) -> Vec<String>;

/// Runs the program; comes back only where the real one could not take our place.
pub fn main(check: Check) -> ExitCode {
    log::init(NAME, log::Level::Warning, log::Sink::Stderr);
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match args.first().and_then(|word| word.to_str()) {
        Some(PRINT_OPTIONS) => return print_options(args.get(1..).unwrap_or_default()),
        Some("--version") => return say(&version::banner(NAME)),
        Some("--help") => return help(),
        _ => {}
    }
    let words = Words::read(&args);
    if words.asks_for_help {
        return help();
    }
    let added = if words.binds_state { Vec::new() } else { added(&words) };
    if let Some(root) = words.root_of_build(&Builder::name_of_copy()) {
        for line in check(&root, words.installs_client()) {
            crate::warning!("{line}");
        }
    }
    take_our_place(&added, &args)
}

/// The words to add; none, and a warning, where the state cannot be shared.
fn added(words: &Words) -> Vec<OsString> {
    match option(words) {
        Ok(option) => vec![OsString::from("-d"), option],
        Err(problem) => {
            crate::warning!("{problem}; this build keeps slots and records of its own");
            Vec::new()
        }
    }
}

/// The value of `-d`.
fn option(words: &Words) -> Result<OsString, String> {
    let builder = Builder::find(words.user.as_deref())?;
    let dir = state::dir_of(&builder)
        .ok_or_else(|| format!("neither DISTCC_DIR nor a home of {} is known", builder.name))?;
    let dir = state::ensure(&dir, &builder)?;
    Ok(bind::option(&dir))
}

fn print_options(rest: &[OsString]) -> ExitCode {
    let words = Words::read(rest);
    if rest.first().is_some_and(|_| words.user.is_none()) {
        crate::error!("{PRINT_OPTIONS} stands alone, or with -U USER");
        return ExitCode::from(2);
    }
    match option(&words) {
        Ok(option) => match option.to_str() {
            Some(option) => say(&format!("-d {}\n", shell_words::quote(option))),
            None => {
                crate::error!("{} is no text that could be printed", option.display());
                ExitCode::FAILURE
            }
        },
        Err(problem) => {
            crate::error!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Our help, then devtools' own.
fn help() -> ExitCode {
    let said = say(HELP);
    match find_real() {
        Some(_) => take_our_place(&[], &[OsString::from("-h")]),
        None => {
            crate::warning!("{MISSING}");
            said
        }
    }
}

fn say(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            crate::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Becomes makechrootpkg, so that its exit status and signals are its own.
fn take_our_place(added: &[OsString], args: &[OsString]) -> ExitCode {
    let Some(real) = find_real() else {
        crate::error!("{MISSING}");
        return ExitCode::from(127);
    };
    let error = Command::new(&real).args(added).args(args).exec();
    crate::error!("{} cannot be run: {error}", real.display());
    ExitCode::from(126)
}

/// The first `makechrootpkg` on PATH that is not a link to us: that is how people have devtools'
/// other programs call us.
fn find_real() -> Option<PathBuf> {
    let path = env::PATH.get().unwrap_or_default();
    let identity = |file: &OsStr| std::fs::metadata(file).ok().map(|meta| (meta.dev(), meta.ino()));
    let ourselves = identity(OsStr::new("/proc/self/exe"));
    std::env::split_paths(&path).map(|dir| dir.join(REAL)).find(|candidate| {
        RealDisk.is_executable(candidate) && identity(candidate.as_os_str()) != ourselves
    })
}
