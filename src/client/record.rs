//! What one call leaves behind for people to see: its state record and its line in the journal.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use crate::base::dirs;
use crate::base::env;
use crate::base::exit::Exit;
use crate::client::remote::Times;
use crate::compiler::reason::Reason;
use crate::progress::board::Post;
use crate::progress::journal::{self, Entry, Outcome, Pump, Spent};

/// The record of one call.
#[derive(Debug)]
pub struct Record {
    /// Our place on the monitors' board.
    pub post: Post,
    /// How long each part took.
    pub spent: Spent,
    /// Anything that a person should know, besides the reason.
    pub message: String,
    /// Whether the unit went in pump mode.
    pub pump: Pump,
    unit: Vec<u8>,
    compiler: Vec<u8>,
    bytes_out: u64,
    bytes_in: u64,
    journal: Option<PathBuf>,
}

impl Record {
    /// Starts the record of a call of `compiler` for `unit`.
    pub fn new(unit: &OsStr, compiler: &OsStr) -> Self {
        let state_dir = dirs::state_dir();
        let board = state_dir.as_deref().map(|dir| dir.join("state"));
        Self {
            post: Post::new(&board.unwrap_or_else(|| PathBuf::from("/nonexistent"))),
            spent: Spent::default(),
            message: String::new(),
            pump: Pump::NotAsked,
            unit: unit.as_bytes().to_vec(),
            compiler: compiler.as_bytes().to_vec(),
            bytes_out: 0,
            bytes_in: 0,
            journal: state_dir.map(|dir| dir.join("journal")),
        }
    }

    /// Adds what one exchange took.
    pub fn add(&mut self, times: &Times) {
        self.spent.send_ms += ms(times.sent);
        self.spent.compile_ms += ms(times.answered.saturating_sub(times.sent));
        self.spent.receive_ms += ms(times.received.saturating_sub(times.answered));
        self.bytes_out += times.bytes_out;
        self.bytes_in += times.bytes_in;
    }

    /// Closes the record of a unit that was compiled on `volunteer`.
    pub fn remote(self, volunteer: &str, exit: Exit) {
        self.close(Outcome::Remote { volunteer: volunteer.to_owned() }, exit);
    }

    /// Closes the record of a command that ran here.
    pub fn local(self, reason: &Reason, exit: Exit) {
        let counter = reason.counter().to_owned();
        self.close(Outcome::Local { counter, sentence: reason.sentence() }, exit);
    }

    fn close(self, outcome: Outcome, exit: Exit) {
        let Some(journal) = &self.journal else { return };
        let entry = Entry {
            time_ms: journal::unix_ms(SystemTime::now()),
            pid: std::process::id(),
            unit: self.unit,
            compiler: self.compiler,
            outcome,
            exit: exit.0,
            spent: self.spent,
            bytes_out: self.bytes_out,
            bytes_in: self.bytes_in,
            pump: self.pump,
            message: self.message,
            build: env::DISTCC_BUILD.get().unwrap_or_default().into_vec(),
        };
        if let Err(error) = journal::append(journal, &entry) {
            crate::debug!("{}: {error}", journal.display());
        }
    }
}

/// Milliseconds since `start`.
pub fn since(start: Instant) -> u64 {
    ms(start.elapsed())
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
