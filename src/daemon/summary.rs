//! How one client's visit ended: the line in the log, and the counter it feeds.

use std::time::Duration;

use crate::base::exit::Exit;
use crate::base::log::{self, Level};

/// The kinds of ending, in the order of the statistics page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The request was no request.
    RejBadReq,
    /// Dropped because there was too much to do.
    RejOverload,
    /// The compiler was content.
    CompileOk,
    /// The compiler was not, or died.
    CompileError,
    /// Killed for taking too long.
    CompileTimeout,
    /// The client went away.
    CliDisconn,
    /// Everything else.
    Other,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::RejBadReq,
        Self::RejOverload,
        Self::CompileOk,
        Self::CompileError,
        Self::CompileTimeout,
        Self::CliDisconn,
        Self::Other,
    ];

    /// Its name in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::RejBadReq => "REJ_BAD_REQ",
            Self::RejOverload => "REJ_OVERLOAD",
            Self::CompileOk => "COMPILE_OK",
            Self::CompileError => "COMPILE_ERROR",
            Self::CompileTimeout => "COMPILE_TIMEOUT",
            Self::CliDisconn => "CLI_DISCONN",
            Self::Other => "OTHER",
        }
    }

    /// Its name on the statistics page.
    pub fn counter(self) -> &'static str {
        match self {
            Self::RejBadReq => "dcc_rej_bad_req",
            Self::RejOverload => "dcc_rej_overload",
            Self::CompileOk => "dcc_compile_ok",
            Self::CompileError => "dcc_compile_error",
            Self::CompileTimeout => "dcc_compile_timeout",
            Self::CliDisconn => "dcc_cli_disconnect",
            Self::Other => "dcc_other",
        }
    }
}

/// One visit, told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How it ended.
    pub outcome: Outcome,
    /// Wait status of the compiler, 0 if none ran.
    pub status: i32,
    /// Our own failure, or OK.
    pub exit: Exit,
    /// From connecting to the end.
    pub time: Duration,
    /// The compiler as the client named it, and the source; told where one was run.
    pub unit: Option<(String, String)>,
}

impl Summary {
    /// A visit that ended before any compiler ran.
    pub fn without_compile(outcome: Outcome, exit: Exit, time: Duration) -> Self {
        Self { outcome, status: 0, exit, time, unit: None }
    }

    /// The text that scripts look for in the logs of distcc 3.4.
    pub fn line(&self, client: &str) -> String {
        let code = (self.status >> 8) & 0xff;
        let signal = self.status & 0x7f;
        let core = self.status & 0x80;
        let unit = match &self.unit {
            Some((compiler, source)) => format!("{compiler} {source}"),
            None => String::new(),
        };
        format!(
            "client: {client} {} exit:{code} sig:{signal} core:{core} ret:{} time:{}ms {unit}",
            self.outcome.word(),
            self.exit.0,
            self.time.as_millis(),
        )
    }

    /// Logs it, level notice.
    pub fn log(&self, client: &str) {
        if log::enabled(Level::Notice) {
            log::write(Level::Notice, "dcc_job_summary", format_args!("{}", self.line(client)));
        }
    }
}

/// Text from a client as it may stand in a log line: one line, no control characters, no blanks
/// that would look like another field, not endless.
pub fn printable(bytes: &[u8]) -> String {
    const LONGEST: usize = 300;
    let text = String::from_utf8_lossy(bytes.get(..LONGEST).unwrap_or(bytes));
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || letter.is_whitespace() {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    if bytes.len() > LONGEST {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_distcc() {
        let mut summary = Summary {
            outcome: Outcome::CompileOk,
            status: 0,
            exit: Exit::OK,
            time: Duration::from_millis(22),
            unit: Some(("x86_64-linux-gnu-gcc".to_owned(), "hello.c".to_owned())),
        };
        assert_eq!(
            summary.line("127.0.0.1:60484"),
            "client: 127.0.0.1:60484 COMPILE_OK exit:0 sig:0 core:0 ret:0 time:22ms \
             x86_64-linux-gnu-gcc hello.c"
        );
        summary.status = 0x8b;
        summary.outcome = Outcome::CompileError;
        assert!(summary.line("x").contains("COMPILE_ERROR exit:0 sig:11 core:128 ret:0"));
        let refused =
            Summary::without_compile(Outcome::Other, Exit::FAILED, Duration::from_millis(1));
        assert_eq!(refused.line("x"), "client: x OTHER exit:0 sig:0 core:0 ret:100 time:1ms ");
    }

    #[test]
    fn a_client_cannot_forge_lines_of_the_log() {
        assert_eq!(printable(b"a.c\ndistccd[1] lie"), "a.c\\u{a}distccd[1]\\u{20}lie");
        assert!(printable(&[b'x'; 5000]).chars().count() <= 301);
    }
}
