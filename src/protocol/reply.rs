//! A reply: how the compiler ended, what it printed, and the object it made.

use crate::protocol::limits::Limits;
use crate::protocol::lzo;
use crate::protocol::packet::{self, Header, PacketReader, ReadPackets, header, token};
use crate::protocol::version::Version;
use crate::protocol::wire_error::{Place, WireError};

/// A whole reply, unpacked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The compiler's wait status: `exit << 8 | signal`, with 0x80 for a core dump.
    pub status: i32,
    /// What the compiler wrote to stderr, and what the volunteer had to say.
    pub stderr: Vec<u8>,
    /// What the compiler wrote to stdout.
    pub stdout: Vec<u8>,
    /// The object file; empty unless `status` is 0.
    pub object: Vec<u8>,
    /// The dependency file; only in pump mode, and only if `status` is 0.
    pub dependencies: Vec<u8>,
}

impl Reply {
    /// The compiler's exit code, or `None` if a signal ended it.
    pub fn exit_code(&self) -> Option<i32> {
        (self.status & 0x7f == 0).then_some(self.status >> 8 & 0xff)
    }

    /// The signal that ended the compiler.
    pub fn signal(&self) -> Option<i32> {
        Some(self.status & 0x7f).filter(|&signal| signal != 0)
    }
}

/// All bytes of a reply; `echo` is the number that the request's `DIST` carried.
///
/// The object of a compile that failed is never sent.
pub fn encode_reply(version: Version, echo: u32, reply: &Reply) -> Vec<u8> {
    let object: &[u8] = if reply.status == 0 { &reply.object } else { &[] };
    let bulk = reply.stderr.len() + reply.stdout.len() + object.len() + reply.dependencies.len();
    let mut out = Vec::with_capacity(if version.compresses() { bulk / 2 } else { bulk } + 128);
    out.extend_from_slice(&header(token::DONE, echo));
    out.extend_from_slice(&header(token::STAT, reply.status.cast_unsigned()));
    let mut bulk = |token, body: &[u8]| {
        if version.compresses() && !body.is_empty() {
            packet::put(&mut out, token, &lzo::compress(body));
        } else {
            packet::put(&mut out, token, body);
        }
    };
    bulk(token::SERR, &reply.stderr);
    bulk(token::SOUT, &reply.stdout);
    bulk(token::DOTO, object);
    if version == Version::Pump && reply.status == 0 {
        bulk(token::DOTD, &reply.dependencies);
    }
    out
}

/// The packet that comes next, or whose body is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Done,
    Stat,
    Serr,
    Sout,
    Doto,
    Dotd,
    Complete,
}

impl Stage {
    fn token(self) -> [u8; 4] {
        match self {
            Self::Done => token::DONE,
            Self::Stat => token::STAT,
            Self::Serr => token::SERR,
            Self::Sout => token::SOUT,
            Self::Doto => token::DOTO,
            Self::Dotd | Self::Complete => token::DOTD,
        }
    }
}

/// Reads one reply from bytes in any pieces.
#[derive(Debug)]
pub struct ReplyDecoder {
    version: Version,
    limits: Limits,
    reader: PacketReader,
    stage: Stage,
    reply: Reply,
}

impl ReplyDecoder {
    /// A decoder of the reply to a request in `version`.
    pub fn new(version: Version, limits: &Limits) -> Self {
        Self {
            version,
            limits: limits.clone(),
            reader: PacketReader::default(),
            stage: Stage::Done,
            reply: Reply::default(),
        }
    }

    /// Takes the next bytes; gives the reply when they complete it.
    ///
    /// # Errors
    ///
    /// What is wrong with the reply; nothing more can be read from this stream then. Bytes after
    /// the last packet are nobody's: the client has what it needs and hangs up.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<Reply>, WireError> {
        let mut input = bytes;
        while self.stage != Stage::Complete {
            let Some(body) = self.packet(&mut input)? else { return Ok(None) };
            self.accept(body)?;
            if self.stage == Stage::Complete {
                return Ok(Some(std::mem::take(&mut self.reply)));
            }
        }
        Ok(None)
    }

    /// Whether `DONE` has come: the volunteer has finished compiling and now only sends.
    pub fn started(&self) -> bool {
        self.stage != Stage::Done
    }

    /// Bytes taken so far.
    pub fn received(&self) -> u64 {
        self.reader.received()
    }

    /// Bytes of memory held for this reply, unpacked parts included.
    pub fn held(&self) -> usize {
        let reply = &self.reply;
        let parts = [&reply.stderr, &reply.stdout, &reply.object, &reply.dependencies];
        self.reader.held() + parts.map(Vec::capacity).iter().sum::<usize>()
    }

    /// What it means that the stream ends here.
    pub fn finish(self) -> WireError {
        self.reader.cut(Place::only(self.stage.token()))
    }

    /// The most bytes of the body that is open, as sent and unpacked.
    fn most(&self) -> usize {
        match self.stage {
            Stage::Doto => self.limits.object,
            Stage::Dotd => self.limits.dependencies,
            _ => self.limits.output,
        }
    }

    fn accept(&mut self, body: Vec<u8>) -> Result<(), WireError> {
        match self.stage {
            Stage::Done => self.stage = Stage::Stat,
            Stage::Stat => self.stage = Stage::Serr,
            Stage::Serr => {
                self.reply.stderr = self.unpack(body)?;
                self.stage = Stage::Sout;
            }
            Stage::Sout => {
                self.reply.stdout = self.unpack(body)?;
                self.stage = Stage::Doto;
            }
            Stage::Doto if self.reply.status != 0 => self.stage = Stage::Complete,
            Stage::Doto => {
                self.reply.object = self.unpack(body)?;
                let pump = self.version == Version::Pump;
                self.stage = if pump { Stage::Dotd } else { Stage::Complete };
            }
            Stage::Dotd | Stage::Complete => {
                self.reply.dependencies = self.unpack(body)?;
                self.stage = Stage::Complete;
            }
        }
        Ok(())
    }

    fn unpack(&self, body: Vec<u8>) -> Result<Vec<u8>, WireError> {
        if !self.version.compresses() || body.is_empty() {
            return Ok(body);
        }
        let place = Place::only(self.stage.token());
        lzo::decompress(&body, self.most()).map_err(|error| WireError::Lzo { place, error })
    }
}

impl ReadPackets for ReplyDecoder {
    fn reader(&mut self) -> &mut PacketReader {
        &mut self.reader
    }

    fn judge(&mut self, head: &Header) -> Result<usize, WireError> {
        let place = Place::only(self.stage.token());
        match self.stage {
            Stage::Done => {
                let (asked, found) = (self.version.number(), head.value(place)?);
                if asked == found { Ok(0) } else { Err(WireError::OtherVersion { asked, found }) }
            }
            Stage::Stat => {
                self.reply.status = head.value(place)?.cast_signed();
                Ok(0)
            }
            _ => head.bounded(place, self.most()),
        }
    }
}
