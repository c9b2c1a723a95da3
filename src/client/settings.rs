//! What the environment asks of the client.

use std::time::Duration;

use crate::base::env;
use crate::net::ssh;

/// What to do about a volunteer whose compiler is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Refuse what may matter (LTO objects, another major or minor version), warn of the rest.
    ByRisk,
    /// Take every object of the right machine.
    Allow,
    /// Take it, and say so.
    Warn,
    /// Take none that differs in any way.
    Refuse,
}

/// What to do about text that a volunteer's compiler printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Diagnostics {
    /// Compile here as well, so that the text is what a local compile prints.
    Exact,
    /// Pass it on as it came: without source lines, with the preprocessed text's columns.
    Remote,
}

/// The client's settings, read once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether to compile here when no volunteer could.
    pub fallback: bool,
    /// Whether a volunteer's compile error is final.
    pub skip_local_retry: bool,
    /// Whether compiler names may be replaced by full names, and clang told its target.
    pub rewrite_cross: bool,
    /// Longest wait for one read or write; `None` is a value that cannot be used.
    pub io_timeout: Option<Duration>,
    /// Longest wait for a volunteer's compiler; `None` is no limit.
    pub compile_timeout: Option<Duration>,
    /// How long a failed volunteer rests.
    pub rest_period: Duration,
    /// Longest time between two looks for a free slot.
    pub pause: Duration,
    /// Whether macros may be left for the volunteer's compiler to expand.
    pub directives_only: bool,
    /// The ssh command as words.
    pub ssh: Vec<String>,
    /// About other compilers.
    pub mismatch: Mismatch,
    /// About warnings.
    pub diagnostics: Diagnostics,
}

/// A volunteer's compiler may take this long where the user sets no other limit: long enough for
/// any unit we know of, short enough that a volunteer which hangs does not hold a build for ever.
const COMPILE_TIMEOUT: Duration = Duration::from_secs(1800);

impl Settings {
    /// Reads the environment.
    pub fn read() -> Self {
        let seconds = |number: i64| u64::try_from(number).ok().map(Duration::from_secs);
        let io_timeout = match env::DISTCC_IO_TIMEOUT.number() {
            None => Some(Duration::from_secs(300)),
            Some(number) => seconds(number).filter(|time| !time.is_zero()),
        };
        let compile_timeout = match env::DISTCC_COMPILE_TIMEOUT.number() {
            None => Some(COMPILE_TIMEOUT),
            Some(number) => seconds(number).filter(|time| !time.is_zero()),
        };
        let pause = env::DISTCC_PAUSE_TIME_MSEC.number().and_then(|ms| u64::try_from(ms).ok());
        Self {
            fallback: env::DISTCC_FALLBACK.flag(true),
            skip_local_retry: env::DISTCC_SKIP_LOCAL_RETRY.is_set(),
            rewrite_cross: !env::DISTCC_NO_REWRITE_CROSS.is_set(),
            io_timeout,
            compile_timeout,
            rest_period: env::DISTCC_BACKOFF_PERIOD
                .number()
                .and_then(seconds)
                .unwrap_or(Duration::from_secs(60)),
            pause: Duration::from_millis(pause.unwrap_or(1000).max(1)),
            directives_only: env::DISTCC_DIRECTIVES_ONLY.flag(true),
            ssh: ssh::words(env::DISTCC_SSH.text().as_deref()),
            mismatch: match env::DISTCC_COMPILER_MISMATCH.text().as_deref() {
                Some("allow") => Mismatch::Allow,
                Some("warn") => Mismatch::Warn,
                Some("refuse") => Mismatch::Refuse,
                _ => Mismatch::ByRisk,
            },
            diagnostics: match env::DISTCC_DIAGNOSTICS.text().as_deref() {
                Some("remote") => Diagnostics::Remote,
                _ => Diagnostics::Exact,
            },
        }
    }
}
