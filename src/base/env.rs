//! Every environment variable we read: its name, its type and its default in one place.
//!
//! Source: distcc(1), distccd(1) of 3.4, and our own `DISTCC_COMPILER_MISMATCH` and
//! `DISTCC_DIAGNOSTICS`.

use std::ffi::OsString;

/// A variable by name.
#[derive(Clone, Copy, Debug)]
pub struct Var(pub &'static str);

/// Host list; if set, even empty, the hosts files are not read.
pub const DISTCC_HOSTS: Var = Var("DISTCC_HOSTS");
/// State directory, default `$HOME/.distcc`.
pub const DISTCC_DIR: Var = Var("DISTCC_DIR");
/// Log file; unset or empty: stderr.
pub const DISTCC_LOG: Var = Var("DISTCC_LOG");
/// `1`: log at level debug.
pub const DISTCC_VERBOSE: Var = Var("DISTCC_VERBOSE");
/// `0`: fail rather than compile here after a volunteer failed (default 1).
pub const DISTCC_FALLBACK: Var = Var("DISTCC_FALLBACK");
/// `1`: keep temporary files.
pub const DISTCC_SAVE_TEMPS: Var = Var("DISTCC_SAVE_TEMPS");
/// Accepted for compatibility; we always write whole buffers.
pub const DISTCC_TCP_CORK: Var = Var("DISTCC_TCP_CORK");
/// `0`: the daemon does not ask for TCP_DEFER_ACCEPT (default 1).
pub const DISTCC_TCP_DEFER_ACCEPT: Var = Var("DISTCC_TCP_DEFER_ACCEPT");
/// Seconds that one wait for the peer may last, default 300.
pub const DISTCC_IO_TIMEOUT: Var = Var("DISTCC_IO_TIMEOUT");
/// Seconds that a failed volunteer rests, default 60; 0 switches resting off.
pub const DISTCC_BACKOFF_PERIOD: Var = Var("DISTCC_BACKOFF_PERIOD");
/// Milliseconds between looks for a free slot where nothing can wake us, default 1000.
pub const DISTCC_PAUSE_TIME_MSEC: Var = Var("DISTCC_PAUSE_TIME_MSEC");
/// The ssh command, words as a shell splits them, default `ssh`.
pub const DISTCC_SSH: Var = Var("DISTCC_SSH");
/// Set, even empty: compiler names are sent as they were called.
pub const DISTCC_NO_REWRITE_CROSS: Var = Var("DISTCC_NO_REWRITE_CROSS");
/// Set, even empty: a volunteer's compile error is final.
pub const DISTCC_SKIP_LOCAL_RETRY: Var = Var("DISTCC_SKIP_LOCAL_RETRY");
/// Descriptor number for messages where `DISTCC_LOG` is unset (ccache sets it).
pub const UNCACHED_ERR_FD: Var = Var("UNCACHED_ERR_FD");
/// Recursion guard: how deep distcc is nested.
pub const SAFEGUARD: Var = Var("_DISTCC_SAFEGUARD");
/// What to do when a volunteer's compiler differs: `allow`, `warn` or `refuse`.
pub const DISTCC_COMPILER_MISMATCH: Var = Var("DISTCC_COMPILER_MISMATCH");
/// Pump: the hosts that `pump` asks which of them are up, in place of reading a host list.
pub const DISTCC_POTENTIAL_HOSTS: Var = Var("DISTCC_POTENTIAL_HOSTS");
/// Pump: further words for `lsdistcc`, as blanks separate them.
pub const LSDISTCC_ARGS: Var = Var("LSDISTCC_ARGS");
/// Pump: process number of the agent of `pump --startup`.
pub const INCLUDE_SERVER_PID: Var = Var("INCLUDE_SERVER_PID");
/// Pump: directory of that agent's socket.
pub const INCLUDE_SERVER_DIR: Var = Var("INCLUDE_SERVER_DIR");
/// Pump: options for the include server, words as a shell splits them.
pub const INCLUDE_SERVER_ARGS: Var = Var("INCLUDE_SERVER_ARGS");
/// Pump: units that failed on a volunteer and not here, after which pump mode ends, default 1.
pub const DISTCC_MAX_DISCREPANCY: Var = Var("DISTCC_MAX_DISCREPANCY");
/// Pump: `1`: distcc's own tests are run, so `pump` prints nothing that is not asked for.
pub const DISTCC_TESTING_INCLUDE_SERVER: Var = Var("DISTCC_TESTING_INCLUDE_SERVER");
/// `exact` (default): what a volunteer's compiler printed is made exact by compiling here;
/// `remote`: it is passed on as it came, without source lines.
pub const DISTCC_DIAGNOSTICS: Var = Var("DISTCC_DIAGNOSTICS");
/// `0`: macros are expanded here even where the volunteer's compiler is the same (default 1).
pub const DISTCC_DIRECTIVES_ONLY: Var = Var("DISTCC_DIRECTIVES_ONLY");
/// Pump mode: the program that is started as agent, or `no` for none; default: where it is
/// installed.
pub const DISTCC_AGENT: Var = Var("DISTCC_AGENT");
/// Pump mode: the socket of an include server, which `pump` sets; default: the user's agent.
pub const INCLUDE_SERVER_PORT: Var = Var("INCLUDE_SERVER_PORT");
/// Pump mode: where the agent has files for C clients, default `/dev/shm`, else `/tmp`.
pub const DISTCC_CLIENT_TMP: Var = Var("DISTCC_CLIENT_TMP");
/// Client: the build that its compiles belong to, in the journal; makepkg's hook sets it.
pub const DISTCC_BUILD: Var = Var("DISTCC_BUILD");
/// Seconds that a volunteer may take to compile one unit, default 0 = no limit.
pub const DISTCC_COMPILE_TIMEOUT: Var = Var("DISTCC_COMPILE_TIMEOUT");
/// Compilers: directories of headers for every language, after those of `-I`.
pub const CPATH: Var = Var("CPATH");
/// Compilers: directories of headers for C, after those of `-isystem`.
pub const C_INCLUDE_PATH: Var = Var("C_INCLUDE_PATH");
/// The same for C++.
pub const CPLUS_INCLUDE_PATH: Var = Var("CPLUS_INCLUDE_PATH");
/// The same for Objective-C.
pub const OBJC_INCLUDE_PATH: Var = Var("OBJC_INCLUDE_PATH");
/// The same for Objective-C++.
pub const OBJCPLUS_INCLUDE_PATH: Var = Var("OBJCPLUS_INCLUDE_PATH");
/// All variables that add directories of headers.
pub const HEADER_DIRS: [Var; 5] =
    [CPATH, C_INCLUDE_PATH, CPLUS_INCLUDE_PATH, OBJC_INCLUDE_PATH, OBJCPLUS_INCLUDE_PATH];
/// Daemon: where its compilers look for libraries.
pub const LD_LIBRARY_PATH: Var = Var("LD_LIBRARY_PATH");
/// Daemon: where gcc looks for its parts.
pub const COMPILER_PATH: Var = Var("COMPILER_PATH");
/// Daemon: where gcc looks for its parts, as the start of names.
pub const GCC_EXEC_PREFIX: Var = Var("GCC_EXEC_PREFIX");
/// Both by which gcc finds its parts.
pub const COMPILER_PARTS: [Var; 2] = [COMPILER_PATH, GCC_EXEC_PREFIX];
/// Daemon: PATH of its compilers.
pub const DISTCCD_PATH: Var = Var("DISTCCD_PATH");
/// Daemon: file that lists the commands that may run.
pub const DISTCC_CMDLIST: Var = Var("DISTCC_CMDLIST");
/// Daemon: how many last words of a path name a command, default 1.
pub const DISTCC_CMDLIST_NUMWORDS: Var = Var("DISTCC_CMDLIST_NUMWORDS");
/// Directory for temporary files, default `/tmp`; empty counts as unset.
pub const TMPDIR: Var = Var("TMPDIR");
/// Home directory.
pub const HOME: Var = Var("HOME");
/// The current directory by the name that the shell knows, links and all; compilers write it into
/// debug information.
pub const PWD: Var = Var("PWD");
/// Where programs are looked up.
pub const PATH: Var = Var("PATH");
/// Set by `cargo run`: the cargo that runs us.
pub const CARGO: Var = Var("CARGO");
/// gcc: one more dependency file, which only a local compile writes.
pub const DEPENDENCIES_OUTPUT: Var = Var("DEPENDENCIES_OUTPUT");
/// gcc: the same, with system headers.
pub const SUNPRO_DEPENDENCIES: Var = Var("SUNPRO_DEPENDENCIES");
/// Set by `cargo run`: the directory of the package whose program it runs.
pub const CARGO_MANIFEST_DIR: Var = Var("CARGO_MANIFEST_DIR");
/// Set by `cargo run`: the name of that package.
pub const CARGO_PKG_NAME: Var = Var("CARGO_PKG_NAME");
/// Set, not to nothing: no colours and no bold text, as <https://no-color.org> has it.
pub const NO_COLOR: Var = Var("NO_COLOR");
/// systemd socket activation: how many descriptors.
pub const LISTEN_FDS: Var = Var("LISTEN_FDS");
/// systemd socket activation: whose descriptors.
pub const LISTEN_PID: Var = Var("LISTEN_PID");
/// systemd socket activation: the names of the descriptors, separated by colons.
pub const LISTEN_FDNAMES: Var = Var("LISTEN_FDNAMES");
/// systemd readiness socket.
pub const NOTIFY_SOCKET: Var = Var("NOTIFY_SOCKET");

/// The configuration that makepkg reads instead of `/etc/makepkg.conf`.
pub const MAKEPKG_CONF: Var = Var("MAKEPKG_CONF");
/// Where a user's configuration is, default `$HOME/.config`.
pub const XDG_CONFIG_HOME: Var = Var("XDG_CONFIG_HOME");
/// Where what programs keep for a user is, default `$HOME/.local/state`.
pub const XDG_STATE_HOME: Var = Var("XDG_STATE_HOME");
/// Who called sudo: whose makepkg we set up.
pub const SUDO_USER: Var = Var("SUDO_USER");

/// The matrix of build roots that makechrootpkg users keep, as the ArchWiki names it.
pub const CHROOT: Var = Var("CHROOT");

/// All variables, for a program that passes some of them on.
pub fn all() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

impl Var {
    /// The value as bytes, if set.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads variables")]
    pub fn get(self) -> Option<OsString> {
        std::env::var_os(self.0)
    }

    /// The value as bytes; an empty one counts as unset.
    pub fn get_nonempty(self) -> Option<OsString> {
        self.get().filter(|value| !value.is_empty())
    }

    /// The value as text; what is not UTF-8 is replaced.
    pub fn text(self) -> Option<String> {
        self.get().map(|value| value.to_string_lossy().into_owned())
    }

    /// `0` or `1`; anything else is the default, as in distcc 3.4.
    pub fn flag(self, default: bool) -> bool {
        match self.get().as_deref().and_then(|value| value.to_str()) {
            Some("0") => false,
            Some("1") => true,
            _ => default,
        }
    }

    /// Whether it is set at all.
    pub fn is_set(self) -> bool {
        self.get().is_some()
    }

    /// A whole number, if it is one.
    pub fn number(self) -> Option<i64> {
        self.text().and_then(|text| text.trim().parse().ok())
    }
}
