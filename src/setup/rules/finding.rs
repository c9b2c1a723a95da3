//! What a rule has found.

use serde::Serialize;

use crate::setup::facts::place::{Place, Spot};

/// How much a finding matters; the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Builds are slower than they could be, or something that was written has no effect.
    Warning,
    /// makepkg stops, nothing at all is distributed, or the result may be wrong.
    Error,
}

impl Severity {
    /// The word for it, as in every format.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where it stands.
    pub place: Place,
    /// What is wrong, and what follows from it: a sentence without a full stop.
    pub message: String,
    /// What to write or to run: a sentence without a full stop.
    pub help: String,
    /// The command that `help` speaks of, where it is too long to be broken into lines.
    pub command: Option<String>,
    /// What to mind about the command.
    pub note: Option<String>,
    /// What to put where the spot is, if that is all there is to do.
    pub replacement: Option<String>,
}

impl Finding {
    /// What to do, in one line.
    pub fn advice(&self) -> String {
        let command = self.command.iter().map(|command| format!(": {command}"));
        let note = self.note.iter().map(|note| format!(" ({note})"));
        std::iter::once(self.help.clone()).chain(command).chain(note).collect()
    }

    /// The same with another severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The same, mended by putting `text` where the spot is; where quotes or backslashes are part
    /// of that, only a person can tell.
    #[must_use]
    pub fn replacing(mut self, text: impl Into<String>) -> Self {
        let quoted = |spot: &Spot| {
            let letters = spot.text.chars().skip(spot.column - 1).take(spot.width);
            letters.into_iter().any(|letter| matches!(letter, '"' | '\'' | '\\'))
        };
        let plain = self.place.in_file().is_some_and(|spot| !quoted(spot));
        self.replacement = plain.then(|| text.into());
        self
    }
}
