//! Everything a peer can get wrong, as values that read on from "bad request from ADDRESS: ".

use crate::protocol::lzo::LzoError;

/// Which packet a decoder was at, in words that a log line can end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The four letters.
    pub token: [u8; 4],
    /// Which of several packets with these letters, counted from 1; 0 where there is only one.
    pub ordinal: u32,
    /// Out of how many.
    pub count: u32,
}

impl Place {
    /// The only packet with these letters.
    pub fn only(token: [u8; 4]) -> Self {
        Self { token, ordinal: 0, count: 0 }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}", self.token.escape_ascii())?;
        if self.ordinal > 0 {
            write!(out, " {} of {}", self.ordinal, self.count)?;
        }
        Ok(())
    }
}

/// How the bytes of a peer were no request, or no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The letters are not the ones that had to come here.
    #[error("expected {expected}, found `{}`", found.escape_ascii())]
    Token {
        /// The packet that had to come.
        expected: Place,
        /// The letters that came.
        found: [u8; 4],
    },
    /// The eight characters after the letters are no hexadecimal number.
    #[error("{place}: `{}` is no number of eight hex digits", found.escape_ascii())]
    Number {
        /// The packet.
        place: Place,
        /// What stood where its number should.
        found: [u8; 8],
    },
    /// A length or count is past what this end takes.
    #[error("{place}: {found} is more than {limit}, the most we take")]
    TooMuch {
        /// The packet.
        place: Place,
        /// The number it carried.
        found: u64,
        /// The most that is allowed here.
        limit: u64,
    },
    /// The words of the command line are together longer than this end takes.
    #[error(
        "{place}: the command line grows to {found} bytes, more than {limit}, the most we take"
    )]
    LongCommand {
        /// The packet.
        place: Place,
        /// Bytes of all words so far, this one included.
        found: u64,
        /// The most that is allowed.
        limit: u64,
    },
    /// `ARGC` says that there is no command at all.
    #[error("ARGC: a command line of no words")]
    NoCommand,
    /// A protocol version that nobody here speaks.
    #[error("DIST: protocol version {0} is unknown (1 plain, 2 lzo and 3 pump are known)")]
    Version(u32),
    /// A protocol version that this end knows, and does not serve.
    #[error("DIST: protocol version {0} is not served here (the newest that is: {1})")]
    VersionNotServed(u32, u32),
    /// The reply speaks another version than the request.
    #[error("DONE: reply in protocol version {found} to a request in version {asked}")]
    OtherVersion {
        /// The request's.
        asked: u32,
        /// The reply's.
        found: u32,
    },
    /// A body that should be an LZO stream is none, or unpacks to too much.
    #[error("{place}: {error}")]
    Lzo {
        /// The packet.
        place: Place,
        /// What is wrong with its body.
        error: LzoError,
    },
    /// What stands in a body is not what belongs there.
    #[error("{place}: its body cannot be read; is it of another release?")]
    Body {
        /// The packet.
        place: Place,
    },
    /// The peer closed the connection before it said anything.
    #[error("the connection was closed before the first byte")]
    Silent,
    /// The peer closed the connection in the middle.
    #[error("the connection was closed in {place}, {missing} bytes short, after {received} bytes")]
    Cut {
        /// The packet.
        place: Place,
        /// Bytes that this packet still needed.
        missing: u64,
        /// Bytes that had come in all.
        received: u64,
    },
}
