//! `distccd`'s options, as a person writes them.
//!
//! Names and defaults are those of distcc 3.4 (extra words are ignored, as popt does); `--sysroot`
//! and `--oom-score-adj` are of its development head; the group "limits" and `--sandbox` are ours.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::base::version;

/// The compile server of distcc: compiles files that clients send.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "distccd",
    disable_version_flag = true,
    args_override_self = true,
    max_term_width = 100,
    after_help = "distccd should only be reachable from trusted networks."
)]
pub struct Options {
    /// Save the process id of the daemon in FILE
    #[arg(short = 'P', long, value_name = "FILE", allow_hyphen_values = true)]
    pub(super) pid_file: Option<PathBuf>,
    /// Lower the priority by LEVEL, 20 is nicest
    #[arg(
        short = 'N',
        long,
        value_name = "LEVEL",
        default_value_t = 5,
        allow_hyphen_values = true
    )]
    pub(super) nice: i32,
    /// Make the kernel's out-of-memory killer prefer (1000) or spare (-1000) compilers
    #[arg(long, value_name = "ADJ", allow_hyphen_values = true)]
    pub(super) oom_score_adj: Option<i32>,
    /// Become this user if started by root [default: distcc]
    #[arg(long, value_name = "USER")]
    pub(super) user: Option<String>,
    /// Compile at most LIMIT files at once [default: processors + 2]
    #[arg(short, long, value_name = "LIMIT", allow_hyphen_values = true)]
    pub(super) jobs: Option<i64>,
    /// Kill a compile that takes longer; 0 lets it run
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(super) job_lifetime: u64,
    /// End after so many seconds; 0 is never (for tests)
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(super) lifetime: u64,

    /// TCP port to listen on [default: 3632, or that of --target]
    #[arg(
        short,
        long,
        value_name = "PORT",
        allow_hyphen_values = true,
        help_heading = "Networking"
    )]
    pub(super) port: Option<i64>,
    /// Address to listen on [default: all of IPv6 and IPv4]
    #[arg(long, value_name = "ADDRESS", help_heading = "Networking")]
    pub(super) listen: Option<String>,
    /// Serve clients with this address, network or host name; may be repeated
    #[arg(short, long, value_name = "IP[/BITS]", help_heading = "Networking")]
    pub(super) allow: Vec<String>,
    /// Serve clients of private networks (the default where no --allow is given)
    #[arg(long, help_heading = "Networking")]
    pub(super) allow_private: bool,
    /// Serve a page of statistics
    #[arg(long, help_heading = "Networking")]
    pub(super) stats: bool,
    /// TCP port of the statistics
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = i64::from(version::DEFAULT_STATS_PORT),
        allow_hyphen_values = true,
        help_heading = "Networking"
    )]
    pub(super) stats_port: i64,
    /// Announce this volunteer in the local network
    #[arg(long, help_heading = "Networking")]
    pub(super) zeroconf: bool,

    /// Compile for this machine only: x86_64, armv5, armv6h, armv7h or armv8
    #[arg(long, value_name = "TARGET", help_heading = "Toolchains")]
    pub(super) target: Option<String>,
    /// Serve this toolchain: its directory, or a target to find one for; may be repeated
    #[arg(long, value_name = "[TARGET=]DIR", help_heading = "Toolchains")]
    pub(super) toolchain: Vec<OsString>,

    /// Run any program that a client names, not only listed compilers; dangerous
    #[arg(long, alias = "make-me-a-botnet", help_heading = "Security")]
    pub(super) enable_tcp_insecure: bool,
    /// Accept -specs=F where F is a regular file below DIR
    #[arg(long, value_name = "DIR", help_heading = "Security")]
    pub(super) sysroot: Option<PathBuf>,
    /// How to shut compilers off from this machine
    #[arg(long, value_enum, default_value_t, value_name = "LEVEL", help_heading = "Security")]
    pub(super) sandbox: Sandbox,

    /// Connections that may wait or be read at once; the next wait in the kernel
    #[arg(long, value_name = "N", default_value_t = 1024, help_heading = "Limits")]
    pub(super) max_waiting: usize,
    /// Longest silence of a client within a request or reply [default: $DISTCC_IO_TIMEOUT or 300]
    #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
    pub(super) io_timeout: Option<u64>,
    /// Longest time that a whole request or reply may take to travel; 0 is any
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, help_heading = "Limits")]
    pub(super) transfer_timeout: u64,
    /// Memory for requests that wait, and as much again for unfinished ones
    #[arg(long, value_name = "MIB", default_value_t = 1024, help_heading = "Limits")]
    pub(super) max_held: u64,
    /// Largest object file that a compiler may write
    #[arg(long, value_name = "MIB", default_value_t = 2048, help_heading = "Limits")]
    pub(super) max_output: u64,
    /// Disk space for the files of pump clients [default: a quarter of what is free in TMPDIR]
    #[arg(long, value_name = "MIB", help_heading = "Limits")]
    pub(super) pump_cache: Option<u64>,
    /// How long running compiles may go on once the daemon is told to stop
    #[arg(long, value_name = "SECONDS", default_value_t = 3, help_heading = "Limits")]
    pub(super) stop_grace: u64,

    /// How much to log: emerg, alert, crit, err, warning, notice, info or debug
    #[arg(long, value_name = "LEVEL", help_heading = "Debug and trace")]
    pub(super) log_level: Option<String>,
    /// The same as --log-level debug
    #[arg(long, help_heading = "Debug and trace")]
    pub(super) verbose: bool,
    /// Log to FILE, not to syslog
    #[arg(long, value_name = "FILE", help_heading = "Debug and trace")]
    pub(super) log_file: Option<PathBuf>,
    /// Log to stderr
    #[arg(long, help_heading = "Debug and trace")]
    pub(super) log_stderr: bool,
    /// Stay with the parent: for systemd and other supervisors
    #[arg(long, help_heading = "Debug and trace")]
    pub(super) no_detach: bool,
    /// Accepted for compatibility: distccd never forks per client
    #[arg(long, help_heading = "Debug and trace")]
    pub(super) no_fork: bool,
    /// Accepted for compatibility
    #[arg(long, help_heading = "Debug and trace")]
    pub(super) no_fifo: bool,
    /// --log-stderr --daemon --no-detach --no-fork --verbose
    #[arg(short = 'W', long, help_heading = "Debug and trace")]
    pub(super) wizard: bool,

    /// Serve the one client on standard input and output
    #[arg(long, help_heading = "Mode of operation")]
    pub(super) inetd: bool,
    /// Listen for clients
    #[arg(long, help_heading = "Mode of operation")]
    pub(super) daemon: bool,
    /// Show the version and exit
    #[arg(long, help_heading = "Mode of operation")]
    pub(super) version: bool,

    #[arg(hide = true, value_name = "IGNORED")]
    pub(super) words: Vec<OsString>,
}

/// How far compilers are shut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Sandbox {
    /// What the kernel has; the log says what that is
    #[default]
    Auto,
    /// Do not start where the kernel has no Landlock
    Require,
    /// Compilers may do what the daemon may
    Off,
}
