//! distcc's own options, and the way to a compile.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use crate::base::exit::Exit;
use crate::base::log::{self, Level, Sink};
use crate::base::{env, process, version};
use crate::client::call::Call;
use crate::client::settings::Settings;
use crate::client::{compile, explain, host_list, scan_includes};
use crate::compiler::invocation::{self, Invocation};

const USAGE: &str = "\
Usage:
   distcc [COMPILER] [compile options] -o OBJECT -c SOURCE
   distcc --explain COMPILER [compile options]
   distcc --scan-includes COMPILER [compile options]
   distcc --help | --version | --show-hosts | -j

Compiles on a volunteer what can be compiled there, and here what cannot, with
the same result. Called under a compiler's name (through a link in a masquerade
directory that stands first in PATH), it is that compiler.

Options:
   --explain COMMAND   say what would be done about COMMAND, and why
   --scan-includes COMMAND
                       list the files that COMMAND may open
   --show-hosts        print the host list, one host spec a line
   -j                  print the sum of all hosts' slots
   --help              print this text
   --version           print the version

Environment:
   DISTCC_HOSTS        the host list; else ~/.distcc/hosts, /etc/distcc/hosts
   DISTCC_VERBOSE=1    say what is done
   DISTCC_LOG=FILE     write messages to FILE
   DISTCC_FALLBACK=0   fail rather than compile here after a volunteer failed
   DISTCC_DIR          locks, state and journal (default ~/.distcc)

A host spec is HOST[/SLOTS][:PORT][,lzo], @HOST for ssh, or localhost[/SLOTS].
More in distcc(1).
";

/// Runs the program, called by the C library rather than by Rust's start-up.
///
/// A panic, which would be a mistake of ours, unwinds to here, so that nothing is left behind.
pub fn enter() -> u8 {
    process::ignore_broken_pipes();
    process::keep_ended_children();
    let outcome = std::panic::catch_unwind(|| {
        let argv: Vec<OsString> = std::env::args_os().collect();
        start_log();
        run(&argv)
    });
    outcome.unwrap_or(Exit::FAILED).0
}

fn run(argv: &[OsString]) -> Exit {
    match invocation::read(argv) {
        Invocation::Compile { argv: command, masquerade } => {
            let called_as = argv.first().cloned().unwrap_or_default();
            let call = Call::new(command, &called_as, masquerade);
            compile::compile(&call, &Settings::read())
        }
        Invocation::Help => print(&format!("{}\n{USAGE}", version::banner("distcc"))),
        Invocation::Version => print(&version::banner("distcc")),
        Invocation::ShowHosts => {
            with_hosts(|list| list.hosts.iter().map(|host| format!("{}\n", host.text)).collect())
        }
        Invocation::Slots => with_hosts(|list| {
            let slots: u64 = list.hosts.iter().map(|host| u64::from(host.usable_slots())).sum();
            format!("{slots}\n")
        }),
        Invocation::Explain(command) => {
            print(&explain::explain(&Call::new(command, "distcc".as_ref(), false)))
        }
        Invocation::ScanIncludes(command) => {
            match scan_includes::scan_includes(&Call::new(command, "distcc".as_ref(), false)) {
                Ok(text) => print(&text),
                Err(problem) => {
                    crate::error!("{problem}");
                    Exit::FAILED
                }
            }
        }
        Invocation::MissingOperand => {
            let name = argv.first().cloned().unwrap_or_else(|| OsString::from("distcc"));
            let name = name.to_string_lossy();
            let text = format!(
                "{name}: missing option/operand\nTry `{name} --help' for more information.\n"
            );
            // Without stderr there is nobody to tell; the exit code says it too.
            drop(std::io::stderr().write_all(text.as_bytes()));
            Exit::BAD_ARGUMENTS
        }
    }
}

fn with_hosts(text: impl FnOnce(&crate::hosts::list::HostList) -> String) -> Exit {
    match host_list::read() {
        Ok(list) => print(&text(&list)),
        Err(problem) => {
            crate::warning!("{problem}");
            Exit::NO_HOSTS
        }
    }
}

fn print(text: &str) -> Exit {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Exit::OK,
        // A reader that has had enough is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::OK,
        Err(error) => {
            crate::error!("stdout: {error}");
            Exit::IO_ERROR
        }
    }
}

/// Messages go to DISTCC_LOG, else to UNCACHED_ERR_FD, else to stderr.
fn start_log() {
    let verbose = env::DISTCC_VERBOSE.flag(false);
    let (sink, problem) = match env::DISTCC_LOG.get_nonempty().map(PathBuf::from) {
        Some(path) => match log::open_file(&path) {
            Ok(file) => (Sink::File(file), None),
            Err(error) => (Sink::Stderr, Some((path, error))),
        },
        None => (uncached_stderr().map_or(Sink::Stderr, Sink::File), None),
    };
    let level = match (&sink, verbose, env::DISTCC_LOG.get_nonempty()) {
        (_, true, _) => Level::Debug,
        (Sink::File(_), false, Some(_)) => Level::Info,
        _ => Level::Warning,
    };
    log::init("distcc", level, sink);
    if let Some((path, error)) = problem {
        crate::error!("failed to open logfile {}: {error}", path.display());
    }
}

/// The descriptor on which ccache wants messages that it must not keep.
fn uncached_stderr() -> Option<File> {
    let number = env::UNCACHED_ERR_FD.number().and_then(|number| i32::try_from(number).ok())?;
    if number <= 2 {
        return None;
    }
    process::lent_descriptor(number).map(File::from)
}
