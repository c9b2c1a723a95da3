//! The command line, and the way into the background.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use rustix::process::Signal;

use crate::agent::seat::{Seat, Wishes};
use crate::agent::serve;
use crate::base::log::{self, Level, Sink};
use crate::base::{descriptors, env, process, version};
use crate::net::agent::start;

/// Tells distcc clients in pump mode which files a compile opens.
///
/// Clients start it when they need it, and it leaves when nobody does; there is no need to start it
/// by hand. It goes into the background, and returns once it listens.
#[derive(Debug, Parser)]
#[command(name = "distcc-agent", version = version_text(), max_term_width = 80)]
pub struct Cli {
    /// Listen at PATH, in place of the user's own place below DISTCC_DIR
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,

    /// Write the process id to FILE, removed at the end
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,

    /// Leave after so many seconds without work; 0 stays
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    idle: u64,

    /// Stay in the foreground, with messages on standard error
    #[arg(long)]
    foreground: bool,

    /// Serve, and say on standard output when it begins; how clients start the agent
    #[arg(long, hide = true, conflicts_with = "foreground")]
    serve: bool,

    /// End with the process PID, which has started this one, and remove the socket's directory if
    /// nothing is left in it; how `pump` starts the agent
    #[arg(long, hide = true, value_name = "PID", requires = "socket")]
    with_parent: Option<i32>,
}

fn version_text() -> &'static str {
    static TEXT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    TEXT.get_or_init(|| {
        let banner = version::banner("");
        banner.trim().to_owned()
    })
}

/// Runs the program.
pub fn main() -> ExitCode {
    descriptors::close_inherited(3);
    process::ignore_broken_pipes();
    process::keep_ended_children();
    log::init("distcc-agent", level(), Sink::Stderr);
    let cli = Cli::parse();
    let done = if cli.serve || cli.foreground { serve_as(&cli) } else { launch(&cli) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) if cli.serve => {
            // Whoever started us reads it, or is gone.
            drop(std::io::stdout().write_all(why.as_bytes()));
            ExitCode::FAILURE
        }
        Err(why) => {
            crate::error!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn level() -> Level {
    if env::DISTCC_VERBOSE.flag(false) { Level::Debug } else { Level::Info }
}

fn absolute(path: Option<&PathBuf>) -> Result<Option<PathBuf>, String> {
    let absolute = path.map(std::path::absolute).transpose();
    absolute.map_err(|error| format!("there is no current directory: {error}"))
}

/// Starts another one of us in the background.
fn launch(cli: &Cli) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| format!("/proc/self/exe: {error}"))?;
    let mut options = vec![OsString::from("--idle"), cli.idle.to_string().into()];
    for (name, path) in [("--socket", &cli.socket), ("--pid-file", &cli.pid_file)] {
        if let Some(path) = absolute(path.as_ref())? {
            options.extend([OsString::from(name), path.into()]);
        }
    }
    start::launch(&program, &options).map_err(|error| error.to_string())
}

fn serve_as(cli: &Cli) -> Result<(), String> {
    let wishes = Wishes {
        socket: absolute(cli.socket.as_ref())?,
        pid_file: absolute(cli.pid_file.as_ref())?,
        idle: (cli.idle > 0).then(|| Duration::from_secs(cli.idle)),
    };
    if let Some(parent) = cli.with_parent {
        rustix::process::set_parent_process_death_signal(Some(Signal::TERM))
            .map_err(|errno| format!("--with-parent: {errno}"))?;
        if rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(parent) {
            return Err(format!("process {parent} has ended"));
        }
    }
    if cli.serve {
        // It leads a group already if a shell started it as a job; then the group is its own.
        let _ = rustix::process::setsid();
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    std::env::set_current_dir(Path::new("/")).map_err(|error| format!("/: {error}"))?;
    let signals = serve::signals()?;
    let Some(mut seat) = Seat::take(&wishes)? else {
        // Another agent serves there.
        return say_listens(cli.serve);
    };
    if cli.serve {
        seat.log_to_file();
    }
    say_listens(cli.serve)?;
    let served = serve::serve(seat, signals);
    if let Some(dir) = wishes.socket.as_deref().and_then(Path::parent)
        && cli.with_parent.is_some()
    {
        // Not while something is in it that our parent looks at.
        drop(std::fs::remove_dir(dir));
    }
    served
}

/// Tells whoever started us, and lets go of the standard descriptors.
fn say_listens(is_asked: bool) -> Result<(), String> {
    if !is_asked {
        return Ok(());
    }
    let mut out = std::io::stdout();
    // Whoever started us may have been killed since.
    drop(out.write_all(start::LISTENS.as_bytes()).and_then(|()| out.flush()));
    let null = std::fs::File::options().read(true).write(true).open("/dev/null");
    let null = null.map_err(|error| format!("/dev/null: {error}"))?;
    let replaced = nix::unistd::dup2_stdin(&null)
        .and_then(|()| nix::unistd::dup2_stdout(&null))
        .and_then(|()| nix::unistd::dup2_stderr(&null));
    replaced.map_err(|errno| format!("/dev/null: {errno}"))
}
