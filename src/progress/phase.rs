//! The phases of a compile, as state records number them.

use std::fmt;

/// Where a compile stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Reading the command line.
    Startup = 0,
    /// Waiting for a free slot.
    Blocked = 1,
    /// Connecting to a volunteer.
    Connect = 2,
    /// The preprocessor runs here.
    Preprocess = 3,
    /// The request is on its way.
    Send = 4,
    /// The compiler runs, here or on the volunteer.
    Compile = 5,
    /// The reply is on its way.
    Receive = 6,
    /// All over.
    Done = 7,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 8] = [
        Self::Startup,
        Self::Blocked,
        Self::Connect,
        Self::Preprocess,
        Self::Send,
        Self::Compile,
        Self::Receive,
        Self::Done,
    ];

    /// The phase that a record's number stands for; what nobody knows counts as compiling, as in
    /// distcc 3.4.
    pub fn from_number(number: u32) -> Self {
        Self::ALL.into_iter().find(|phase| *phase as u32 == number).unwrap_or(Self::Compile)
    }

    /// The word that monitors show.
    pub fn name(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Blocked => "Blocked",
            Self::Connect => "Connect",
            Self::Preprocess => "Preprocess",
            Self::Send => "Send",
            Self::Compile => "Compile",
            Self::Receive => "Receive",
            Self::Done => "Done",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_survives_the_way_through_its_number() {
        for phase in Phase::ALL {
            assert_eq!(Phase::from_number(phase as u32), phase);
        }
    }

    #[test]
    fn an_unknown_number_counts_as_compiling() {
        assert_eq!(Phase::from_number(8), Phase::Compile);
        assert_eq!(Phase::from_number(u32::MAX), Phase::Compile);
    }
}
