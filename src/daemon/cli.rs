//! [`Config`]: what the options mean, once checked; refusals are worded as distcc 3.4 words them.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

use crate::base::env;
use crate::base::log::Level;
use crate::base::version;
use crate::daemon::options::{Options, Sandbox};
use crate::daemon::toolchains::Wish;
use crate::targets::{self, Target};

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTo {
    /// The system log.
    Syslog,
    /// Standard error.
    Stderr,
    /// A file, opened for append.
    File(PathBuf),
}

/// Where clients come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// From a socket that we listen on.
    Daemon {
        /// Leave the parent and run on in the background.
        detach: bool,
    },
    /// There is one, on standard input and output.
    Inetd,
    /// [`Mode::Inetd`] if standard input is a socket, else [`Mode::Daemon`].
    Guess {
        /// As in [`Mode::Daemon`].
        detach: bool,
    },
}

/// The options, checked, with every default filled in but those the machine decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients come from.
    pub mode: Mode,
    /// Where the process id is written.
    pub pid_file: Option<PathBuf>,
    /// Increment of the nice level.
    pub nice: i32,
    /// Value for oom_score_adj.
    pub oom_score_adj: Option<i32>,
    /// The user to become.
    pub user: Option<String>,
    /// Compiles at once; `None`: processors + 2.
    pub jobs: Option<usize>,
    /// Longest compile.
    pub job_lifetime: Option<Duration>,
    /// Longest life of the daemon.
    pub lifetime: Option<Duration>,
    /// Port of the service.
    pub port: u16,
    /// Address to bind; `None`: all.
    pub listen: Option<String>,
    /// What `--allow` said, one by one.
    pub allow: Vec<String>,
    /// Private networks are served.
    pub allow_private: bool,
    /// Port of the statistics, if they are wanted.
    pub stats_port: Option<u16>,
    /// `--zeroconf` was given.
    pub zeroconf: bool,
    /// The one target that is served.
    pub target: Option<&'static Target>,
    /// Toolchains that the options name.
    pub toolchains: Vec<Wish>,
    /// No whitelist.
    pub insecure: bool,
    /// Directory of spec files.
    pub sysroot: Option<PathBuf>,
    /// How far compilers are shut off.
    pub sandbox: Sandbox,
    /// Connections that wait or are being read.
    pub max_waiting: usize,
    /// Longest silence of a client.
    pub io_timeout: Duration,
    /// Longest transfer of one request or reply.
    pub transfer_timeout: Option<Duration>,
    /// Bytes of waiting requests, and again of unfinished ones.
    pub max_held: usize,
    /// Bytes of one object.
    pub max_output: u64,
    /// Bytes of disk for trees of pump clients; `None`: what fits.
    pub pump_cache: Option<u64>,
    /// How long running compiles may go on after SIGTERM.
    pub stop_grace: Duration,
    /// Log level.
    pub log_level: Level,
    /// `--log-level` named no level: this word.
    pub bad_log_level: Option<String>,
    /// Where messages go.
    pub log_to: LogTo,
}

impl Config {
    /// Compiles at once: what was asked for, or two more than there are processors.
    pub fn jobs_at_once(&self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.unwrap_or(processors + 2)
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Asked {
    /// Print this to stdout and end well.
    Print(String),
    /// Serve.
    Serve(Box<Config>),
}

/// Why a command line cannot be used; ends with exit code 101.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CliError {
    /// popt's words: the option or the value, and what is wrong with it.
    #[error("{0}: {1}")]
    Usage(String, &'static str),
    /// `--jobs` below one.
    #[error("--jobs argument must be 1 or more")]
    Jobs,
    /// A port that is none: the option's name and the number.
    #[error("{0} must be between 1 and 65535, not {1}")]
    Port(&'static str, i64),
    /// A word that is no target's name.
    #[error("--target {0}: no such target; write x86_64, armv5, armv6h, armv7h or armv8")]
    Target(String),
    /// `--toolchain` with neither a target nor a directory.
    #[error(
        "--toolchain {0}: write a directory (/opt/x/bin), a target (armv7h), or both \
         (armv7h=/opt/x/bin)"
    )]
    Toolchain(String),
    /// A toolchain for another target than the only one.
    #[error("--toolchain {0}: this distccd is for {1} alone (--target); leave --target out")]
    OtherTarget(String, &'static str),
    /// `--max-waiting 0` and the like: the option's name.
    #[error("{0} must be 1 or more")]
    Zero(&'static str),
    /// Anything else, in clap's words.
    #[error("{0}")]
    Other(String),
}

/// The options as clap knows them: for help, man page and completions.
pub fn command() -> clap::Command {
    Options::command()
}

/// Reads a command line (with the program's name in front).
///
/// # Errors
///
/// [`CliError`]: an unknown option, a value that is none, or one out of range.
pub fn read(argv: &[OsString]) -> Result<Asked, CliError> {
    let matches = match command().try_get_matches_from(argv) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            return Ok(Asked::Print(error.to_string()));
        }
        Err(error) => return Err(as_popt_says_it(&error)),
    };
    let options = Options::from_arg_matches(&matches).map_err(|error| as_popt_says_it(&error))?;
    if options.version {
        return Ok(Asked::Print(version::banner("distccd")));
    }
    let name = argv.first().map(OsString::as_os_str).unwrap_or_default();
    check(options, name).map(|config| Asked::Serve(Box::new(config)))
}

fn as_popt_says_it(error: &clap::Error) -> CliError {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => {
            text.split([' ', '=']).next().unwrap_or_default().to_owned()
        }
        _ => String::new(),
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            CliError::Usage(text(ContextKind::InvalidArg), "unknown option")
        }
        ErrorKind::InvalidValue if text(ContextKind::InvalidValue).is_empty() => {
            CliError::Usage(text(ContextKind::InvalidArg), "missing argument")
        }
        ErrorKind::ValueValidation => {
            CliError::Usage(text(ContextKind::InvalidValue), "invalid numeric value")
        }
        _ => {
            let rendered = error.to_string();
            let line = rendered.lines().next().unwrap_or_default();
            CliError::Other(line.trim_start_matches("error: ").to_owned())
        }
    }
}

fn check(options: Options, name: &OsStr) -> Result<Config, CliError> {
    let jobs = match options.jobs {
        Some(jobs) => {
            Some(usize::try_from(jobs).ok().filter(|jobs| *jobs > 0).ok_or(CliError::Jobs)?)
        }
        None => None,
    };
    let positive =
        |name, value: u64| if value == 0 { Err(CliError::Zero(name)) } else { Ok(value) };
    let io_timeout = options.io_timeout.unwrap_or_else(|| {
        let from_env = env::DISTCC_IO_TIMEOUT.number().and_then(|secs| u64::try_from(secs).ok());
        from_env.filter(|secs| *secs > 0).unwrap_or(300)
    });
    let target = target(options.target.as_deref(), name)?;
    let toolchains = toolchains(&options.toolchain, target)?;
    let port = match options.port {
        Some(number) => port("--port", number)?,
        None => target.map_or(version::DEFAULT_PORT, |target| target.port),
    };
    let stats_port =
        if options.stats { Some(self::port("--stats-port", options.stats_port)?) } else { None };
    let level = options.log_level.as_deref().map(|name| (name, Level::parse(name)));
    let bad_log_level = match level {
        Some((name, None)) => Some(name.to_owned()),
        _ => None,
    };
    let log_level = match level {
        _ if options.verbose || options.wizard => Level::Debug,
        Some((_, Some(level))) => level,
        _ => Level::Notice,
    };
    Ok(Config {
        mode: mode(&options),
        pid_file: options.pid_file.map(absolute),
        nice: options.nice,
        oom_score_adj: options.oom_score_adj,
        user: options.user,
        jobs,
        job_lifetime: seconds(options.job_lifetime),
        lifetime: seconds(options.lifetime),
        port,
        listen: options.listen,
        allow: options.allow,
        allow_private: options.allow_private,
        stats_port,
        zeroconf: options.zeroconf,
        target,
        toolchains,
        insecure: options.enable_tcp_insecure,
        sysroot: options.sysroot.map(absolute),
        sandbox: options.sandbox,
        max_waiting: usize::try_from(positive("--max-waiting", options.max_waiting as u64)?)
            .unwrap_or(usize::MAX),
        io_timeout: Duration::from_secs(positive("--io-timeout", io_timeout)?),
        transfer_timeout: seconds(options.transfer_timeout),
        max_held: usize::try_from(mebibytes(positive("--max-held", options.max_held)?))
            .unwrap_or(usize::MAX),
        // The wire has 32 bits for a length.
        max_output: mebibytes(positive("--max-output", options.max_output)?).min(u32::MAX.into()),
        pump_cache: match options.pump_cache {
            Some(size) => Some(mebibytes(positive("--pump-cache", size)?)),
            None => None,
        },
        stop_grace: Duration::from_secs(options.stop_grace),
        log_level,
        bad_log_level,
        log_to: match options.log_file {
            _ if options.log_stderr || options.wizard => LogTo::Stderr,
            Some(path) => LogTo::File(absolute(path)),
            None => LogTo::Syslog,
        },
    })
}

fn mode(options: &Options) -> Mode {
    let detach = !(options.no_detach || options.wizard);
    if options.inetd {
        Mode::Inetd
    } else if options.daemon || options.wizard {
        Mode::Daemon { detach }
    } else {
        Mode::Guess { detach }
    }
}

/// The one target: as `--target` says, else as the program's own name does (`distccd-armv7h`).
fn target(asked: Option<&str>, name: &OsStr) -> Result<Option<&'static Target>, CliError> {
    if let Some(asked) = asked {
        let target = targets::by_name(asked);
        return target.map(Some).ok_or_else(|| CliError::Target(asked.to_owned()));
    }
    let name = Path::new(name).file_name().and_then(OsStr::to_str).unwrap_or_default();
    Ok(name.strip_prefix("distccd-").and_then(targets::by_name))
}

fn toolchains(words: &[OsString], only: Option<&'static Target>) -> Result<Vec<Wish>, CliError> {
    let wish = |word: &OsString| {
        let text = || word.to_string_lossy().into_owned();
        let wish = Wish::parse(word).ok_or_else(|| CliError::Toolchain(text()))?;
        match (only, wish.target) {
            (Some(only), Some(target)) if only != target => {
                Err(CliError::OtherTarget(text(), only.name))
            }
            _ => Ok(wish),
        }
    };
    words.iter().map(wish).collect()
}

fn port(name: &'static str, number: i64) -> Result<u16, CliError> {
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    port.ok_or(CliError::Port(name, number))
}

fn seconds(number: u64) -> Option<Duration> {
    (number > 0).then(|| Duration::from_secs(number))
}

fn mebibytes(number: u64) -> u64 {
    number.saturating_mul(1 << 20)
}

/// The daemon changes its directory, so every path of its command line is made absolute first.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(line: &str) -> Result<Asked, CliError> {
        let argv: Vec<OsString> =
            std::iter::once("distccd").chain(line.split_whitespace()).map(OsString::from).collect();
        read(&argv)
    }

    fn config(line: &str) -> Config {
        match ask(line) {
            Ok(Asked::Serve(config)) => *config,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refusal(line: &str) -> String {
        ask(line).unwrap_err().to_string()
    }

    #[test]
    fn defaults_are_those_of_distcc() {
        let config = config("");
        assert_eq!(config.port, 3632);
        assert_eq!(config.nice, 5);
        assert_eq!(config.jobs, None);
        assert_eq!(config.stats_port, None);
        assert_eq!(config.job_lifetime, None);
        assert_eq!(config.log_level, Level::Notice);
        assert_eq!(config.log_to, LogTo::Syslog);
        assert_eq!(config.mode, Mode::Guess { detach: true });
    }

    #[test]
    fn values_follow_after_a_blank_an_equals_sign_or_nothing() {
        assert_eq!(config("--jobs 3").jobs, Some(3));
        assert_eq!(config("--jobs=3").jobs, Some(3));
        assert_eq!(config("-j 3").jobs, Some(3));
        assert_eq!(config("-j3").jobs, Some(3));
        assert_eq!(config("--nice -5").nice, -5);
        assert_eq!(config("-N=-5").nice, -5);
        assert_eq!(config("-a 10.0.0.1 --allow=10.0.0.2").allow, ["10.0.0.1", "10.0.0.2"]);
    }

    #[test]
    fn the_last_of_an_option_given_twice_counts() {
        assert_eq!(config("--port 1 --port 2").port, 2);
    }

    #[test]
    fn words_that_are_no_options_are_ignored() {
        assert_eq!(config("gcc --port 99 path").port, 99);
    }

    #[test]
    fn refusals_are_worded_as_popt_words_them() {
        assert_eq!(refusal("--bogus"), "--bogus: unknown option");
        assert_eq!(refusal("--bogus=3"), "--bogus: unknown option");
        assert_eq!(refusal("gcc-path --bogus-option"), "--bogus-option: unknown option");
        assert_eq!(refusal("-x"), "-x: unknown option");
        assert_eq!(refusal("--allow"), "--allow: missing argument");
        assert_eq!(refusal("-j"), "--jobs: missing argument");
        assert_eq!(refusal("--port abc"), "abc: invalid numeric value");
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert_eq!(ask("-j 0").unwrap_err(), CliError::Jobs);
        assert_eq!(ask("-j -3").unwrap_err(), CliError::Jobs);
        assert_eq!(ask("--port 80000").unwrap_err(), CliError::Port("--port", 80000));
        assert_eq!(ask("--port 0").unwrap_err(), CliError::Port("--port", 0));
        assert_eq!(ask("--stats --stats-port 0").unwrap_err(), CliError::Port("--stats-port", 0));
        assert_eq!(ask("--max-waiting 0").unwrap_err(), CliError::Zero("--max-waiting"));
    }

    #[test]
    fn a_bad_log_level_is_kept_for_a_warning() {
        let config = config("--log-level foo");
        assert_eq!(config.bad_log_level.as_deref(), Some("foo"));
        assert_eq!(config.log_level, Level::Notice);
    }

    #[test]
    fn the_wizard_is_four_options_in_one() {
        let config = config("-W");
        assert_eq!(config.mode, Mode::Daemon { detach: false });
        assert_eq!(config.log_to, LogTo::Stderr);
        assert_eq!(config.log_level, Level::Debug);
    }

    #[test]
    fn arch_and_debian_start_lines_are_understood() {
        let line = "--no-detach --daemon --allow-private --log-level error --log-file /tmp/d.log";
        let arch = config(line);
        assert_eq!(arch.mode, Mode::Daemon { detach: false });
        assert_eq!(arch.log_to, LogTo::File(PathBuf::from("/tmp/d.log")));
        assert!(arch.allow_private);
        let debian = config("--pid-file=/run/distccd.pid --log-file=/v/l --daemon --user=distccd");
        assert_eq!(debian.user.as_deref(), Some("distccd"));
    }

    #[test]
    fn a_target_brings_its_port_and_a_program_name_brings_a_target() {
        assert_eq!(config("--target armv7h").port, 3635);
        assert_eq!(config("--target aarch64").port, 3636);
        assert_eq!(config("--target armv7h --port 4000").port, 4000);
        let named = |name: &str, line: &str| {
            let argv: Vec<OsString> =
                std::iter::once(name).chain(line.split_whitespace()).map(OsString::from).collect();
            let Ok(Asked::Serve(config)) = read(&argv) else { panic!("{name} {line}") };
            (config.target.map(|target| target.name), config.port)
        };
        assert_eq!(named("/usr/bin/distccd-armv8", ""), (Some("armv8"), 3636));
        assert_eq!(named("distccd-alarm-armv5", "--port 9"), (Some("armv5"), 9));
        assert_eq!(named("distccd-armv8", "--target armv5"), (Some("armv5"), 3633));
        assert_eq!(named("/x/armv8", ""), (None, 3632));
        assert_eq!(named("distccd-0f3a", ""), (None, 3632));
        assert_eq!(
            refusal("--target riscv64"),
            "--target riscv64: no such target; write x86_64, armv5, armv6h, armv7h or armv8"
        );
    }

    #[test]
    fn toolchains_are_named_by_target_directory_or_both() {
        let wish = |line: &str| config(line).toolchains;
        let armv7h = targets::by_name("armv7h");
        let dir = Some(PathBuf::from("/opt/x/bin"));
        assert_eq!(wish("--toolchain armv7h"), [Wish { target: armv7h, dir: None }]);
        assert_eq!(
            wish("--toolchain armv7h=/opt/x/bin --toolchain /opt/x/bin"),
            [Wish { target: armv7h, dir: dir.clone() }, Wish { target: None, dir }]
        );
        for bad in ["x", "armv7h=", "x=y", ""] {
            let argv = ["distccd", "--toolchain", bad].map(OsString::from);
            assert_eq!(read(&argv).unwrap_err(), CliError::Toolchain(bad.to_owned()));
        }
        assert!(matches!(
            ask("--target armv8 --toolchain armv7h=/x").unwrap_err(),
            CliError::OtherTarget(..)
        ));
    }

    #[test]
    fn the_old_name_of_insecure_still_works() {
        assert!(config("--make-me-a-botnet").insecure);
        assert!(config("--enable-tcp-insecure").insecure);
        assert!(!config("").insecure);
    }

    #[test]
    fn help_and_version_are_printed() {
        let Ok(Asked::Print(help)) = ask("--help") else { panic!() };
        assert!(help.contains("Usage: distccd"), "{help}");
        let Ok(Asked::Print(banner)) = ask("--version --port 3") else { panic!() };
        assert!(banner.starts_with("distccd 3.4 "), "{banner}");
    }
}
