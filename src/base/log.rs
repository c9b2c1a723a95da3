//! Messages in distcc's format, to stderr, a file, an inherited descriptor, or syslog.
//!
//! `PROGRAM[PID] (function) SEVERITY: text`, where notice, info and debug have no severity word.
//! Set up once per program by [`init`]; before that, messages of level warning and above go to
//! stderr.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{OnceLock, RwLock};

/// How much a message matters; lower is worse (syslog's numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "syslog's names")]
pub enum Level {
    Emergency = 0,
    Alert,
    Critical,
    Error,
    Warning,
    Notice,
    Info,
    Debug,
}

impl Level {
    /// Reads a name as `--log-level` takes it.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "emerg" | "emergency" => Self::Emergency,
            "alert" => Self::Alert,
            "crit" | "critical" => Self::Critical,
            "err" | "error" => Self::Error,
            "warn" | "warning" => Self::Warning,
            "notice" | "note" => Self::Notice,
            "info" => Self::Info,
            "debug" => Self::Debug,
            _ => return None,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Self::Emergency => "EMERGENCY! ",
            Self::Alert => "ALERT! ",
            Self::Critical => "CRITICAL! ",
            Self::Error => "ERROR: ",
            Self::Warning => "Warning: ",
            Self::Notice | Self::Info | Self::Debug => "",
        }
    }
}

/// Where messages go.
#[derive(Debug)]
pub enum Sink {
    /// The program's stderr.
    Stderr,
    /// A file opened for append, or a descriptor that the caller lent.
    File(File),
    /// The system log, facility daemon.
    Syslog,
}

#[derive(Debug)]
struct Logger {
    program: String,
    level: Level,
    sink: Sink,
}

fn logger() -> &'static RwLock<Logger> {
    static LOGGER: OnceLock<RwLock<Logger>> = OnceLock::new();
    LOGGER.get_or_init(|| {
        RwLock::new(Logger {
            program: "distcc".to_owned(),
            level: Level::Warning,
            sink: Sink::Stderr,
        })
    })
}

/// Names the program, and sets what is logged and where. May be called again (SIGHUP).
pub fn init(program: &str, level: Level, sink: Sink) {
    if let Sink::Syslog = sink {
        let ident = std::ffi::CString::new(program).ok();
        let ident: Option<&'static std::ffi::CStr> =
            ident.map(|name| &*Box::leak(name.into_boxed_c_str()));
        // A system without a log daemon is no reason to stop; messages are lost, as for everyone.
        let _ = nix::syslog::openlog(
            ident,
            nix::syslog::LogFlags::LOG_PID,
            nix::syslog::Facility::LOG_DAEMON,
        );
    }
    if let Ok(mut logger) = logger().write() {
        *logger = Logger { program: program.to_owned(), level, sink };
    }
}

/// Opens a log file for append, made with mode 0666 less the umask.
///
/// # Errors
///
/// What opening it met.
pub fn open_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o666).open(path)
}

/// Whether a message of `level` would be written; spares the work of making it.
pub fn enabled(level: Level) -> bool {
    logger().read().is_ok_and(|logger| level <= logger.level)
}

/// Writes one message; `function` may be empty. Use the macros.
pub fn write(level: Level, function: &str, text: fmt::Arguments<'_>) {
    let Ok(logger) = logger().read() else { return };
    if level > logger.level {
        return;
    }
    let place = if function.is_empty() { String::new() } else { format!("({function}) ") };
    let line = match logger.sink {
        Sink::Syslog => format!("{place}{}{text}", level.word()),
        _ => format!("{}[{}] {place}{}{text}\n", logger.program, std::process::id(), level.word()),
    };
    // There is nowhere to report that reporting failed.
    match &logger.sink {
        Sink::Stderr => {
            drop(std::io::stderr().write_all(line.as_bytes()));
        }
        Sink::File(file) => {
            drop((&mut &*file).write_all(line.as_bytes()));
        }
        Sink::Syslog => {
            let _ = nix::syslog::syslog(syslog_severity(level), &line);
        }
    }
}

fn syslog_severity(level: Level) -> nix::syslog::Severity {
    use nix::syslog::Severity;
    match level {
        Level::Emergency => Severity::LOG_EMERG,
        Level::Alert => Severity::LOG_ALERT,
        Level::Critical => Severity::LOG_CRIT,
        Level::Error => Severity::LOG_ERR,
        Level::Warning => Severity::LOG_WARNING,
        Level::Notice => Severity::LOG_NOTICE,
        Level::Info => Severity::LOG_INFO,
        Level::Debug => Severity::LOG_DEBUG,
    }
}

/// Logs at the level named; what the message is made of is not even computed where nobody reads it.
#[macro_export]
macro_rules! log_at {
    ($level:ident, $($arg:tt)*) => {
        if $crate::base::log::enabled($crate::base::log::Level::$level) {
            $crate::base::log::write($crate::base::log::Level::$level, "", format_args!($($arg)*));
        }
    };
}

/// Logs at level critical.
#[macro_export]
macro_rules! critical {
    ($($arg:tt)*) => { $crate::log_at!(Critical, $($arg)*) };
}

/// Logs at level error.
#[macro_export]
macro_rules! error {
    ($($arg:tt)*) => { $crate::log_at!(Error, $($arg)*) };
}

/// Logs at level warning.
#[macro_export]
macro_rules! warning {
    ($($arg:tt)*) => { $crate::log_at!(Warning, $($arg)*) };
}

/// Logs at level notice.
#[macro_export]
macro_rules! notice {
    ($($arg:tt)*) => { $crate::log_at!(Notice, $($arg)*) };
}

/// Logs at level info.
#[macro_export]
macro_rules! info {
    ($($arg:tt)*) => { $crate::log_at!(Info, $($arg)*) };
}

/// Logs at level debug.
#[macro_export]
macro_rules! debug {
    ($($arg:tt)*) => { $crate::log_at!(Debug, $($arg)*) };
}
